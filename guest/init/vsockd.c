/* banger-vsockd: the guest's end of the mux. See guest/transport.h. */
#include "programs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../bridge.h"
#include "../transport.h"

/* SIGTERM is ignored: what others say while the VM goes down still has to reach the host. The port
 * closes when the process is killed or the VM ends. */
int bg_vsockd_main(void)
{
    struct bg_bridge *bridge;
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    int port_fd = bg_transport_mux_port();
    if (port_fd == -ENOENT)
        return 0;
    mkdir(BG_RUN_DIR, 0755);
    int listen_fd = port_fd < 0 ? port_fd : bg_transport_listen_unix(BG_VSOCK_PATH);
    int r = listen_fd < 0 ? listen_fd
                          : bg_bridge_new(BG_MUX_GUEST, listen_fd, port_fd, BG_VSOCK_PATH, &bridge);
    if (r < 0) {
        fprintf(stderr, "banger-vsockd: %s\n", strerror(-r));
        return 1;
    }
    while (bg_bridge_step(bridge, -1) == 0)
        ;
    bg_bridge_free(bridge);
    fprintf(stderr, "banger-vsockd: the host closed the port\n");
    return 1;
}
