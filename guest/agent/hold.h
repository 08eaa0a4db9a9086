/* Everybody in the guest but banger's own processes, process 1 and the kernel's, held still: while a
 * copy of this machine is made, and in the copy until it knows who it is. By the cgroup freezer, which
 * no process can see or refuse. Functions return 0 or a negative errno. */
#ifndef BG_AGENT_HOLD_H
#define BG_AGENT_HOLD_H

#include <stdbool.h>
#include <sys/types.h>

struct bg_hold {
    pid_t guard; /* ends the hold if nobody else does */
    pid_t agent; /* is told by SIGHUP that it has ended */
};

/* Holds them all; those that are held already stay so. Returns when none of them runs any more.
 * -ETIMEDOUT when one cannot be stopped within 5 s (a device does not answer): then none is held.
 * -EOPNOTSUPP: this kernel has no cgroups. `who` is what bg_hold_who tells while it lasts. */
int bg_hold_begin(struct bg_hold who);

/* Lets all go on that bg_hold_begin has held. Who was frozen before by somebody else stays so. Asked
 * again, or without a hold, it does nothing. */
int bg_hold_end(void);

bool bg_hold_is(void);
/* A cgroup that was made just now is held, too, if there is a hold: whoever is born in it waits. */
void bg_hold_join(const char *group);
/* 0 and 0: there is no hold. */
struct bg_hold bg_hold_who(void);

/* Whether the process is one of banger's own programs, or has none (the kernel's). */
bool bg_hold_is_spared(pid_t pid);

#endif
