/* One connection is one request. Each is served by a process of its own, forked by the agent, so that
 * what one does (block, change user, be killed) is nothing to the others.
 *
 * Functions return 0 or a negative errno; -EPIPE: the client has gone, nothing can be said. */
#ifndef BG_AGENT_SESSION_H
#define BG_AGENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "family.h"
#include "frame.h"

struct bg_session {
    int fd;         /* blocking, but for an exec */
    bool hello_due; /* HELLO was not said yet: bg_session_send says it first */
    uint8_t type;
    size_t size;
    uint8_t payload[BG_FRAME_MAX];
    struct bg_family family; /* of a command that has ended: to be left when its client has heard */
};

/* What can be done before the connection is there; bg_session_main does what was not. */
void bg_session_prepare(void);
/* No connection will come: nothing of it is left. */
void bg_session_unprepare(void);
/* Serves the connection and returns the exit status of the process. fd is closed by its end. */
int bg_session_main(int fd);

/* HELLO's payload; its size. */
size_t bg_session_hello(uint8_t ret[64]);

/* Reads the next frame into type, size, payload. */
int bg_session_read(struct bg_session *s);
int bg_session_send(struct bg_session *s, enum bg_frame_type type, const void *payload, size_t n);
/* ERROR: `code` is one of those in docs/agent.md; what failed, and why. Returns 0 when it was said. */
int bg_session_fail(struct bg_session *s, const char *code, const char *what, const char *why);
/* The same for an errno, which picks the code. */
int bg_session_fail_errno(struct bg_session *s, const char *what, int error);
int bg_session_result(struct bg_session *s, const char *lines);

/* The requests: s->payload holds the request's. */
int bg_serve_exec(struct bg_session *s);
int bg_serve_put(struct bg_session *s);
int bg_serve_get(struct bg_session *s);
int bg_serve_info(struct bg_session *s);
int bg_serve_clock(struct bg_session *s);
int bg_serve_grow(struct bg_session *s);
int bg_serve_shutdown(struct bg_session *s);
int bg_serve_hold(struct bg_session *s);
int bg_serve_wake(struct bg_session *s);

/* boot_id without dashes, 32 digits and NUL. */
void bg_boot_id(char ret[33]);

#endif
