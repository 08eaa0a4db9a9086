/* Processes and users: /proc, pidfds, the user database. */
#include "proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "util.h"

ssize_t bg_proc_slurp(int dir, const char *path, char *bytes, size_t capacity)
{
    bg_autofd int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t size = 0;

    if (fd < 0)
        return -errno;
    while (size < capacity - 1) {
        ssize_t n = read(fd, bytes + size, capacity - 1 - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    bytes[size] = '\0';
    return (ssize_t)size;
}

/*
 * Fields 3, 4 and 22. The name (field 2) may hold spaces and parentheses, so counting starts
 * after the last ')'.
 */
static int parse_stat(const char *stat, struct bg_proc *proc)
{
    const char *after = strrchr(stat, ')');

    if (after == NULL ||
        sscanf(after,
               ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &proc->state, &proc->ppid, &proc->start) != 3)
        return -EPROTO;
    return 0;
}

int bg_proc_read(pid_t pid, struct bg_proc *ret_proc, struct bg_err *err)
{
    bg_autofd int dir = -1;
    struct bg_proc proc = {0};
    struct stat st;
    char text[1024];
    ssize_t n;

    snprintf(text, sizeof(text), "/proc/%d", (int)pid);
    /*
     * One open folder for all reads: they tell of one process even if the pid is reused
     * meanwhile.
     */
    dir = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return bg_fail_sys(err, errno == ENOENT ? ESRCH : errno, "process %d", (int)pid);
    n = bg_proc_slurp(dir, "stat", text, sizeof(text));
    if (n >= 0)
        n = parse_stat(text, &proc);
    if (n >= 0 && fstat(dir, &st) < 0)
        n = -errno;
    if (n < 0)
        return bg_fail_sys(err, (int)-n, "process %d: read its stat", (int)pid);
    proc.uid = st.st_uid;
    n = readlinkat(dir, "exe", proc.exe, sizeof(proc.exe) - 1);
    proc.exe[n < 0 ? 0 : n] = '\0';
    *ret_proc = proc;
    return 0;
}

int bg_proc_pidfd(pid_t pid, struct bg_err *err)
{
    long fd = syscall(SYS_pidfd_open, pid, 0);

    return fd < 0 ? bg_fail_sys(err, errno, "open a pidfd of process %d", (int)pid) : (int)fd;
}

int bg_proc_signal(int pidfd, int signal, struct bg_err *err)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0)
        return bg_fail_sys(err, errno, "send %s by pidfd", sigabbrev_np(signal));
    return 0;
}

int bg_proc_boot_id(char ret_id[static 33], struct bg_err *err)
{
    char text[64];
    size_t digits = 0;
    ssize_t n = bg_proc_slurp(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));

    if (n < 0)
        return bg_fail_sys(err, (int)-n, "read the boot id");
    for (const char *at = text; *at != '\0' && digits < 32; at++)
        if (isxdigit((unsigned char)*at))
            ret_id[digits++] = *at;
    if (digits != 32)
        return bg_fail_sys(err, EPROTO, "read the boot id");
    ret_id[32] = '\0';
    return 0;
}

int bg_proc_user(const char *name, uid_t uid, struct bg_user *ret_user, struct bg_err *err)
{
    struct bg_buf text = {0};
    struct passwd entry, *found;
    int r;

    do {
        if (bg_buf_reserve(&text, text.capacity == 0 ? 1024 : text.capacity * 2) < 0) {
            bg_buf_free(&text);
            return bg_fail_sys(err, ENOMEM, "look up a user");
        }
        r = name != NULL ? getpwnam_r(name, &entry, text.bytes, text.capacity, &found)
                         : getpwuid_r(uid, &entry, text.bytes, text.capacity, &found);
    } while (r == ERANGE);
    if (r == 0 && found != NULL) {
        *ret_user = (struct bg_user){.uid = entry.pw_uid,
                                     .gid = entry.pw_gid,
                                     .name = entry.pw_name,
                                     .home = entry.pw_dir,
                                     .text = text};
        return 0;
    }
    bg_buf_free(&text);
    if (r != 0 && r != ENOENT && r != ESRCH)
        return bg_fail_sys(err, r, "look up a user");
    if (name != NULL)
        return bg_fail(err, "user.not_found", "no user is named %s", name);
    return bg_fail(err, "user.not_found", "no user has uid %u", uid);
}
