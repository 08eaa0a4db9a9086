/*
 * Processes and users as the kernel tells them. A pid alone names nothing (it is reused): keep
 * it with its start time, or hold a pidfd.
 */
#ifndef BG_PROC_H
#define BG_PROC_H

#include <limits.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"

struct bg_proc {
    unsigned long long start; /* field 22 of /proc/PID/stat: clock ticks since boot */
    pid_t ppid;
    char state;         /* R S D Z T t X I */
    uid_t uid;          /* effective */
    char exe[PATH_MAX]; /* empty when the kernel does not tell (another user's, a kernel thread) */
};

int bg_proc_read(pid_t pid, struct bg_proc *ret_proc, struct bg_err *err);

/* A pidfd (O_CLOEXEC), owned by the caller. */
int bg_proc_pidfd(pid_t pid, struct bg_err *err);

/* Send `signal` to the process that the pidfd holds. */
int bg_proc_signal(int pidfd, int signal, struct bg_err *err);

/* 32 lower case hex digits and NUL. */
int bg_proc_boot_id(char ret_id[static 33], struct bg_err *err);

struct bg_user {
    uid_t uid;
    gid_t gid;
    const char *name; /* both in `text` */
    const char *home;
    struct bg_buf text; /* bg_buf_free it */
};

/*
 * Look a user up by name, or by uid where name is NULL. code "user.not_found" when there is
 * none.
 */
int bg_proc_user(const char *name, uid_t uid, struct bg_user *ret_user, struct bg_err *err);

/*
 * Read a small file of /proc or /sys whole, NUL ended. Bytes read (without the NUL) or -errno;
 * `err` is not involved.
 */
ssize_t bg_proc_slurp(int dir, const char *path, char *bytes, size_t capacity);

#endif
