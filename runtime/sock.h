/*
 * Unix sockets that carry descriptors. Every socket made here is O_CLOEXEC and non-blocking;
 * received descriptors are O_CLOEXEC and keep the file status flags of their sender (those are
 * shared with it).
 */
#ifndef BG_SOCK_H
#define BG_SOCK_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "err.h"

#define BG_SOCK_MAX_FDS 16 /* more than any message of ours carries */

/*
 * `type` is SOCK_STREAM, SOCK_SEQPACKET or (not to listen) SOCK_DGRAM throughout. Each returns the descriptor, the caller's
 * from then on.
 */

/* Connecting to a unix socket does not wait: EAGAIN when the backlog is full. */
int bg_sock_connect(const char *path, int type, struct bg_err *err);

/*
 * Bind and listen. A socket at `path` that nobody listens on is a dead process's and is
 * replaced; anything else there is EADDRINUSE. The mode is set before the first connection can
 * be made.
 */
int bg_sock_listen(const char *path, int type, mode_t mode, struct bg_err *err);

int bg_sock_accept(int fd, struct bg_err *err);
int bg_sock_peer(int fd, struct ucred *ret_peer, struct bg_err *err);
int bg_sock_pair(int type, int ret_fds[static 2], struct bg_err *err);

/*
 * Send bytes, and descriptors with the first of them. Bytes taken; EAGAIN in err->sys when the
 * socket is full.
 */
ssize_t bg_sock_send(int fd, const void *bytes, size_t size, const int *fds, size_t fd_count,
                     struct bg_err *err);

/*
 * Receive at most `size` bytes and `max_fds` descriptors (≤ BG_SOCK_MAX_FDS), which are then
 * the caller's. 0 at the end. A message that did not fit, or more descriptors than asked for,
 * is a failure (sock.truncated), and what came is closed.
 */
ssize_t bg_sock_recv(int fd, void *bytes, size_t size, int *ret_fds, size_t max_fds,
                     size_t *ret_fd_count, struct bg_err *err);

/*
 * Listening sockets that systemd passed (sd_listen_fds(3)), as first descriptor and count (0:
 * none). They are made O_CLOEXEC and non-blocking, and the variables are removed, so that no
 * child takes them for its own.
 */
int bg_sock_inherited(int *ret_first);

#endif
