/* The scripted VMM: the whole API front of the real engine, and behind it no guest but the few
 * things that a guest is seen to do: a line on the console, `ready` on the notify socket, an answer
 * to CONNECT, an orderly end on Ctrl-Alt-Del. */
#include "vmm.h"
#include "script.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NOTIFY_PORT     1024
#define FIRST_HOST_PORT 1073741824u

struct bg_vmm {
    struct bg_vmm_params params;
    struct bg_timer *turn; /* the guest acts in the round after the call that made it act */
    enum script_guest next;
    int exit_status;
    bool paused;   /* a paused guest sees no keys */
    int notify_fd; /* -1: none */
    uint32_t next_port;
    char boot_id[33]; /* the guest's; it survives a save and a load */
};

int bg_vmm_init(void)
{
    char path[4096], text[65536];
    const char *slash = strrchr(program_invocation_name, '/');
    int line;
    (void)snprintf(path, sizeof path, "%.*s/script",
                   slash ? (int)(slash - program_invocation_name) : 1,
                   slash ? program_invocation_name : ".");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 0)
        return -EIO;
    text[n] = '\0';
    if (script_add(text, &line) < 0) {
        fprintf(stderr, "%s:%d: not understood; see engine/scripted/script.h\n", path, line);
        return -EINVAL;
    }
    return 0;
}

bool bg_vmm_intercept(const struct bg_request *request, struct bg_answer *answer)
{
    if (request->has_body && strcmp(request->path, "/boot-source") == 0) {
        struct bg_json json;
        struct bg_boot_source source = {0};
        bg_json_init(&json, request->body.data, request->body.len);
        if (bg_schema_decode(&bg_boot_source_schema, &json, &source) == 0 && source.boot_args &&
            script_add_boot_args(source.boot_args) < 0)
            fprintf(stderr, "boot_args: scripted=... not understood\n");
        bg_schema_free(&bg_boot_source_schema, &source);
    }
    const struct script_step *step = script_match(bg_method_name(request->method), request->path);
    if (!step)
        return false;
    switch (step->act) {
    case SCRIPT_FAIL:
        answer->status = step->number;
        bg_buf_str(&answer->body, "{\"fault_message\":");
        bg_json_quote(&answer->body, step->text);
        bg_buf_str(&answer->body, "}");
        return true;
    case SCRIPT_LIE:
        answer->status = step->number;
        if (*step->text)
            bg_buf_str(&answer->body, step->text);
        return true;
    case SCRIPT_HANG:
        for (;;)
            pause();
    case SCRIPT_EXIT:
        _exit(step->number);
    case SCRIPT_SIGNAL:
        (void)signal(step->number, SIG_DFL);
        (void)raise(step->number);
    }
    return false;
}

static void say(struct bg_vmm *vmm, const char *text)
{
    if (vmm->notify_fd >= 0)
        (void)!send(vmm->notify_fd, text, strlen(text), MSG_NOSIGNAL);
}

static void on_connect(void *arg, int listen_fd, uint32_t events)
{
    struct bg_vmm *vmm = arg;
    (void)events;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        stream_begin(vmm->params.loop, fd, vmm->next_port++, vmm->boot_id);
}

static void connect_notify(struct bg_vmm *vmm)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char line[64];
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s_%d",
                     vmm->params.config->vsock.uds_path, NOTIFY_PORT);
    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return;
    }
    vmm->notify_fd = fd;
    (void)snprintf(line, sizeof line, "ready 1 %s\n", vmm->boot_id);
    say(vmm, line);
}

static void draw_boot_id(struct bg_vmm *vmm)
{
    unsigned char id[16] = {0};
    if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id)
        memset(id, 7, sizeof id);
    for (size_t i = 0; i < sizeof id; i++)
        (void)snprintf(vmm->boot_id + 2 * i, 3, "%02x", id[i]);
}

/* The guest's turn: what it does by itself after it is up, or because it was asked. */
static void on_turn(void *arg)
{
    struct bg_vmm *vmm = arg;
    if (vmm->next == GUEST_EXIT)
        vmm->params.on_exit(vmm->params.arg, vmm->exit_status);
}

