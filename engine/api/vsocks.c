/* /vsock. The listening socket is bound at PUT; a second PUT unlinks the first one's path. */
#include "api.h"
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool bg_check_vsock(struct bg_call *call)
{
    const struct bg_vsock_device *vsock = call->body;
    if (vsock->vsock_id)
        call->answer->deprecated = true;
    return true;
}

int bg_set_vsock(struct bg_vm *vm, struct bg_vsock_device *vsock, struct bg_answer *answer)
{
    struct bg_config *config = &vm->config;
    int r = 0, fd = -1;
    if (bg_has(config, BG_CONFIG_VSOCK)) {
        close(config->vsock.listen_fd);
        r = unlink(config->vsock.uds_path) < 0 ? -errno : 0;
        bg_schema_free(&bg_vsock_schema, &config->vsock);
        bg_mark(config, BG_CONFIG_VSOCK, false);
    }
    if (r == 0)
        r = bg_server_bind(vsock->uds_path, &fd);
    if (r < 0) {
        (void)bg_fault(answer,
                       "Vsock config error: Cannot create backend for vsock device: Error binding "
                       "to the host-side Unix socket: %s",
                       r == -ENAMETOOLONG ? "path must be shorter than SUN_LEN" : bg_os_error(-r));
        return -1;
    }
    config->vsock = *vsock;
    config->vsock.listen_fd = fd;
    bg_mark(config, BG_CONFIG_VSOCK, true);
    memset(vsock, 0, sizeof *vsock);
    return 0;
}

void bg_put_vsock(struct bg_call *call)
{
    (void)bg_set_vsock(call->vm, call->body, call->answer);
}
