/* What /proc says of a process, read so that a hostile process name cannot mislead us. */
#ifndef BANGER_HELPER_PROC_H
#define BANGER_HELPER_PROC_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Clock ticks from boot to the start: with the pid it names a process for as long as the host is up. */
struct bg_proc {
    char state;
    uint64_t start;
};
bool bg_proc_parse(struct bg_proc *ret, const char *stat_text); /* the text of /proc/<pid>/stat */
bool bg_proc_parse_uid(uid_t *ret, const char *status_text);    /* the real one */
int bg_proc_read(pid_t pid, struct bg_proc *ret); /* 0 or negative errno; -ESRCH when gone */

/*
 * A pidfd of the process that has this pid and start time. -ESRCH when it is gone (or a zombie), -EPERM when its real
 * uid is neither `uid` nor, while it still is the jailer, root with the executable dev:ino.
 */
int bg_proc_open(pid_t pid, uint64_t start, uid_t uid, dev_t jailer_dev, ino_t jailer_ino);
#endif
