/* /, /version, /vm, /vm/config, /actions, and the start itself. */
#include "api.h"
#include "kernel.h"
#include "log.h"
#include "metrics.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int bg_vm_init(struct bg_vm *vm, struct bg_loop *loop, const char *id, size_t mmds_limit)
{
    *vm = (struct bg_vm){.loop = loop, .id = id, .mmds_limit = mmds_limit};
    struct bg_config *c = &vm->config;
    c->kernel_fd = c->initrd_fd = -1;
    c->machine = (struct bg_machine){.vcpu_count = 1, .mem_size_mib = 128};
    for (unsigned i = 0; i < bg_machine_schema.n_fields; i++)
        bg_mark(&c->machine, i, i != BG_MACHINE_TEMPLATE);
    c->boot_source.kernel_image_path = strdup("");
    bg_mark(&c->boot_source, BG_BOOT_KERNEL, true);
    static const unsigned always[] = {BG_CONFIG_DRIVES, BG_CONFIG_BOOT, BG_CONFIG_MACHINE,
                                      BG_CONFIG_NETS, BG_CONFIG_PMEMS};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        bg_mark(c, always[i], true);
    return c->boot_source.kernel_image_path ? 0 : -ENOMEM;
}

void bg_config_release(struct bg_config *config)
{
    for (size_t i = 0; i < config->drives.n; i++)
        close(bg_drive_at(config, i)->fd);
    for (size_t i = 0; i < config->nets.n; i++)
        close(bg_net_at(config, i)->fd);
    if (bg_has(config, BG_CONFIG_VSOCK))
        close(config->vsock.listen_fd);
    if (config->kernel_fd >= 0)
        close(config->kernel_fd);
    if (config->initrd_fd >= 0)
        close(config->initrd_fd);
    bg_schema_free(&bg_config_schema, config);
}

void bg_get_instance(struct bg_call *call)
{
    static const char *const phases[] = {"Not started", "Running", "Paused"};
    call->answer->status = 200;
    bg_buf_str(&call->answer->body, "{\"id\":");
    bg_json_quote(&call->answer->body, call->vm->id);
    bg_buf_fmt(&call->answer->body,
               ",\"state\":\"%s\",\"vmm_version\":\"" BG_VERSION "\",\"app_name\":\"Firecracker\"}",
               phases[call->vm->phase]);
}

void bg_get_version(struct bg_call *call)
{
    call->answer->status = 200;
    bg_buf_str(&call->answer->body, "{\"firecracker_version\":\"" BG_VERSION "\"}");
}

void bg_get_config(struct bg_call *call)
{
    bg_answer_object(call->answer, &bg_config_schema, &call->vm->config);
}

void bg_vm_exited(void *arg, int status)
{
    struct bg_vm *vm = arg;
    bg_info("main", "Vmm is stopping.");
    bg_loop_stop(vm->loop, status);
}

static int refuse(struct bg_vmm_error *error, const char *text)
{
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return -1;
}

/* Devices that a config may name and this engine does not have. */
static int check_devices(const struct bg_config *config, struct bg_vmm_error *error)
{
    for (size_t i = 0; i < config->pmems.n; i++) {
        if (access(bg_pmem_at(config, i)->path_on_host, R_OK) < 0) {
            (void)snprintf(error->text, sizeof error->text,
                           "Cannot create pmem device: Error accessing backing file: %s",
                           bg_os_error(errno));
            return -1;
        }
    }
    if (config->pmems.n > 0)
        return refuse(error, "Cannot create pmem device: not available in this engine");
    if (bg_has(config, BG_CONFIG_BALLOON))
        return refuse(error, "Cannot create balloon device: not available in this engine");
    if (bg_has(config, BG_CONFIG_HOTPLUG))
        return refuse(error, "Cannot create memory hotplug device: not available in this engine");
    return 0;
}

