/* /machine-config, /boot-source, /cpu-config. */
#include "api.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* cpu_template is deprecated, whatever its value. */
bool bg_check_machine(struct bg_call *call)
{
    if (bg_is_set(call->body, BG_MACHINE_TEMPLATE))
        call->answer->deprecated = true;
    return true;
}

bool bg_check_machine_update(struct bg_call *call)
{
    const struct bg_machine *m = call->body;
    return m->set != 0 ? bg_check_machine(call) : bg_fault(call->answer, "Empty PATCH request.");
}

int bg_set_machine(struct bg_vm *vm, struct bg_machine *machine, struct bg_answer *answer)
{
    const struct bg_config *config = &vm->config;
    if (machine->vcpu_count < 1 || machine->vcpu_count > 32 ||
        (machine->smt && machine->vcpu_count > 1 && machine->vcpu_count % 2 == 1)) {
        (void)bg_fault(answer,
                       "Machine config error: The number of vCPUs must be greater than 0, less "
                       "than 32 and must be 1 or an even number if SMT is enabled.");
        return -1;
    }
    if (machine->mem_size_mib == 0 ||
        (machine->huge_pages == BG_HUGE_PAGES_2M && machine->mem_size_mib % 2 == 1)) {
        (void)bg_fault(answer, "Machine config error: The memory size (MiB) is either 0, or not a "
                               "multiple of the configured page size.");
        return -1;
    }
    if (bg_has(config, BG_CONFIG_BALLOON) && config->balloon.amount_mib > machine->mem_size_mib) {
        (void)bg_fault(answer, "Machine config error: The memory size (MiB) is smaller than the "
                               "previously set balloon device target size.");
        return -1;
    }
    if (machine->cpu_template == BG_TEMPLATE_NONE)
        bg_mark(machine, BG_MACHINE_TEMPLATE, false);
    vm->config.machine = *machine;
    memset(machine, 0, sizeof *machine);
    return 0;
}

void bg_put_machine(struct bg_call *call)
{
    (void)bg_set_machine(call->vm, call->body, call->answer);
}

void bg_patch_machine(struct bg_call *call)
{
    const struct bg_machine *update = call->body;
    struct bg_machine m = call->vm->config.machine;
    if (bg_is_set(update, BG_MACHINE_VCPU))
        m.vcpu_count = update->vcpu_count;
    if (bg_is_set(update, BG_MACHINE_MEM))
        m.mem_size_mib = update->mem_size_mib;
    if (bg_is_set(update, BG_MACHINE_SMT))
        m.smt = update->smt;
    if (bg_is_set(update, BG_MACHINE_TEMPLATE)) {
        m.cpu_template = update->cpu_template;
        bg_mark(&m, BG_MACHINE_TEMPLATE, true);
    }
    if (bg_is_set(update, BG_MACHINE_DIRTY))
        m.track_dirty_pages = update->track_dirty_pages;
    if (bg_is_set(update, BG_MACHINE_HUGE_PAGES))
        m.huge_pages = update->huge_pages;
    (void)bg_set_machine(call->vm, &m, call->answer);
}

void bg_get_machine(struct bg_call *call)
{
    bg_answer_object(call->answer, &bg_machine_schema, &call->vm->config.machine);
}

/* Both files are opened before anything is replaced: a failed PUT keeps the earlier source. */
int bg_set_boot_source(struct bg_vm *vm, struct bg_boot_source *source, struct bg_answer *answer)
{
    int kernel = open(source->kernel_image_path, O_RDONLY | O_CLOEXEC), initrd = -1;
    if (kernel < 0) {
        (void)bg_fault(answer, "Boot source error: The kernel file cannot be opened: %s",
                       bg_os_error(errno));
        return -1;
    }
    if (source->initrd_path) {
        initrd = open(source->initrd_path, O_RDONLY | O_CLOEXEC);
        if (initrd < 0) {
            (void)bg_fault(answer,
                           "Boot source error: The initrd file cannot be opened due to invalid "
                           "path or invalid permissions. %s",
                           bg_os_error(errno));
            close(kernel);
            return -1;
        }
    }
    if (source->boot_args && strlen(source->boot_args) >= 2048) {
        (void)bg_fault(answer, "Boot source error: The kernel command line is invalid: Kernel "
                               "command line is too large");
        close(kernel);
        if (initrd >= 0)
            close(initrd);
        return -1;
    }
    struct bg_config *config = &vm->config;
    if (config->kernel_fd >= 0)
        close(config->kernel_fd);
    if (config->initrd_fd >= 0)
        close(config->initrd_fd);
    bg_schema_free(&bg_boot_source_schema, &config->boot_source);
    config->boot_source = *source;
    config->kernel_fd = kernel;
    config->initrd_fd = initrd;
    memset(source, 0, sizeof *source);
    return 0;
}

void bg_put_boot_source(struct bg_call *call)
{
    (void)bg_set_boot_source(call->vm, call->body, call->answer);
}

/* Custom CPU templates describe KVM's registers; this engine has none to set. */
void bg_put_cpu_config(struct bg_call *call)
{
    (void)call;
}
