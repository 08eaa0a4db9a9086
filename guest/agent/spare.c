#include "spare.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "session.h"

union descriptor {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static int receive(int from)
{
    union descriptor control;
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    int fd = -1;
    if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static _Noreturn void wait_for_one(int from)
{
    bg_session_prepare();
    int fd = receive(from);
    close(from);
    if (fd >= 0)
        _exit(bg_session_main(fd));
    bg_session_unprepare();
    _exit(0);
}

void bg_spare_make(struct bg_spare *spare, bg_spare_leave_fn *leave, void *arg)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    spare->pid = fork();
    if (spare->pid == 0) {
        close(pair[0]);
        leave(arg);
        wait_for_one(pair[1]);
    }
    close(pair[1]);
    if (spare->pid < 0)
        close(pair[0]);
    else
        spare->fd = pair[0];
}

bool bg_spare_give(struct bg_spare *spare, int connection)
{
    union descriptor control = {.bytes = {0}};
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    if (spare->pid < 0)
        return false;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof connection);
    memcpy(CMSG_DATA(c), &connection, sizeof connection);
    bool given = sendmsg(spare->fd, &m, MSG_NOSIGNAL) == 1;
    close(spare->fd);
    spare->pid = -1;
    return given;
}
