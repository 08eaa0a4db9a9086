/* bridge_tool SIDE PIPE UDS: one end of the mux as a program, for guests booted by hand and for tests.
 * SIDE is host or guest; PIPE a unix socket to connect to (QEMU's chardev), or `-` for stdin; UDS is
 * where to listen. Ends with the pipe. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../bridge.h"
#include "../transport.h"

static int open_pipe(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strcmp(path, "-") == 0)
        return 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    return connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
    struct bg_bridge *bridge;
    signal(SIGPIPE, SIG_IGN);
    if (argc != 4)
        return 2;
    int pipe_fd = open_pipe(argv[2]);
    int listen_fd = bg_transport_listen_unix(argv[3]);
    enum bg_mux_side side = strcmp(argv[1], "host") == 0 ? BG_MUX_HOST : BG_MUX_GUEST;
    if (pipe_fd < 0 || listen_fd < 0 || fcntl(pipe_fd, F_SETFL, O_NONBLOCK) < 0 ||
        bg_bridge_new(side, listen_fd, pipe_fd, argv[3], &bridge) < 0) {
        perror(argv[0]);
        return 1;
    }
    struct pollfd wait = {.fd = bg_bridge_fd(bridge), .events = POLLIN};
    do {
        poll(&wait, 1, -1);
    } while (bg_bridge_step(bridge, 0) == 0);
    bg_bridge_free(bridge);
    return 0;
}
