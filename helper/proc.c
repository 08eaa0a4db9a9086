/* See proc.h. The pidfd is opened first and the identity proven after: what was proven is what the fd holds. */
#include "proc.h"
#include "helper.h"
#include <stdlib.h>
#include <sys/syscall.h>

bool bg_proc_parse(struct bg_proc *ret, const char *text)
{
    /* "pid (comm) state ppid ...": comm is the process's to choose, so count from the last parenthesis. */
    const char *p = strrchr(text, ')');
    unsigned long long start;
    int ppid;
    char state;
    if (!p ||
        sscanf(p,
               ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &ppid, &start) != 3)
        return false;
    *ret = (struct bg_proc){.ppid = ppid, .state = state, .start = start};
    return true;
}

int bg_proc_read(pid_t pid, struct bg_proc *ret)
{
    char path[32], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (bg_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    return bg_proc_parse(ret, text) ? 0 : -EBADMSG;
}

static int real_uid(pid_t pid, uid_t *ret)
{
    char path[32], text[2048];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    if (bg_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    /* Name: comes first, and the kernel escapes newlines in it */
    const char *line = strstr(text, "\nUid:\t");
    return line && sscanf(line, "\nUid:\t%u", ret) == 1 ? 0 : -EBADMSG;
}

static bool runs_jailer(pid_t pid, dev_t dev, ino_t ino)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    return stat(path, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

int bg_proc_open(pid_t pid, uint64_t start, uid_t uid, dev_t jailer_dev, ino_t jailer_ino)
{
    struct bg_proc now;
    uid_t has;
    BG_CLOSED int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return -errno;
    int error = bg_proc_read(pid, &now);
    if (error < 0)
        return error;
    if (now.start != start || now.state == 'Z' || now.state == 'X')
        return -ESRCH;
    if ((error = real_uid(pid, &has)) < 0)
        return error;
    if (has != uid && !(has == 0 && runs_jailer(pid, jailer_dev, jailer_ino)) &&
        (real_uid(pid, &has) < 0 ||
         has != uid)) /* the jailer may have become the VMM between the two looks */
        return -EPERM;
    return bg_steal(&fd);
}
