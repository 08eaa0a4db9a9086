/* See talk.h. */
#include "talk.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int talk_connect(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (s >= 0 && connect(s, (struct sockaddr *)&at, sizeof(at)) < 0)
        bg_close(&s);
    return s;
}

int talk_send(int s, const struct bg_wire *w)
{
    char control[CMSG_SPACE(sizeof(int) * BG_WIRE_FDS)] __attribute__((aligned(8))) = {0};
    struct iovec io = {(void *)w->bytes, w->length};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (w->nfds > 0) {
        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * w->nfds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * w->nfds);
        memcpy(CMSG_DATA(c), w->fds, sizeof(int) * w->nfds);
    }
    return sendmsg(s, &m, MSG_NOSIGNAL) < 0 && errno != EPIPE ? -1 : 0;
}

int talk_receive(int s, struct bg_wire *w)
{
    char control[CMSG_SPACE(sizeof(int) * BG_WIRE_FDS)] __attribute__((aligned(8))) = {0};
    struct iovec io = {w->bytes, sizeof(w->bytes)};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    bg_wire_init(w);
    ssize_t n = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c) {
        w->nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(w->fds, CMSG_DATA(c), w->nfds * sizeof(int));
    }
    w->length = n > 0 ? (size_t)n : 0;
    return n > 0 ? 0 : -1;
}

int talk(const char *path, struct bg_wire *w)
{
    int s = talk_connect(path);
    int result = s < 0 || talk_send(s, w) < 0 ? -1 : 0;
    bg_wire_close(w);
    if (result == 0)
        result = talk_receive(s, w);
    bg_close(&s);
    return result;
}
