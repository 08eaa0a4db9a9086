/* Firecracker's vsock socket protocol on one end of a mux. Both ends of the pipe use it: the engine
 * for the host's sockets, banger-vsockd for those in the guest.
 *
 *  - A program connects to the listening unix socket, writes `CONNECT <port>\n` (any case, decimal,
 *    at most 32 bytes) and reads `OK <number>\n` once the other side has accepted; refused, it
 *    reads EOF, and so it does when there is no answer within 2 seconds (the other side may not be up).
 *  - A stream opened by the other side to port P is connected to the unix socket `<path>_<P>`; there
 *    is nobody, it is reset.
 *
 * Everything hangs on one epoll descriptor: when bg_bridge_fd is readable, call bg_bridge_step, which
 * waits for at most timeout_ms (-1: for ever) while there is nothing to do, and for nothing else. Memory: at most BG_MUX_WINDOW for each stream whose local reader is slow. */
#ifndef BG_GUEST_BRIDGE_H
#define BG_GUEST_BRIDGE_H

#include "mux.h"

struct bg_bridge;

/* Both descriptors stay the caller's, are non-blocking and open until bg_bridge_free. path is
 * copied. 0 and *ret, or a negative errno. */
int bg_bridge_new(enum bg_mux_side side, int listen_fd, int port_fd, const char *path,
                  struct bg_bridge **ret);
/* Closes every connection. NULL is fine. */
void bg_bridge_free(struct bg_bridge *bridge);

int bg_bridge_fd(const struct bg_bridge *bridge);
/* 0, or -EPIPE once the pipe's other end is gone; then only bg_bridge_free makes sense. */
int bg_bridge_step(struct bg_bridge *bridge, int timeout_ms);

#endif
