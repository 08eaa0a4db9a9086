/* See place.h. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/*
 * The kernel copies; a file system that cannot share blocks or copy in the kernel answers with
 * an error that means "do it yourself".
 */
static int copy_blocks(int from, int to)
{
    char block[65536];
    off_t at = 0;

    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    for (;;) {
        ssize_t n = pread(from, block, sizeof(block), at);
        if (n == 0)
            return 0;
        if (n > 0)
            n = pwrite(to, block, (size_t)n, at);
        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? n : 0;
    }
}

int bg_place_copy(int fd, const char *path, mode_t mode, struct bg_err *err)
{
    bg_autofd int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r;

    if (to < 0)
        return bg_fail_sys(err, errno, "copy to %s", path);
    r = copy_blocks(fd, to);
    if (r == 0 && (fchmod(to, mode) < 0 || fsync(to) < 0))
        r = -errno;
    if (r < 0) {
        unlink(path);
        return bg_fail_sys(err, -r, "copy to %s", path);
    }
    return 0;
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    bg_autofree char *parent = slash == NULL   ? strdup(".")
                               : slash == path ? strdup("/")
                                               : strndup(path, (size_t)(slash - path));
    bg_autofd int dir = parent == NULL ? -1 : open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return dir < 0 || fsync(dir) < 0 ? -errno : 0;
}

int bg_place_rename(const char *from, const char *to, struct bg_err *err)
{
    int r;

    if (rename(from, to) < 0)
        return bg_fail_sys(err, errno, "rename %s to %s", from, to);
    r = sync_folder_of(to);
    return r < 0 ? bg_fail_sys(err, -r, "rename to %s: fsync of its folder", to) : 0;
}

int bg_place_exchange(const char *from, const char *to, struct bg_err *err)
{
    int r;

    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) < 0)
        return bg_fail_sys(err, errno, "exchange %s and %s", from, to);
    r = sync_folder_of(to);
    return r < 0 ? bg_fail_sys(err, -r, "exchange with %s: fsync of its folder", to) : 0;
}

int bg_place_symlink(const char *target, const char *path, struct bg_err *err)
{
    return symlink(target, path) < 0 ? bg_fail_sys(err, errno, "link %s", path) : 0;
}

int bg_place_sync(const char *path, struct bg_err *err)
{
    bg_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 || syncfs(fd) < 0 ? bg_fail_sys(err, errno, "sync %s", path) : 0;
}
