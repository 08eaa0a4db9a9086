/*
 * Unix sockets: libuv's pipes are streams only and hide the descriptors' ownership, so these
 * are plain syscalls.
 */
#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util.h"

#define FIRST_INHERITED 3 /* SD_LISTEN_FDS_START */

static int fill_address(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);

    if (length >= sizeof(address->sun_path))
        return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, length);
    return 0;
}

static int try_connect(const struct sockaddr_un *address, int type)
{
    bg_autofd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        return -errno;
    return bg_steal_fd(&fd);
}

int bg_sock_connect(const char *path, int type, struct bg_err *err)
{
    struct sockaddr_un address;
    int r = fill_address(path, &address);

    if (r == 0)
        r = try_connect(&address, type);
    return r < 0 ? bg_fail_sys(err, -r, "connect to %s", path) : r;
}

/*
 * Remove a socket file without a listener. Two starters cannot race here: each holds its
 * pidfile lock first.
 */
static int remove_stale(const struct sockaddr_un *address, int type)
{
    struct stat st;
    int fd;

    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EADDRINUSE;
    fd = try_connect(address, type);
    if (fd >= 0)
        close(fd);
    if (fd != -ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address, int type, mode_t mode)
{
    int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

    if (r == -EADDRINUSE) {
        r = remove_stale(address, type);
        if (r == 0 && bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
            r = -errno;
    }
    if (r < 0)
        return r;
    /* Until listen() the kernel refuses connections, so nobody enters between bind and chmod. */
    if (chmod(address->sun_path, mode) < 0 || listen(fd, SOMAXCONN) < 0)
        return -errno;
    return 0;
}

int bg_sock_listen(const char *path, int type, mode_t mode, struct bg_err *err)
{
    struct sockaddr_un address;
    bg_autofd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r = fd < 0 ? -errno : fill_address(path, &address);

    if (r == 0)
        r = bind_and_listen(fd, &address, type, mode);
    return r < 0 ? bg_fail_sys(err, -r, "listen on %s", path) : bg_steal_fd(&fd);
}

int bg_sock_accept(int fd, struct bg_err *err)
{
    int accepted;

    do
        accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (accepted < 0 && (errno == EINTR || errno == ECONNABORTED));
    return accepted < 0 ? bg_fail_sys(err, errno, "accept a connection") : accepted;
}

int bg_sock_peer(int fd, struct ucred *ret_peer, struct bg_err *err)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return bg_fail_sys(err, errno, "ask who the peer is");
    *ret_peer = peer;
    return 0;
}

int bg_sock_pair(int type, int ret_fds[static 2], struct bg_err *err)
{
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0)
        return bg_fail_sys(err, errno, "make a socket pair");
    return 0;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * BG_SOCK_MAX_FDS)];
};

ssize_t bg_sock_send(int fd, const void *bytes, size_t size, const int *fds, size_t fd_count,
                     struct bg_err *err)
{
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    ssize_t n;

    if (fd_count > BG_SOCK_MAX_FDS)
        return bg_fail_sys(err, EINVAL, "send %zu descriptors", fd_count);
    if (fd_count > 0) {
        size_t fds_size = sizeof(int) * fd_count;
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fds_size);
        control.align = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(fds_size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.align), fds, fds_size);
    }
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? bg_fail_sys(err, errno, "send on a socket") : n;
}

/*
 * Copy the descriptors of a received message; the kernel has installed at most BG_SOCK_MAX_FDS
 * (the space we gave).
 */
static size_t take_fds(struct msghdr *message, int fds[static BG_SOCK_MAX_FDS])
{
    size_t count = 0;

    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        size_t here;
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        here = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds + count, CMSG_DATA(at), here * sizeof(int));
        count += here;
    }
    return count;
}

ssize_t bg_sock_recv(int fd, void *bytes, size_t size, int *ret_fds, size_t max_fds,
                     size_t *ret_fd_count, struct bg_err *err)
{
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    union control control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    int fds[BG_SOCK_MAX_FDS];
    size_t count;
    ssize_t n;

    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return bg_fail_sys(err, errno, "receive on a socket");
    count = take_fds(&message, fds);
    if (count > max_fds || (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0) {
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
        return bg_fail(err, "sock.truncated",
                       count > max_fds
                           ? "the peer sent %zu descriptors, %zu were expected"
                           : "a message did not fit (%zu descriptors came, up to %zu fit)",
                       count, max_fds);
    }
    if (count > 0)
        memcpy(ret_fds, fds, count * sizeof(int));
    *ret_fd_count = count;
    return n;
}

static long number_from_environment(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long number;

    if (text == NULL || *text == '\0')
        return -1;
    errno = 0;
    number = strtol(text, &end, 10);
    return errno != 0 || *end != '\0' ? -1 : number;
}

int bg_sock_inherited(int *ret_first)
{
    long pid = number_from_environment("LISTEN_PID");
    long count = number_from_environment("LISTEN_FDS");

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (pid != getpid() || count <= 0 || count > 64)
        return 0;
    for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + count; fd++) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    *ret_first = FIRST_INHERITED;
    return (int)count;
}
