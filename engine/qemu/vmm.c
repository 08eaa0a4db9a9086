/* The qemu backend: one child process, driven by QMP. The guest's reboot ends QEMU's machine with a
 * SHUTDOWN event, which ends this process with 0, as Firecracker does on its i8042 reset; a
 * poweroff leaves the machine stopped and this process alive, as Firecracker is. */
#include "vmm.h"
#include "image.h"
#include "log.h"
#include "parts.h"
#include "scratch.h"
#include "tsc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_MS   30000 /* QEMU maps memory and loads the kernel; slow on a loaded host */
#define COMMAND_MS 10000

int bg_vmm_init(void)
{
    bg_tsc_begin();
    return 0;
}

bool bg_vmm_intercept(const struct bg_request *request, struct bg_answer *answer)
{
    (void)request;
    (void)answer;
    return false;
}

static void tell_exit(struct bg_vmm *vmm, int status)
{
    if (vmm->ended)
        return;
    vmm->ended = true;
    vmm->params.on_exit(vmm->params.arg, status);
}

static void on_event(void *arg, const char *name, const char *reason, bool guest)
{
    struct bg_vmm *vmm = arg;
    if (strcmp(name, "SHUTDOWN") != 0)
        return;
    if (strcmp(reason, "guest-reset") == 0 || strcmp(reason, "guest-panic") == 0)
        tell_exit(vmm, 0);
    else
        bg_info("main", "The guest is off (%s); the VMM stays.", guest ? reason : "host");
}

static void drain_stderr(struct bg_vmm *vmm)
{
    char data[1024];
    ssize_t n;
    while ((n = read(vmm->process.stderr_fd, data, sizeof data - 1)) > 0) {
        char *rest = data, *line;
        data[n] = '\0';
        while ((line = strsep(&rest, "\n"))) {
            if (!*line)
                continue;
            bg_warn("main", "qemu: %s", line);
            (void)snprintf(vmm->last_words, sizeof vmm->last_words, "%s", line);
        }
    }
}

static void on_stderr(void *arg, int fd, uint32_t events)
{
    struct bg_vmm *vmm = arg;
    drain_stderr(vmm);
    if (events & EPOLLHUP)
        bg_loop_del(vmm->params.loop, fd);
}

static void on_process_end(void *arg, int fd, uint32_t events)
{
    struct bg_vmm *vmm = arg;
    (void)events;
    drain_stderr(vmm);
    bg_loop_del(vmm->params.loop, fd);
    bg_error("main", "QEMU has ended.");
    tell_exit(vmm, 1);
}

/* What QEMU said says more than what we saw of its end. */
int bg_vmm_fail(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    if (vmm->process.pid > 0) {
        char seen[sizeof error->text];
        (void)snprintf(seen, sizeof seen, "%s", error->text);
        drain_stderr(vmm);
        if (vmm->last_words[0])
            (void)snprintf(error->text, sizeof error->text, "%.200s (%s)", seen, vmm->last_words);
    }
    bg_vmm_end(vmm);
    return -1;
}

