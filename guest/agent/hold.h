/* Everybody in the guest but banger's own processes, process 1 and the kernel's, held still: while a
 * copy of this machine is made, and in the copy until it knows who it is. By the cgroup freezer, which
 * no process can see or refuse. Functions return 0 or a negative errno. */
#ifndef BG_AGENT_HOLD_H
#define BG_AGENT_HOLD_H

#include <stdbool.h>
#include <sys/types.h>

/* Holds them all; those that are held already stay so. Returns when none of them runs any more.
 * -ETIMEDOUT when one cannot be stopped within 5 s (a device does not answer): then none is held.
 * -EOPNOTSUPP: this kernel has no cgroups. `guard` is whoever ends the hold if nobody else does;
 * `agent` gets SIGHUP at the end of the hold. */
int bg_hold_begin(pid_t guard, pid_t agent);

/* Lets all go on that bg_hold_begin has held. Who was frozen before by somebody else stays so. Asked
 * again, or without a hold, it does nothing. */
int bg_hold_end(void);

bool bg_hold_is(void);
/* The guard of the hold; 0: none. */
pid_t bg_hold_guard(void);

/* Whether the process is one of banger's own programs, or has none (the kernel's). */
bool bg_hold_is_spared(pid_t pid);

#endif
