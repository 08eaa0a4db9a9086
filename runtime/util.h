/*
 * Small things every file of the runtime uses.
 *
 * Ownership rule of the room: a local that owns something is declared with a cleanup attribute;
 * giving it away is visible as bg_steal_*(). Descriptors that are not open are -1.
 */
#ifndef BG_UTIL_H
#define BG_UTIL_H

#include <stdlib.h>
#include <unistd.h>

#define BG_CLEANUP(f) __attribute__((cleanup(f)))
#define BG_COUNT(a)   (sizeof(a) / sizeof((a)[0]))

static inline void bg_fd_cleanup(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define bg_autofd BG_CLEANUP(bg_fd_cleanup)

static inline int bg_steal_fd(int *fd)
{
    int given = *fd;
    *fd = -1;
    return given;
}

static inline void bg_free_cleanup(void *pointer)
{
    free(*(void **)pointer);
}
#define bg_autofree BG_CLEANUP(bg_free_cleanup)

#endif
