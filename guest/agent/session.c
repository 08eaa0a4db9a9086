#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "family.h"
#include "user.h"

static int read_exactly(int fd, void *bytes, size_t n)
{
    for (size_t have = 0; have < n;) {
        ssize_t r = read(fd, (char *)bytes + have, n - have);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -EPIPE;
        have += (size_t)r;
    }
    return 0;
}

int bg_session_read(struct bg_session *s)
{
    uint8_t header[BG_FRAME_HEADER];
    int r = read_exactly(s->fd, header, sizeof header);
    if (r < 0)
        return r;
    if (!bg_frame_header(header, &s->size, &s->type))
        return -EBADMSG;
    return read_exactly(s->fd, s->payload, s->size);
}

static int say_hello(struct bg_session *s);

int bg_session_send(struct bg_session *s, enum bg_frame_type type, const void *payload, size_t n)
{
    uint8_t header[BG_FRAME_HEADER];
    if (s->hello_due && say_hello(s) < 0)
        return -EPIPE;
    bg_frame_put_header(header, (uint8_t)type, n);
    size_t at = 0, all = sizeof header + n;
    while (at < all) {
        size_t past = at < sizeof header ? 0 : at - sizeof header;
        struct iovec parts[2] = {
            {header + at, at < sizeof header ? sizeof header - at : 0},
            {(uint8_t *)(uintptr_t)payload + past, n - past},
        };
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t w = sendmsg(s->fd, &message, MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -EPIPE;
        at += (size_t)w;
    }
    return 0;
}

int bg_session_fail(struct bg_session *s, const char *code, const char *what, const char *why)
{
    uint8_t bytes[1024];
    char message[512];
    struct bg_payload p = {.bytes = bytes, .max = sizeof bytes};
    snprintf(message, sizeof message, "%.250s: %.250s", what, why);
    bg_payload_text(&p, 1, code);
    bg_payload_text(&p, 2, message);
    return bg_session_send(s, BG_F_ERROR, bytes, p.size);
}

int bg_session_fail_errno(struct bg_session *s, const char *what, int error)
{
    static const struct {
        int error;
        const char *code;
    } codes[] = {
        {ENOENT, "not_found"},
        {ENOTDIR, "not_found"},
        {EACCES, "denied"},
        {EPERM, "denied"},
        {EXDEV, "escape"},
        {ELOOP, "escape"},
        {EEXIST, "exists"},
        {EISDIR, "exists"},
        {ENOSPC, "full"},
        {EDQUOT, "full"},
        {EBADMSG, "bad_request"},
        {EINVAL, "bad_request"},
        {EOPNOTSUPP, "unsupported"},
        {ENOTTY, "unsupported"},
    };
    int e = error < 0 ? -error : error;
    if (e == EPIPE)
        return -EPIPE;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].error == e)
            return bg_session_fail(s, codes[i].code, what, strerror(e));
    return bg_session_fail(s, "failed", what, strerror(e));
}

int bg_session_result(struct bg_session *s, const char *lines)
{
    return bg_session_send(s, BG_F_RESULT, lines, strlen(lines));
}

void bg_boot_id(char ret[33])
{
    char text[64] = "";
    size_t n = 0;
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (f) {
        if (!fgets(text, sizeof text, f))
            text[0] = '\0';
        fclose(f);
    }
    for (const char *p = text; *p && n < 32; p++)
        if (*p != '-' && *p != '\n')
            ret[n++] = *p;
    ret[n] = '\0';
}

static char boot_id[33];

void bg_session_prepare(void)
{
    bg_boot_id(boot_id);
    bg_user_prepare();
    bg_family_prepare();
}

void bg_session_unprepare(void)
{
    bg_family_unprepare();
}

size_t bg_session_hello(uint8_t ret[64])
{
    struct bg_payload p = {.bytes = ret, .max = 64};
    if (!boot_id[0])
        bg_boot_id(boot_id);
    bg_payload_u32(&p, 1, BG_PROTOCOL);
    bg_payload_text(&p, 2, boot_id);
    return p.size;
}

static int say_hello(struct bg_session *s)
{
    uint8_t bytes[64];
    s->hello_due = false;
    return bg_session_send(s, BG_F_HELLO, bytes, bg_session_hello(bytes));
}

/* HELLO goes at once to a client that waits for it; one whose EXEC is there already gets it together
 * with what the command says first, since each message is a way through the guest and out of it. */
static int begin(struct bg_session *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    int r = 0;
    s->hello_due = true;
    if (poll(&p, 1, 0) <= 0)
        r = say_hello(s);
    if (r == 0)
        r = bg_session_read(s);
    return r == 0 && s->hello_due && s->type != BG_F_EXEC ? say_hello(s) : r;
}

static int (*const servers[])(struct bg_session *) = {
    [BG_F_EXEC] = bg_serve_exec,         [BG_F_PUT] = bg_serve_put,     [BG_F_GET] = bg_serve_get,
    [BG_F_INFO] = bg_serve_info,         [BG_F_CLOCK] = bg_serve_clock, [BG_F_GROW] = bg_serve_grow,
    [BG_F_SHUTDOWN] = bg_serve_shutdown, [BG_F_HOLD] = bg_serve_hold,   [BG_F_WAKE] = bg_serve_wake,
};

/* A socket closed with bytes unread resets, and the client could lose our last frame: read on, for a
 * while, until it has hung up. */
static void linger(int fd)
{
    char scratch[4096];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    shutdown(fd, SHUT_WR);
    while (poll(&p, 1, 5000) > 0 && read(fd, scratch, sizeof scratch) > 0)
        ;
}

int bg_session_main(int fd)
{
    static struct bg_session s; /* 64 KiB: not on the stack */
    s.fd = fd;
    s.family.dir = -1;
    int r = begin(&s);
    if (r == 0 && s.type < sizeof servers / sizeof servers[0] && servers[s.type])
        r = servers[s.type](&s);
    else if (r == 0)
        r = bg_session_fail(&s, "unsupported", "request", "this agent does not know it");
    if (r == -EBADMSG)
        r = bg_session_fail(&s, "bad_request", "request", "malformed frame or field");
    bg_session_unprepare();
    linger(fd);
    bg_family_leave(&s.family);
    return r < 0;
}
