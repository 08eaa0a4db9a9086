/* See proc.h. The pidfd is opened first and the identity proven after: what was proven is what the fd holds. */
#include "proc.h"
#include "helper.h"

bool bg_proc_parse(struct bg_proc *ret, const char *text)
{
    /* "pid (comm) state ppid ...": comm is the process's to choose, so count from the last parenthesis. */
    const char *p = strrchr(text, ')');
    return p && sscanf(p,
                       ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                       "%*d %" SCNu64,
                       &ret->state, &ret->start) == 2;
}

bool bg_proc_parse_uid(uid_t *ret, const char *text)
{
    /* Name: comes first, and the kernel escapes newlines in it */
    const char *line = strstr(text, "\nUid:\t");
    return line && sscanf(line, "\nUid:\t%u", ret) == 1;
}

static int read_text(pid_t pid, const char *name, char *ret, size_t size)
{
    ssize_t n = bg_read_small(AT_FDCWD, bg_name("/proc/%d/%s", pid, name).s, ret, size);
    return n >= 0 ? 0 : errno == ENOENT ? -ESRCH : -errno;
}

int bg_proc_read(pid_t pid, struct bg_proc *ret)
{
    char text[1024];
    int error = read_text(pid, "stat", text, sizeof(text));
    return error < 0 ? error : bg_proc_parse(ret, text) ? 0 : -EBADMSG;
}

/* 0 when the process has the uid, -EPERM when another one. */
static int prove_uid(pid_t pid, uid_t uid)
{
    char text[2048];
    uid_t has;
    int error = read_text(pid, "status", text, sizeof(text));
    return error < 0 ? error : !bg_proc_parse_uid(&has, text) ? -EBADMSG : has == uid ? 0 : -EPERM;
}

static bool runs_jailer(pid_t pid, dev_t dev, ino_t ino)
{
    struct stat st;
    return stat(bg_name("/proc/%d/exe", pid).s, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

int bg_proc_open(pid_t pid, uint64_t start, uid_t uid, dev_t jailer_dev, ino_t jailer_ino)
{
    struct bg_proc now;
    BG_CLOSED int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    int error = fd < 0 ? -errno : bg_proc_read(pid, &now);
    if (error < 0)
        return error;
    if (now.start != start || now.state == 'Z' || now.state == 'X')
        return -ESRCH;
    error = prove_uid(pid, uid);
    if (error == -EPERM && prove_uid(pid, 0) == 0 && runs_jailer(pid, jailer_dev, jailer_ino))
        error = 0;
    else if (error == -EPERM) /* the jailer may have become the VMM between the two looks */
        error = prove_uid(pid, uid);
    return error < 0 ? error : bg_steal(&fd);
}
