/* The engine's end of the mux: one nested epoll descriptor in the shim's loop. */
#include "vsock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "../../guest/bridge.h"

struct bg_vsock {
    struct bg_loop *loop;
    struct bg_bridge *bridge;
};

static void on_ready(void *arg, int fd, uint32_t events)
{
    struct bg_vsock *vsock = arg;
    (void)events;
    /* QEMU has gone: the end of the process is the caller's affair, the streams' is here. */
    if (bg_bridge_step(vsock->bridge, 0) < 0) {
        bg_loop_del(vsock->loop, fd);
        bg_bridge_free(vsock->bridge);
        vsock->bridge = NULL;
    }
}

int bg_vsock_start(struct bg_loop *loop, int listen_fd, int port_fd, const char *uds_path,
                   struct bg_vsock **ret)
{
    struct bg_vsock *vsock = calloc(1, sizeof *vsock);
    if (!vsock)
        return -ENOMEM;
    vsock->loop = loop;
    int r = bg_bridge_new(BG_MUX_HOST, listen_fd, port_fd, uds_path, &vsock->bridge);
    if (r == 0)
        r = bg_loop_add(loop, bg_bridge_fd(vsock->bridge), EPOLLIN, on_ready, vsock);
    if (r < 0) {
        bg_bridge_free(vsock->bridge);
        free(vsock);
        return r;
    }
    *ret = vsock;
    return 0;
}

void bg_vsock_stop(struct bg_vsock *vsock)
{
    if (!vsock)
        return;
    if (vsock->bridge) {
        bg_loop_del(vsock->loop, bg_bridge_fd(vsock->bridge));
        bg_bridge_free(vsock->bridge);
    }
    free(vsock);
}
