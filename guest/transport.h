/* How programs in the guest reach the host and are reached, by port number as in AF_VSOCK.
 *
 * Where the VM has the virtio-serial port "banger.vsock", banger-vsockd bridges it, and the ports are
 * unix sockets: connect to BG_VSOCK_PATH and say CONNECT, listen at BG_VSOCK_PATH_<port>. Elsewhere
 * they are AF_VSOCK's. Only this file knows the difference.
 *
 * Descriptors are close-on-exec. Failure is a negative errno. */
#ifndef BG_GUEST_TRANSPORT_H
#define BG_GUEST_TRANSPORT_H

#include <stdint.h>

#define BG_RUN_DIR       "/run/banger"
#define BG_VSOCK_PATH    BG_RUN_DIR "/vsock"
#define BG_MUX_PORT_NAME "banger.vsock"

enum { BG_PORT_NOTIFY = 1024, BG_PORT_AGENT = 1025 };

/* The virtio-serial port of the mux, opened non-blocking; -ENOENT when the VM has none, -EBUSY when
 * another program has it. */
int bg_transport_mux_port(void);

/* A non-blocking unix stream socket listening at path, mode 0600, in place of a stale one. */
int bg_transport_listen_unix(const char *path);
/* A non-blocking AF_VSOCK socket listening on port; -EAFNOSUPPORT in a kernel without vsock. */
int bg_transport_listen_vsock(uint32_t port);

/* A non-blocking stream to the host's port. *ret_answer says whether the host's `OK <n>\n` comes
 * first (a connection refused is then EOF); else poll for writing as after connect(2). */
int bg_transport_connect(uint32_t port, int *ret_answer);

#endif
