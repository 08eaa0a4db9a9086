/* The guest's word to the host (docs/internals.md): one line when it can be reached, one before it
 * goes, on a connection that stays. */
#ifndef BG_AGENT_NOTIFY_H
#define BG_AGENT_NOTIFY_H

#include <stdint.h>

struct bg_notify {
    int fd; /* -1: not connected */
    enum { BG_NOTIFY_AWAY, BG_NOTIFY_ANSWER, BG_NOTIFY_CONNECTING, BG_NOTIFY_READY } state;
    int retry_ms; /* how long to wait before the next try, while away */
};

void bg_notify_init(struct bg_notify *n);
/* Begins a connection; call when away and retry_ms have passed. */
void bg_notify_try(struct bg_notify *n);
/* What to poll for on fd. */
short bg_notify_events(const struct bg_notify *n);
/* What poll said. Says `ready` once connected; away again when the host hung up. */
void bg_notify_handle(struct bg_notify *n, short revents);
/* Says `halting <kind>` and waits, at most 1 s, until the host has hung up. */
void bg_notify_halting(struct bg_notify *n, const char *kind);

#endif
