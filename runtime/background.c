/*
 * The parent of a background process waits on a pipe: the status byte, or the end of file when
 * the child is gone.
 */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "util.h"

static int waiting_parent = -1; /* write end of the pipe, in the child */

static _Noreturn void wait_for_child(int from, pid_t child)
{
    unsigned char status;
    int ended;
    ssize_t n;

    do
        n = read(from, &status, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(status);
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended));
}

int bg_background(struct bg_err *err)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return bg_fail_sys(err, errno, "go to the background: pipe");
    child = fork();
    if (child < 0) {
        int sys = errno;
        close(ends[0]);
        close(ends[1]);
        return bg_fail_sys(err, sys, "go to the background: fork");
    }
    if (child > 0) {
        close(ends[1]);
        wait_for_child(ends[0], child);
    }
    close(ends[0]);
    setsid();
    waiting_parent = ends[1];
    return 0;
}

/* The sd_notify(3) protocol: one datagram to a path or, with a leading '@', an abstract name. */
void bg_notify(const char *message)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = path == NULL ? 0 : strlen(path);
    bg_autofd int fd = -1;

    if (length < 2 || length >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

/* Nobody reads these any more; a caller that captured them by a pipe must see the end of file. */
static void detach_standard_streams(void)
{
    bg_autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        dup2(null, fd);
}

void bg_ready(int status)
{
    unsigned char byte = (unsigned char)status;

    if (status == 0)
        bg_notify("READY=1");
    if (waiting_parent < 0)
        return;
    detach_standard_streams();
    while (write(waiting_parent, &byte, 1) < 0 && errno == EINTR)
        ;
    close(waiting_parent);
    waiting_parent = -1;
}
