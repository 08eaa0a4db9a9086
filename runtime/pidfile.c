/*
 * Open file description locks: they belong to the descriptor (and its copies, over fork), and
 * unlike flock they can be asked about without being taken, so that a look never makes a
 * starter fail.
 */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"
#include "util.h"

/* The whole file; F_OFD_* want l_pid 0. */
static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

/*
 * A process that is killed while it forks a child leaves its lock to the child until that calls
 * exec. So a lock whose holder is dead, or has not written its name yet, is waited for.
 */
static int take_lock(int fd, const char *path, struct bg_err *err)
{
    enum { WAIT_MS = 1000, PAUSE_MS = 5 };
    struct bg_pidfile_holder holder;

    for (int left = WAIT_MS;; left -= PAUSE_MS) {
        struct flock lock = whole_file();

        if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
            return 0;
        if (errno != EAGAIN && errno != EACCES)
            return bg_fail_sys(err, errno, "lock %s", path);
        if (left <= 0 || bg_pidfile_holder(path, &holder, err) == 0)
            return bg_fail(err, "pidfile.held", "%s: another process runs already", path);
        poll(NULL, 0, PAUSE_MS);
    }
}

int bg_pidfile_acquire(const char *path, struct bg_err *err)
{
    bg_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct bg_proc self;
    char line[64];
    int r, length;

    if (fd < 0)
        return bg_fail_sys(err, errno, "pidfile %s", path);
    r = take_lock(fd, path, err);
    if (r == 0)
        r = bg_proc_read(getpid(), &self, err);
    if (r < 0)
        return r;
    length = snprintf(line, sizeof(line), "%d %llu\n", (int)getpid(), self.start);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, line, (size_t)length, 0) != length)
        return bg_fail_sys(err, errno != 0 ? errno : EIO, "write %s", path);
    return bg_steal_fd(&fd);
}

static bool is_free(int fd)
{
    struct flock lock = whole_file();

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

/* Read the line, prove it, and leave a pidfd of the holder (the caller's) with it. */
static int find_holder(const char *path, struct bg_pidfile_holder *ret_holder, int *ret_pidfd,
                       struct bg_err *err)
{
    bg_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bg_autofd int pidfd = -1;
    struct bg_pidfile_holder holder;
    struct bg_proc proc;
    char line[64] = "";
    int pid;

    if (fd < 0 && errno != ENOENT)
        return bg_fail_sys(err, errno, "pidfile %s", path);
    if (fd < 0 || is_free(fd))
        return bg_fail(err, "pidfile.free", "%s: no process holds it", path);
    if (read(fd, line, sizeof(line) - 1) < 0 || sscanf(line, "%d %llu", &pid, &holder.start) != 2 ||
        pid <= 0)
        return bg_fail(err, "pidfile.unproven", "%s: held, but it names no process", path);
    holder.pid = pid;
    /* The pidfd first: what is proven afterwards is proven of the process that it holds. */
    pidfd = bg_proc_pidfd(pid, err);
    if (pidfd < 0 || bg_proc_read(pid, &proc, err) < 0 || proc.start != holder.start || is_free(fd))
        return bg_fail(err, "pidfile.unproven", "%s: held, but not by process %d", path, pid);
    *ret_holder = holder;
    *ret_pidfd = bg_steal_fd(&pidfd);
    return 0;
}

int bg_pidfile_holder(const char *path, struct bg_pidfile_holder *ret_holder, struct bg_err *err)
{
    bg_autofd int pidfd = -1;

    return find_holder(path, ret_holder, &pidfd, err);
}

int bg_pidfile_signal(const char *path, int signal, struct bg_err *err)
{
    struct bg_pidfile_holder holder;
    bg_autofd int pidfd = -1;
    int r = find_holder(path, &holder, &pidfd, err);

    return r < 0 ? r : bg_proc_signal(pidfd, signal, err);
}
