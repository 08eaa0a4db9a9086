/* Streams of the vsock socket, with a guest that echoes behind it. */
#ifndef BG_SCRIPTED_STREAM_H
#define BG_SCRIPTED_STREAM_H

#include "loop.h"

/* Takes over a connection to the socket: it is answered as Firecracker answers, whatever pieces its line comes in. What follows
 * comes back, but for a request that agent.h answers. `number` is the host port of the answer; boot_id is the caller's, for as
 * long as the loop runs. The guest listens on port 1025 only. A connection that cannot be kept is closed. */
void stream_begin(struct bg_loop *loop, int fd, unsigned number, const char *boot_id);

#endif
