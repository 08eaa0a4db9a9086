/*
 * Going to the background, and telling whoever waits that the service answers now.
 *
 * A process has one background state. bg_background() must come before any thread and before
 * the event loop, because a forked child has neither.
 */
#ifndef BG_BACKGROUND_H
#define BG_BACKGROUND_H

#include "err.h"

/*
 * Fork; the child returns 0 in a session of its own, the parent never returns: it exits with
 * the status that the child gives to bg_ready(), or with the child's own exit status (128 +
 * signal) if it ends before that.
 */
int bg_background(struct bg_err *err);

/*
 * Say once that the service answers (status 0) or will not start (else): ends the wait of
 * bg_background()'s parent, after which stdin, stdout and stderr are /dev/null, and sends
 * READY=1 to NOTIFY_SOCKET where systemd set it. Without either there is nothing to do.
 */
void bg_ready(int status);

/* Send one message of sd_notify(3), such as "WATCHDOG=1"; nothing where systemd set no NOTIFY_SOCKET. */
void bg_notify(const char *message);

#endif
