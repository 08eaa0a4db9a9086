/* Firecracker's vsock socket protocol (docs/vsock.md there, docs/engine.md here) for a guest that
 * has no vhost-vsock: streams are multiplexed over the virtio-serial port named "banger.vsock".
 *
 * Both descriptors stay the caller's; they are non-blocking and open until bg_vsock_stop.
 *  - listen_fd: the listening unix stream socket bound at PUT /vsock. Connections are accepted
 *    here; `CONNECT <port>\n` is answered `OK <host port>\n` once the guest has accepted, else EOF.
 *  - port_fd: our end of the stream socket pair whose other end is QEMU's character device. It
 *    speaks guest/mux.h from byte 0; the guest may not be up yet, so that it may be silent for
 *    long. EOF or an error there means that QEMU has gone: every stream is closed, and only the
 *    caller ends the process.
 *  - uds_path: copied. A stream opened by the guest to port P is connected to `<uds_path>_<P>`.
 *
 * The loop calls back into the implementation; nothing blocks, memory is bounded whatever either
 * side does. A guest that restarts its side (reboot of its agent, snapshot load) says hello again
 * and loses its old streams; the listener survives. */
#ifndef BG_ENGINE_VSOCK_H
#define BG_ENGINE_VSOCK_H

#include "../api/loop.h"

struct bg_vsock;

/* 0 and *ret, or a negative errno with nothing left behind. */
int bg_vsock_start(struct bg_loop *loop, int listen_fd, int port_fd, const char *uds_path,
                   struct bg_vsock **ret);
/* Closes every stream and forgets both descriptors. NULL is fine. */
void bg_vsock_stop(struct bg_vsock *vsock);

#endif
