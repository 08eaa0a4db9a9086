#include "transport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static int port_named(const char *vport)
{
    char path[300], name[sizeof BG_MUX_PORT_NAME + 1];
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", vport);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, name, sizeof name);
    close(fd);
    return n == sizeof BG_MUX_PORT_NAME && memcmp(name, BG_MUX_PORT_NAME "\n", (size_t)n) == 0;
}

int bg_transport_mux_port(void)
{
    int fd = -ENOENT;
    DIR *ports = opendir("/sys/class/virtio-ports");
    if (!ports)
        return -ENOENT;
    for (struct dirent *e; (e = readdir(ports));) {
        char path[300];
        if (!port_named(e->d_name))
            continue;
        snprintf(path, sizeof path, "/dev/%s", e->d_name);
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            fd = -errno;
        break;
    }
    closedir(ports);
    return fd;
}

static int has_mux_port(void)
{
    int found = 0;
    DIR *ports = opendir("/sys/class/virtio-ports");
    if (!ports)
        return 0;
    for (struct dirent *e; !found && (e = readdir(ports));)
        found = port_named(e->d_name);
    closedir(ports);
    return found;
}

static int finish_listen(int fd, const struct sockaddr *to, socklen_t n)
{
    if (bind(fd, to, n) < 0 || listen(fd, 128) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int bg_transport_listen_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path)
        return -ENAMETOOLONG;
    strcpy(to.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    mode_t before = umask(0177);
    unlink(path);
    fd = finish_listen(fd, (struct sockaddr *)&to, sizeof to);
    umask(before);
    return fd;
}

int bg_transport_listen_vsock(uint32_t port)
{
    struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    return finish_listen(fd, (struct sockaddr *)&to, sizeof to);
}

static int connect_bridge(uint32_t port)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = BG_VSOCK_PATH};
    char line[32];
    int n = snprintf(line, sizeof line, "CONNECT %u\n", port);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ||
        send(fd, line, (size_t)n, MSG_NOSIGNAL) != n) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int bg_transport_connect(uint32_t port, int *ret_answer)
{
    struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};
    if (has_mux_port()) {
        *ret_answer = 1;
        return connect_bridge(port);
    }
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        int r = -errno;
        close(fd);
        return r;
    }
    *ret_answer = 0;
    return fd;
}
