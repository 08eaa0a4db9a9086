/* See image.h. */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_file(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

static int copy(int from, int to)
{
    struct stat st;
    off_t at = 0;
    if (fstat(from, &st) < 0)
        return -errno;
    while (at < st.st_size) {
        ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
    }
    return 0;
}

int bg_image_place(int fd, const char *path, struct bg_image *ret, struct bg_vmm_error *error)
{
    *ret = (struct bg_image){0};
    if (same_file(fd, path)) {
        (void)snprintf(ret->path, sizeof ret->path, "%s", path);
        return 0;
    }
    (void)snprintf(ret->path, sizeof ret->path, ".boot-XXXXXX");
    int to = mkostemp(ret->path, O_CLOEXEC);
    int r = to < 0 ? -errno : copy(fd, to);
    ret->copied = to >= 0;
    if (to >= 0)
        close(to);
    if (r == 0)
        return 0;
    bg_image_drop(ret);
    errno = -r;
    (void)snprintf(error->text, sizeof error->text,
                   "System configuration error: Cannot load kernel: %s has gone, and no copy could "
                   "be made: %m",
                   path);
    return -1;
}

void bg_image_drop(struct bg_image *image)
{
    if (image->copied)
        (void)unlink(image->path);
    image->copied = false;
}