static int start_process(struct bg_vmm *vmm, const struct bg_command_inputs *inputs,
                         const char *inside, int report_fd, struct bg_vmm_error *error)
{
    const struct bg_config *config = vmm->params.config;
    struct bg_command command;
    size_t n = 0, max = config->drives.n + config->nets.n + 3;
    char preload[64], memory[4200], *const environment[] = {preload, memory, NULL};
    (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", inside);
    (void)snprintf(memory, sizeof memory, "BANGER_MEMORY=%d %s", report_fd, inputs->memory_path);
    int *keep = calloc(max, sizeof *keep);
    if (!keep || bg_command_build(inputs, &command, error) < 0) {
        free(keep);
        return -1;
    }
    for (size_t i = 0; i < config->drives.n; i++)
        keep[n++] = bg_drive_at(config, i)->fd;
    for (size_t i = 0; i < config->nets.n; i++)
        keep[n++] = bg_net_at(config, i)->fd;
    keep[n++] = inputs->qmp_fd;
    keep[n++] = report_fd;
    if (inputs->vsock_fd >= 0)
        keep[n++] = inputs->vsock_fd;
    int r =
        bg_process_start(command.argv, environment, vmm->params.serial_fd, keep, n, &vmm->process);
    bg_command_free(&command);
    free(keep);
    if (r == 0)
        return 0;
    vmm->process.pid = 0;
    (void)snprintf(error->text, sizeof error->text, "QEMU: %s", strerror(-r));
    return -1;
}

static int watch(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    struct bg_loop *loop = vmm->params.loop;
    const struct bg_config *config = vmm->params.config;
    int r = bg_loop_add(loop, vmm->process.pidfd, EPOLLIN, on_process_end, vmm);
    if (r == 0)
        r = bg_loop_add(loop, vmm->process.stderr_fd, EPOLLIN, on_stderr, vmm);
    if (r == 0 && vmm->port_fd >= 0)
        r = bg_vsock_start(loop, config->vsock.listen_fd, vmm->port_fd, config->vsock.uds_path,
                           &vmm->vsock);
    if (r < 0)
        (void)snprintf(error->text, sizeof error->text, "QEMU: %s", strerror(-r));
    return r;
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* A pair of stream sockets: ours non-blocking, QEMU's as it likes them. */
static int make_pair(int *ours, int *theirs, struct bg_vmm_error *error)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
        fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
        (void)snprintf(error->text, sizeof error->text, "QEMU: %m");
        return -1;
    }
    *ours = fds[0];
    *theirs = fds[1];
    return 0;
}

/* QEMU answers, so it has mapped its memory and told where. */
static int hear_of_memory(struct bg_vmm *vmm, int report_fd, struct bg_vmm_error *error)
{
    if (read(report_fd, &vmm->memory_at, sizeof vmm->memory_at) == (ssize_t)sizeof vmm->memory_at)
        return 0;
    (void)snprintf(error->text, sizeof error->text, "QEMU: it has not mapped memory as it should");
    return -1;
}

int bg_vmm_launch(struct bg_vmm *vmm, struct bg_command_inputs *inputs, struct bg_vmm_error *error)
{
    int qmp_fd = -1, report[2] = {-1, -1}, r;
    char inside[BG_SCRATCH_MAX] = "";
    inputs->qmp_fd = inputs->vsock_fd = -1;
    vmm->tsc_khz = inputs->tsc_khz;
    r = bg_scratch_inside(inside, error);
    if (r == 0)
        r = make_pair(&report[0], &report[1], error);
    if (r == 0)
        r = make_pair(&qmp_fd, &inputs->qmp_fd, error);
    if (r == 0 && bg_has(vmm->params.config, BG_CONFIG_VSOCK))
        r = make_pair(&vmm->port_fd, &inputs->vsock_fd, error);
    if (r == 0)
        r = start_process(vmm, inputs, inside, report[1], error);
    if (r == 0 && inputs->meanwhile)
        r = inputs->meanwhile(inputs->arg, error);
    if (r == 0)
        r = bg_qmp_open(vmm->params.loop, qmp_fd, START_MS, on_event, vmm, &vmm->qmp, error);
    else
        close_all(&qmp_fd, 1);
    if (r == 0)
        r = hear_of_memory(vmm, report[0], error);
    close_all((int[]){inputs->qmp_fd, inputs->vsock_fd, report[0], report[1]}, 4);
    (void)unlink(inside);
    return r == 0 ? watch(vmm, error) : r;
}

struct bg_vmm *bg_vmm_create(const struct bg_vmm_params *params, struct bg_vmm_error *error)
{
    struct bg_vmm *vmm = calloc(1, sizeof *vmm);
    if (!vmm)
        (void)snprintf(error->text, sizeof error->text, "out of memory");
    else
        *vmm = (struct bg_vmm){.params = *params, .port_fd = -1, .state_fd = -1};
    return vmm;
}

