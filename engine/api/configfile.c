/* --config-file: the parts are applied as if they had come by the API, then the guest starts. The
 * faults are the API's with the words that Firecracker uses here. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fault {
    uint64_t set;
    char *text;
};

static const struct bg_field fault_fields[] = {
    {"fault_message", BG_STRING, BG_REQUIRED, offsetof(struct fault, text)},
};
static const struct bg_schema fault_schema = {
    .name = "Fault", .fields = fault_fields, .n_fields = 1, .size = sizeof(struct fault)};

static const struct {
    const char *api, *file;
} prefixes[] = {
    {"Start microvm error: ", "Could not Start MicroVM from one single json: "},
    {"Drive config error: ",
     "Configuration for VMM from one single json failed: Block device error: "},
    {"Machine config error: ",
     "Configuration for VMM from one single json failed: VM config error: "},
    {"", "Configuration for VMM from one single json failed: "},
};

static int report(const struct bg_answer *answer, struct bg_vmm_error *error)
{
    struct fault fault = {0};
    struct bg_json json;
    size_t i = 0;
    bg_json_init(&json, answer->body.data, answer->body.len);
    if (bg_schema_decode(&fault_schema, &json, &fault) < 0)
        return -1;
    while (strncmp(fault.text, prefixes[i].api, strlen(prefixes[i].api)) != 0)
        i++;
    (void)snprintf(error->text, sizeof error->text, "%s%s", prefixes[i].file,
                   fault.text + strlen(prefixes[i].api));
    bg_schema_free(&fault_schema, &fault);
    return -1;
}

static int apply(struct bg_vm *vm, struct bg_config *file, struct bg_answer *answer)
{
    if (bg_has(file, BG_CONFIG_LOGGER) && bg_set_logger(&file->logger, answer) < 0)
        return -1;
    if (bg_has(file, BG_CONFIG_METRICS) && bg_set_metrics(&file->metrics, answer) < 0)
        return -1;
    if (bg_has(file, BG_CONFIG_MACHINE) && bg_set_machine(vm, &file->machine, answer) < 0)
        return -1;
    if (bg_set_boot_source(vm, &file->boot_source, answer) < 0)
        return -1;
    for (size_t i = 0; i < file->drives.n; i++) {
        if (bg_set_drive(vm, bg_drive_at(file, i), answer) < 0)
            return -1;
    }
    for (size_t i = 0; i < file->nets.n; i++) {
        if (bg_set_net(vm, bg_net_at(file, i), answer) < 0)
            return -1;
    }
    for (size_t i = 0; i < file->pmems.n; i++) {
        if (bg_set_pmem(vm, bg_pmem_at(file, i), answer) < 0)
            return -1;
    }
    if (bg_has(file, BG_CONFIG_VSOCK) && bg_set_vsock(vm, &file->vsock, answer) < 0)
        return -1;
    if (bg_has(file, BG_CONFIG_BALLOON) && bg_set_balloon(vm, &file->balloon, answer) < 0)
        return -1;
    if (bg_has(file, BG_CONFIG_HOTPLUG) && bg_set_hotplug(vm, &file->hotplug, answer) < 0)
        return -1;
    if (bg_has(file, BG_CONFIG_MMDS) && bg_set_mmds(vm, &file->mmds, answer) < 0)
        return -1;
    if (bg_has(file, BG_CONFIG_ENTROPY)) {
        vm->config.entropy = file->entropy;
        bg_mark(&vm->config, BG_CONFIG_ENTROPY, true);
    }
    return bg_start(vm, answer);
}

int bg_api_apply_file(struct bg_vm *vm, const char *text, size_t len, struct bg_vmm_error *error)
{
    struct bg_config file = {0};
    struct bg_answer answer = {0};
    struct bg_json json;
    bg_json_init(&json, text, len);
    if (bg_schema_decode(&bg_config_schema, &json, &file) < 0 || bg_json_end(&json) < 0) {
        struct bg_buf reason = {0};
        bg_json_error(&json, &reason);
        (void)snprintf(error->text, sizeof error->text,
                       "Configuration for VMM from one single json failed: Invalid JSON: %s",
                       reason.data);
        bg_buf_free(&reason);
        bg_schema_free(&bg_config_schema, &file);
        return -1;
    }
    vm->boot_path = true;
    int r = apply(vm, &file, &answer);
    if (r < 0)
        r = report(&answer, error);
    bg_buf_free(&answer.body);
    bg_schema_free(&bg_config_schema, &file);
    return r;
}
