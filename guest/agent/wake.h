/* The end of a hold (hold.h): the processes go on where they were, in the machine that was copied; in
 * a copy they do so after it has become the VM that its seed drive describes. */
#ifndef BG_AGENT_WAKE_H
#define BG_AGENT_WAKE_H

#include <stdbool.h>

/* Becomes what the seed drive says. Where that is another VM than before, first its network goes down
 * and the TCP connections of the VM that it is a copy of end (ECONNRESET), and afterwards sshd reads
 * its host keys again. *ret_other tells which it was. 0 or a negative errno. */
int bg_wake_identity(bool *ret_other);

#endif
