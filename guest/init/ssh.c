#include "ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SSHD "/usr/sbin/sshd"

int bg_ssh_listen(void)
{
    int on = 1, off = 0, r = 0;
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(22)};
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(22)};
    if (access(SSHD, X_OK) < 0)
        return -ENOENT;
    mkdir("/run/sshd", 0755); /* privilege separation's empty folder */
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int six = fd >= 0;
    if (!six)
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (six) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        r = bind(fd, (struct sockaddr *)&any6, sizeof any6);
    } else {
        r = bind(fd, (struct sockaddr *)&any4, sizeof any4);
    }
    if (r < 0 || listen(fd, 128) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int bg_ssh_accept(int listen_fd)
{
    sigset_t none;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(fd, 0);
        dup2(fd, 1);
        dup2(null, 2);
        execl(SSHD, "sshd", "-i", (char *)NULL);
        _exit(127);
    }
    int r = pid < 0 ? -errno : pid;
    close(fd);
    return r;
}
