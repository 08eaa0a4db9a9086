/* The host's listener goes away with the daemon and comes back with no event in here: hence tries, with
 * a growing pause. */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../transport.h"
#include "session.h"

enum { FIRST_RETRY_MS = 20, LAST_RETRY_MS = 5000, LAST_WORD_MS = 1000 };

void bg_notify_init(struct bg_notify *n)
{
    *n = (struct bg_notify){.fd = -1, .retry_ms = FIRST_RETRY_MS};
}

static void leave(struct bg_notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
    n->retry_ms = n->state == BG_NOTIFY_READY       ? FIRST_RETRY_MS
                  : n->retry_ms * 2 > LAST_RETRY_MS ? LAST_RETRY_MS
                                                    : n->retry_ms * 2;
    n->state = BG_NOTIFY_AWAY;
}

void bg_notify_try(struct bg_notify *n)
{
    int answer = 0;
    n->fd = bg_transport_connect(BG_PORT_NOTIFY, &answer);
    n->state = answer ? BG_NOTIFY_ANSWER : BG_NOTIFY_CONNECTING;
    if (n->fd < 0)
        leave(n);
}

short bg_notify_events(const struct bg_notify *n)
{
    return n->state == BG_NOTIFY_CONNECTING ? POLLOUT : POLLIN;
}

static int say(struct bg_notify *n, const char *line)
{
    size_t size = strlen(line);
    return send(n->fd, line, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -EPIPE;
}

static int say_ready(struct bg_notify *n)
{
    char line[64], boot_id[33];
    bg_boot_id(boot_id);
    snprintf(line, sizeof line, "ready %d %s\n", BG_PROTOCOL, boot_id);
    n->state = BG_NOTIFY_READY;
    return say(n, line);
}

void bg_notify_handle(struct bg_notify *n, short revents)
{
    char scratch[64];
    int error = 0;
    socklen_t size = sizeof error;
    if (n->state == BG_NOTIFY_CONNECTING) {
        if (getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error || say_ready(n) < 0)
            leave(n);
        return;
    }
    if (!(revents & (POLLIN | POLLHUP | POLLERR)))
        return;
    ssize_t got = read(n->fd, scratch, sizeof scratch);
    if (got < 0 && errno == EAGAIN)
        return;
    /* The answer is one short line, written at once; the host says nothing after it. */
    if (got <= 0 || (n->state == BG_NOTIFY_ANSWER && say_ready(n) < 0))
        leave(n);
}

void bg_notify_halting(struct bg_notify *n, const char *kind)
{
    char line[32], scratch[64];
    if (n->state != BG_NOTIFY_READY)
        return;
    snprintf(line, sizeof line, "halting %s\n", kind);
    if (say(n, line) < 0)
        return;
    shutdown(n->fd, SHUT_WR);
    struct pollfd p = {.fd = n->fd, .events = POLLIN};
    while (poll(&p, 1, LAST_WORD_MS) > 0 && read(n->fd, scratch, sizeof scratch) > 0)
        ;
}