static int check_boot(const struct bg_config *config, struct bg_vmm_error *error)
{
    struct stat st;
    uint64_t mib = config->machine.mem_size_mib;
    if (config->kernel_fd < 0)
        return refuse(error, "Cannot start microvm without kernel configuration.");
    if (mib > (uint64_t)1 << 24)
        return refuse(error, "Error with the KvmVm object: Cannot set the memory regions: Invalid "
                             "argument (os error 22)");
    if (bg_kernel_check(config->kernel_fd, mib << 20, error) < 0)
        return -1;
    if (config->initrd_fd >= 0 &&
        (fstat(config->initrd_fd, &st) < 0 || st.st_size == 0 || (uint64_t)st.st_size > mib << 20))
        return refuse(error, "Error with initrd initialization: Cannot load initrd due to an "
                             "invalid memory configuration..");
    return check_devices(config, error);
}

/* Where the first serial port goes: a file of /serial, else stdout. -errno. */
static int open_serial(const struct bg_vm *vm)
{
    if (!vm->serial.serial_out_path)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int fd = open(vm->serial.serial_out_path, O_RDWR | O_CREAT | O_NONBLOCK | O_APPEND | O_CLOEXEC,
                  0644);
    return fd < 0 ? -errno : fd;
}

int bg_vm_params(struct bg_vm *vm, struct bg_vmm_params *ret, struct bg_vmm_error *error)
{
    int serial = open_serial(vm);
    if (serial < 0) {
        (void)snprintf(error->text, sizeof error->text, "Failed to open the serial output: %s",
                       bg_os_error(-serial));
        return -1;
    }
    *ret = (struct bg_vmm_params){.loop = vm->loop,
                                  .id = vm->id,
                                  .config = &vm->config,
                                  .serial_fd = serial,
                                  .on_exit = bg_vm_exited,
                                  .arg = vm};
    return 0;
}

int bg_start(struct bg_vm *vm, struct bg_answer *answer)
{
    struct bg_vmm_error error = {{0}};
    struct bg_vmm_params params = {.serial_fd = -1};
    int r = check_boot(&vm->config, &error);
    if (r == 0)
        r = bg_vm_params(vm, &params, &error);
    if (r == 0)
        r = bg_vmm_start(&params, &vm->vmm, &error);
    if (params.serial_fd >= 0)
        close(params.serial_fd);
    if (r < 0) {
        (void)bg_fault(answer, "Start microvm error: %s", error.text);
        return -1;
    }
    vm->phase = BG_RUNNING;
    bg_metrics_flush();
    return 0;
}

/* The phase depends on the action, so the table cannot tell it. */
bool bg_check_action(struct bg_call *call)
{
    bool started = call->vm->phase != BG_NOT_STARTED;
    bool start = ((struct bg_choice *)call->body)->value == BG_ACTION_START;
    if (start == started)
        return bg_fault(call->answer,
                        "The requested operation is not supported %s starting the microVM.",
                        start ? "after" : "before");
    return true;
}

void bg_put_action(struct bg_call *call)
{
    struct bg_vmm_error error = {{0}};
    switch (((struct bg_choice *)call->body)->value) {
    case BG_ACTION_START:
        (void)bg_start(call->vm, call->answer);
        break;
    case BG_ACTION_FLUSH_METRICS:
        bg_metrics_flush();
        break;
    default:
        if (bg_vmm_ctrl_alt_del(call->vm->vmm, &error) < 0)
            (void)bg_fault(call->answer, "Internal VMM error: %s", error.text);
    }
}

void bg_patch_vm(struct bg_call *call)
{
    struct bg_vm *vm = call->vm;
    struct bg_vmm_error error = {{0}};
    bool pause = ((struct bg_choice *)call->body)->value == BG_STATE_PAUSED;
    enum bg_phase wanted = pause ? BG_PAUSED : BG_RUNNING;
    if (vm->phase == wanted)
        return;
    if ((pause ? bg_vmm_pause : bg_vmm_resume)(vm->vmm, &error) < 0)
        (void)bg_fault(call->answer, "Internal VMM error: %s", error.text);
    else
        vm->phase = wanted;
}
