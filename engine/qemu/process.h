/* The QEMU process: it dies with this one, whatever ends it. */
#ifndef BG_QEMU_PROCESS_H
#define BG_QEMU_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

struct bg_process {
    pid_t pid;
    int pidfd;     /* readable when it has ended */
    int stderr_fd; /* what it says on stderr; non-blocking */
};

/* Runs argv[0] from /usr/bin with no other environment than the given one, stdout_fd as stdout, the given descriptors
 * kept under their numbers and no others. 0 or -errno. */
int bg_process_start(char *const *argv, char *const *environment, int stdout_fd, const int *keep,
                     size_t n_keep, struct bg_process *ret);
/* Kills it, reaps it, closes the descriptors. */
void bg_process_end(struct bg_process *process);

#endif
