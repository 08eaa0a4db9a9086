/* ssh without waiting for sshd: process 1 holds the port, and sshd is started for each connection
 * (`sshd -i`). */
#ifndef BG_GUEST_SSH_H
#define BG_GUEST_SSH_H

/* A socket listening on port 22 of all addresses (IPv6 too where the kernel has it), non-blocking; a
 * negative errno, -ENOENT when the image has no sshd. */
int bg_ssh_listen(void);
/* Accepts one connection and starts its sshd: its pid, or a negative errno. */
int bg_ssh_accept(int listen_fd);

#endif
