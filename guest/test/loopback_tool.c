/* loopback_tool [PORT]: in a guest, what the agent of this guest says over AF_VSOCK itself, by the kernel's loopback
 * (CID 1): an INFO request goes out, every byte of the answer comes back on stdout. For smoke/guests.t. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "../agent/frame.h"
#include "../transport.h"

int main(int argc, char **argv)
{
    struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL};
    uint8_t request[BG_FRAME_HEADER], bytes[4096];
    ssize_t n;
    to.svm_port = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : BG_PORT_AGENT;
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        perror("loopback_tool: AF_VSOCK");
        return 1;
    }
    bg_frame_put_header(request, BG_F_INFO, 0);
    if (write(fd, request, sizeof request) != sizeof request)
        return 1;
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        if (fwrite(bytes, 1, (size_t)n, stdout) != (size_t)n)
            return 1;
    return n < 0;
}