int bg_vmm_start(const struct bg_vmm_params *params, struct bg_vmm **ret,
                 struct bg_vmm_error *error)
{
    struct bg_vmm *vmm = bg_vmm_create(params, error);
    struct bg_image kernel, initrd = {0};
    char memory[BG_SCRATCH_MAX] = "";
    const struct bg_boot_source *source = &params->config->boot_source;
    if (!vmm)
        return -1;
    int r = bg_image_place(params->config->kernel_fd, source->kernel_image_path, &kernel, error);
    if (r == 0 && source->initrd_path)
        r = bg_image_place(params->config->initrd_fd, source->initrd_path, &initrd, error);
    if (r == 0)
        r = bg_scratch_memory(params->config->machine.mem_size_mib << 20, memory, error);
    if (r == 0) {
        struct bg_command_inputs inputs = {.config = params->config,
                                           .id = params->id,
                                           .kernel_path = kernel.path,
                                           .initrd_path = source->initrd_path ? initrd.path : NULL,
                                           .memory_path = memory,
                                           .tsc_khz = bg_tsc_khz()};
        r = bg_vmm_launch(vmm, &inputs, error);
    }
    (void)unlink(memory);
    bg_image_drop(&kernel);
    bg_image_drop(&initrd);
    if (r == 0)
        r = bg_vmm_resume(vmm, error);
    if (r < 0)
        return bg_vmm_fail(vmm, error);
    *ret = vmm;
    return 0;
}

int bg_vmm_pause(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    return bg_qmp_command(vmm->qmp, "{\"execute\":\"stop\"}", -1, COMMAND_MS, error);
}

int bg_vmm_resume(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    bg_vmm_forget_state(vmm);
    return bg_qmp_command(vmm->qmp, "{\"execute\":\"cont\"}", -1, COMMAND_MS, error);
}

int bg_vmm_ctrl_alt_del(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    return bg_qmp_command(vmm->qmp,
                          "{\"execute\":\"send-key\",\"arguments\":{\"keys\":["
                          "{\"type\":\"qcode\",\"data\":\"ctrl\"},"
                          "{\"type\":\"qcode\",\"data\":\"alt\"},"
                          "{\"type\":\"qcode\",\"data\":\"delete\"}]}}",
                          -1, COMMAND_MS, error);
}

/* The new descriptor becomes a set and a file node of its own; the drive's node then reads from
 * that one. The old node stays, as the descriptor that it holds would anyway. */
int bg_vmm_drive_changed(struct bg_vmm *vmm, size_t index, struct bg_vmm_error *error)
{
    const struct bg_drive *d = bg_drive_at(vmm->params.config, index);
    const char *read_only = d->is_read_only ? "true" : "false";
    const char *no_flush = d->cache_type == 1 ? "false" : "true";
    char command[512];
    size_t set = 1000 + vmm->drive_changes++;
    (void)snprintf(command, sizeof command,
                   "{\"execute\":\"add-fd\",\"arguments\":{\"fdset-id\":%zu}}", set);
    if (bg_qmp_command(vmm->qmp, command, d->fd, COMMAND_MS, error) < 0)
        return -1;
    (void)snprintf(command, sizeof command,
                   "{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"file\",\"node-name\":"
                   "\"new%zu\",\"read-only\":%s,\"cache\":{\"no-flush\":%s},\"filename\":"
                   "\"/dev/fdset/%zu\",\"locking\":\"off\",\"aio\":\"threads\"}}",
                   set, read_only, no_flush, set);
    if (bg_qmp_command(vmm->qmp, command, -1, COMMAND_MS, error) < 0)
        return -1;
    (void)snprintf(command, sizeof command,
                   "{\"execute\":\"blockdev-reopen\",\"arguments\":{\"options\":[{\"driver\":"
                   "\"raw\",\"node-name\":\"drive%zu\",\"read-only\":%s,\"cache\":{\"no-flush\":"
                   "%s},\"file\":\"new%zu\"}]}}",
                   index, read_only, no_flush, set);
    return bg_qmp_command(vmm->qmp, command, -1, COMMAND_MS, error);
}

void bg_vmm_end(struct bg_vmm *vmm)
{
    if (!vmm)
        return;
    bg_vsock_stop(vmm->vsock);
    bg_qmp_close(vmm->qmp);
    if (vmm->process.pid > 0) {
        bg_loop_del(vmm->params.loop, vmm->process.pidfd);
        bg_loop_del(vmm->params.loop, vmm->process.stderr_fd);
        bg_process_end(&vmm->process);
    }
    if (vmm->port_fd >= 0)
        close(vmm->port_fd);
    bg_vmm_forget_state(vmm);
    free(vmm);
}
