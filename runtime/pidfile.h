/*
 * Which process is the one of its kind. The lock on the file says it, not the number in it: a
 * crash releases the lock, and a reused pid cannot hold it. Pid and start time are there so
 * that others can find the holder and prove it.
 *
 * The file is never removed: a remover and a new starter could otherwise hold locks on two
 * files of one name.
 */
#ifndef BG_PIDFILE_H
#define BG_PIDFILE_H

#include <sys/types.h>

#include "err.h"

struct bg_pidfile_holder {
    pid_t pid;
    unsigned long long start; /* field 22 of /proc/PID/stat */
};

/*
 * Lock and write our pid. The descriptor holds the lock; keep it open. pidfile.held while
 * another process has it; one that is dead and has left it to a child for a moment is waited for,
 * at most 1 s.
 */
int bg_pidfile_acquire(const char *path, struct bg_err *err);

/*
 * Who holds the lock. pidfile.free when nobody does (or the file is absent); pidfile.unproven
 * when somebody does but the process that the file names is not a live one with that start time
 * (it has just been taken, or is not one of ours).
 */
int bg_pidfile_holder(const char *path, struct bg_pidfile_holder *ret_holder, struct bg_err *err);

/* Signal the holder through a pidfd that was opened before lock, pid and start time were proven. */
int bg_pidfile_signal(const char *path, int signal, struct bg_err *err);

#endif