static int create(const struct bg_vmm_params *params, struct bg_vmm **ret,
                  struct bg_vmm_error *error)
{
    struct bg_vmm *vmm = calloc(1, sizeof *vmm);
    int r = vmm ? 0 : -ENOMEM;
    if (r == 0) {
        *vmm = (struct bg_vmm){.params = *params, .notify_fd = -1, .next_port = FIRST_HOST_PORT};
        r = bg_timer_new(params->loop, on_turn, vmm, &vmm->turn);
    }
    if (r == 0 && bg_has(params->config, BG_CONFIG_VSOCK))
        r = bg_loop_add(params->loop, params->config->vsock.listen_fd, EPOLLIN, on_connect, vmm);
    if (r < 0) {
        (void)snprintf(error->text, sizeof error->text, "scripted: %s", strerror(-r));
        bg_vmm_end(vmm);
        return -1;
    }
    *ret = vmm;
    return 0;
}

static void boot(struct bg_vmm *vmm)
{
    const struct script_guest_plan *plan = script_guest();
    (void)!write(vmm->params.serial_fd, "scripted guest\n", 15);
    if (bg_has(vmm->params.config, BG_CONFIG_VSOCK) && !plan->silent)
        connect_notify(vmm);
    vmm->next = plan->after_ready;
    vmm->exit_status = plan->exit_status;
    if (vmm->next != GUEST_STAY)
        (void)bg_timer_arm(vmm->turn, 0);
}

int bg_vmm_start(const struct bg_vmm_params *params, struct bg_vmm **ret,
                 struct bg_vmm_error *error)
{
    if (create(params, ret, error) < 0)
        return -1;
    draw_boot_id(*ret);
    boot(*ret);
    return 0;
}

int bg_vmm_pause(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    (void)error;
    vmm->paused = true;
    return 0;
}

int bg_vmm_resume(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    (void)error;
    vmm->paused = false;
    if (vmm->notify_fd < 0)
        boot(vmm); /* after a load: the agent of the fork says ready by itself */
    return 0;
}

int bg_vmm_ctrl_alt_del(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    (void)error;
    if (vmm->paused)
        return 0;
    vmm->next = script_guest()->on_ctrl_alt_del;
    vmm->exit_status = 0;
    if (vmm->next == GUEST_STAY)
        return 0;
    say(vmm, vmm->next == GUEST_EXIT ? "halting reboot\n" : "halting poweroff\n");
    return bg_timer_arm(vmm->turn, 0);
}

int bg_vmm_drive_changed(struct bg_vmm *vmm, size_t index, struct bg_vmm_error *error)
{
    (void)vmm;
    (void)index;
    (void)error;
    return 0;
}

int bg_vmm_save(struct bg_vmm *vmm, int state_fd, int mem_fd, struct bg_vmm_error *error)
{
    off_t size = (off_t)(vmm->params.config->machine.mem_size_mib << 20);
    if (write(state_fd, vmm->boot_id, sizeof vmm->boot_id) == (ssize_t)sizeof vmm->boot_id &&
        ftruncate(mem_fd, size) == 0)
        return 0;
    (void)snprintf(error->text, sizeof error->text, "scripted: %s", strerror(errno));
    return -1;
}

int bg_vmm_load(const struct bg_vmm_params *params, int state_fd, int mem_fd, const char *mem_path,
                struct bg_vmm **ret, struct bg_vmm_error *error)
{
    char boot_id[sizeof(*ret)->boot_id];
    (void)mem_path;
    (void)mem_fd;
    if (read(state_fd, boot_id, sizeof boot_id) != (ssize_t)sizeof boot_id ||
        boot_id[sizeof boot_id - 1]) {
        (void)snprintf(error->text, sizeof error->text, "not what this engine has saved");
        return -1;
    }
    if (create(params, ret, error) < 0)
        return -1;
    memcpy((*ret)->boot_id, boot_id, sizeof boot_id);
    return 0;
}

void bg_vmm_end(struct bg_vmm *vmm)
{
    if (!vmm)
        return;
    bg_timer_free(vmm->turn);
    if (vmm->notify_fd >= 0)
        close(vmm->notify_fd);
    free(vmm);
}
