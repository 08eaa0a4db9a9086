/* The tables behind config.h. */
#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define AT(type, member) offsetof(struct type, member)
#define SCHEMA(var, rust_name, type, is_lenient)                                                   \
    const struct bg_schema var##_schema = {                                                        \
        .name = (rust_name),                                                                       \
        .fields = var##_fields,                                                                    \
        .n_fields = sizeof var##_fields / sizeof var##_fields[0],                                  \
        .lenient = (is_lenient),                                                                   \
        .size = sizeof(struct type),                                                               \
    }

static const char *const cpu_templates[] = {"C3", "T2", "T2S", "None", "T2CL", "T2A", NULL};
static const char *const huge_pages[] = {"None", "2M", NULL};
static const char *const cache_types[] = {"Unsafe", "Writeback", NULL};
static const char *const io_engines[] = {"Sync", "Async", NULL};
static const char *const mmds_versions[] = {"V1", "V2", NULL};
static const char *const actions[] = {"FlushMetrics", "InstanceStart", "SendCtrlAltDel", NULL};
static const char *const vm_states[] = {"Paused", "Resumed", NULL};
static const char *const snapshot_types[] = {"Diff", "Full", NULL};
static const char *const backend_types[] = {"File", "Uffd", NULL};

static bool check_mac(const char *text, struct bg_json *json)
{
    bool ok = strlen(text) == 17;
    for (int i = 0; ok && i < 17; i++)
        ok = i % 3 == 2 ? text[i] == ':' : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
    if (!ok)
        (void)bg_json_fail(json, "The provided MAC address is invalid.");
    return ok;
}

static bool check_ipv4(const char *text, struct bg_json *json)
{
    struct in_addr address;
    bool ok = inet_pton(AF_INET, text, &address) == 1;
    if (!ok)
        (void)bg_json_fail(json, "invalid IPv4 address syntax");
    return ok;
}

static bool check_level(const char *text, struct bg_json *json)
{
    static const char *const levels[] = {"off",  "error", "warn", "warning",
                                         "info", "debug", "trace"};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcasecmp(text, levels[i]) == 0)
            return true;
    }
    (void)bg_json_fail(json, "Invalid LevelFilter");
    return false;
}

static const struct bg_field bg_bucket_fields[] = {
    {"size", BG_U64, BG_REQUIRED, AT(bg_bucket, size)},
    {"one_time_burst", BG_U64, 0, AT(bg_bucket, one_time_burst)},
    {"refill_time", BG_U64, BG_REQUIRED, AT(bg_bucket, refill_time)},
};
static SCHEMA(bg_bucket, "TokenBucketConfig", bg_bucket, true);

static const struct bg_field bg_limiter_fields[] = {
    {"bandwidth", BG_OBJECT, 0, AT(bg_limiter, bandwidth), &bg_bucket_schema},
    {"ops", BG_OBJECT, 0, AT(bg_limiter, ops), &bg_bucket_schema},
};
static SCHEMA(bg_limiter, "RateLimiterConfig", bg_limiter, false);

static const struct bg_field bg_machine_fields[] = {
    {"vcpu_count", BG_U8, BG_REQUIRED, AT(bg_machine, vcpu_count)},
    {"mem_size_mib", BG_USIZE, BG_REQUIRED, AT(bg_machine, mem_size_mib)},
    {"smt", BG_BOOL, BG_DEFAULT, AT(bg_machine, smt)},
    {"cpu_template", BG_ENUM, BG_OMIT, AT(bg_machine, cpu_template), cpu_templates},
    {"track_dirty_pages", BG_BOOL, BG_DEFAULT, AT(bg_machine, track_dirty_pages)},
    {"huge_pages", BG_ENUM, BG_DEFAULT, AT(bg_machine, huge_pages), huge_pages},
};
SCHEMA(bg_machine, "MachineConfig", bg_machine, false);

static const struct bg_field bg_machine_update_fields[] = {
    {"vcpu_count", BG_U8, 0, AT(bg_machine, vcpu_count)},
    {"mem_size_mib", BG_USIZE, 0, AT(bg_machine, mem_size_mib)},
    {"smt", BG_BOOL, 0, AT(bg_machine, smt)},
    {"cpu_template", BG_ENUM, 0, AT(bg_machine, cpu_template), cpu_templates},
    {"track_dirty_pages", BG_BOOL, 0, AT(bg_machine, track_dirty_pages)},
    {"huge_pages", BG_ENUM, 0, AT(bg_machine, huge_pages), huge_pages},
};
SCHEMA(bg_machine_update, "MachineConfigUpdate", bg_machine, false);

static const struct bg_field bg_boot_source_fields[] = {
    {"kernel_image_path", BG_STRING, BG_REQUIRED, AT(bg_boot_source, kernel_image_path)},
    {"initrd_path", BG_STRING, 0, AT(bg_boot_source, initrd_path)},
    {"boot_args", BG_STRING, 0, AT(bg_boot_source, boot_args)},
};
SCHEMA(bg_boot_source, "BootSourceConfig", bg_boot_source, false);

static const struct bg_field bg_drive_fields[] = {
    {"drive_id", BG_STRING, BG_REQUIRED, AT(bg_drive, drive_id)},
    {"partuuid", BG_STRING, 0, AT(bg_drive, partuuid)},
    {"is_root_device", BG_BOOL, BG_REQUIRED, AT(bg_drive, is_root_device)},
    {"cache_type", BG_ENUM, BG_DEFAULT, AT(bg_drive, cache_type), cache_types},
    {"is_read_only", BG_BOOL, BG_DEFAULT, AT(bg_drive, is_read_only)},
    {"path_on_host", BG_STRING, 0, AT(bg_drive, path_on_host)},
    {"rate_limiter", BG_OBJECT, 0, AT(bg_drive, rate_limiter), &bg_limiter_schema},
    {"io_engine", BG_ENUM, BG_DEFAULT, AT(bg_drive, io_engine), io_engines},
    {"socket", BG_STRING, 0, AT(bg_drive, socket)},
};
SCHEMA(bg_drive, "BlockDeviceConfig", bg_drive, false);

static const struct bg_field bg_drive_update_fields[] = {
    {"drive_id", BG_STRING, BG_REQUIRED, AT(bg_drive_update, drive_id)},
    {"path_on_host", BG_STRING, 0, AT(bg_drive_update, path_on_host)},
    {"rate_limiter", BG_OBJECT, 0, AT(bg_drive_update, rate_limiter), &bg_limiter_schema},
};
SCHEMA(bg_drive_update, "BlockDeviceUpdateConfig", bg_drive_update, false);

static const struct bg_field bg_net_fields[] = {
    {"iface_id", BG_STRING, BG_REQUIRED, AT(bg_net, iface_id)},
    {"host_dev_name", BG_STRING, BG_REQUIRED, AT(bg_net, host_dev_name)},
    {"guest_mac", BG_STRING, 0, AT(bg_net, guest_mac), .check = check_mac},
    {"mtu", BG_U16, 0, AT(bg_net, mtu)},
    {"rx_rate_limiter", BG_OBJECT, 0, AT(bg_net, rx_rate_limiter), &bg_limiter_schema},
    {"tx_rate_limiter", BG_OBJECT, 0, AT(bg_net, tx_rate_limiter), &bg_limiter_schema},
};
SCHEMA(bg_net, "NetworkInterfaceConfig", bg_net, false);

static const struct bg_field bg_net_update_fields[] = {
    {"iface_id", BG_STRING, BG_REQUIRED, AT(bg_net_update, iface_id)},
    {"rx_rate_limiter", BG_OBJECT, 0, AT(bg_net_update, rx_rate_limiter), &bg_limiter_schema},
    {"tx_rate_limiter", BG_OBJECT, 0, AT(bg_net_update, tx_rate_limiter), &bg_limiter_schema},
};
SCHEMA(bg_net_update, "NetworkInterfaceUpdateConfig", bg_net_update, false);

static const struct bg_field bg_vsock_fields[] = {
    {"vsock_id", BG_STRING, BG_HIDDEN, AT(bg_vsock_device, vsock_id)},
    {"guest_cid", BG_U32, BG_REQUIRED, AT(bg_vsock_device, guest_cid)},
    {"uds_path", BG_STRING, BG_REQUIRED, AT(bg_vsock_device, uds_path)},
};
SCHEMA(bg_vsock, "VsockDeviceConfig", bg_vsock_device, false);

static const struct bg_field bg_mmds_config_fields[] = {
    {"version", BG_ENUM, BG_DEFAULT, AT(bg_mmds_config, version), mmds_versions},
    {"network_interfaces", BG_STRINGS, BG_REQUIRED, AT(bg_mmds_config, network_interfaces)},
    {"ipv4_address", BG_STRING, 0, AT(bg_mmds_config, ipv4_address), .check = check_ipv4,
     .check_placed = true},
    {"imds_compat", BG_BOOL, BG_DEFAULT, AT(bg_mmds_config, imds_compat)},
};
SCHEMA(bg_mmds_config, "MmdsConfig", bg_mmds_config, false);

static const struct bg_field bg_balloon_fields[] = {
    {"amount_mib", BG_U32, BG_REQUIRED, AT(bg_balloon, amount_mib)},
    {"deflate_on_oom", BG_BOOL, BG_REQUIRED, AT(bg_balloon, deflate_on_oom)},
    {"stats_polling_interval_s", BG_U16, BG_DEFAULT, AT(bg_balloon, stats_polling_interval_s)},
    {"free_page_hinting", BG_BOOL, BG_DEFAULT, AT(bg_balloon, free_page_hinting)},
    {"free_page_reporting", BG_BOOL, BG_DEFAULT, AT(bg_balloon, free_page_reporting)},
};
SCHEMA(bg_balloon, "BalloonDeviceConfig", bg_balloon, false);

static const struct bg_field bg_balloon_update_fields[] = {
    {"amount_mib", BG_U32, BG_REQUIRED, AT(bg_amount, mib)},
};
SCHEMA(bg_balloon_update, "BalloonUpdateConfig", bg_amount, false);

static const struct bg_field bg_balloon_stats_fields[] = {
    {"stats_polling_interval_s", BG_U16, BG_REQUIRED, AT(bg_amount, seconds)},
};
SCHEMA(bg_balloon_stats, "BalloonUpdateStatsConfig", bg_amount, false);

static const struct bg_field bg_hinting_fields[] = {
    {"acknowledge_on_stop", BG_BOOL, BG_DEFAULT, AT(bg_amount, flag), .fallback = 1},
};
SCHEMA(bg_hinting, "StartHintingCmd", bg_amount, true);

static const struct bg_field bg_logger_fields[] = {
    {"log_path", BG_PATH, 0, AT(bg_logger, log_path)},
    {"level", BG_STRING, 0, AT(bg_logger, level), .check = check_level},
    {"show_level", BG_BOOL, 0, AT(bg_logger, show_level)},
    {"show_log_origin", BG_BOOL, 0, AT(bg_logger, show_log_origin)},
    {"module", BG_STRING, 0, AT(bg_logger, module)},
};
SCHEMA(bg_logger, "LoggerConfig", bg_logger, false);

static const struct bg_field bg_metrics_fields[] = {
    {"metrics_path", BG_PATH, BG_REQUIRED, AT(bg_metrics_config, metrics_path)},
};
SCHEMA(bg_metrics, "MetricsConfig", bg_metrics_config, true);

static const struct bg_field bg_serial_fields[] = {
    {"serial_out_path", BG_PATH, 0, AT(bg_serial, serial_out_path)},
    {"rate_limiter", BG_OBJECT, 0, AT(bg_serial, rate_limiter), &bg_bucket_schema},
};
SCHEMA(bg_serial, "SerialConfig", bg_serial, false);

static const struct bg_field bg_entropy_fields[] = {
    {"rate_limiter", BG_OBJECT, 0, AT(bg_entropy, rate_limiter), &bg_limiter_schema},
};
SCHEMA(bg_entropy, "EntropyDeviceConfig", bg_entropy, false);

static const struct bg_field bg_pmem_fields[] = {
    {"id", BG_STRING, BG_REQUIRED, AT(bg_pmem, id)},
    {"path_on_host", BG_STRING, BG_REQUIRED, AT(bg_pmem, path_on_host)},
    {"root_device", BG_BOOL, BG_DEFAULT, AT(bg_pmem, root_device)},
    {"read_only", BG_BOOL, BG_DEFAULT, AT(bg_pmem, read_only)},
    {"rate_limiter", BG_OBJECT, 0, AT(bg_pmem, rate_limiter), &bg_limiter_schema},
};
SCHEMA(bg_pmem, "PmemConfig", bg_pmem, false);

static const struct bg_field bg_pmem_update_fields[] = {
    {"id", BG_STRING, BG_REQUIRED, AT(bg_pmem_update, id)},
    {"rate_limiter", BG_OBJECT, 0, AT(bg_pmem_update, rate_limiter), &bg_limiter_schema},
};
SCHEMA(bg_pmem_update, "PmemDeviceUpdateConfig", bg_pmem_update, false);

static const struct bg_field bg_hotplug_fields[] = {
    {"total_size_mib", BG_USIZE, BG_REQUIRED, AT(bg_hotplug, total_size_mib)},
    {"block_size_mib", BG_USIZE, BG_DEFAULT, AT(bg_hotplug, block_size_mib), .fallback = 2},
    {"slot_size_mib", BG_USIZE, BG_DEFAULT, AT(bg_hotplug, slot_size_mib), .fallback = 128},
};
SCHEMA(bg_hotplug, "MemoryHotplugConfig", bg_hotplug, false);

static const struct bg_field bg_hotplug_update_fields[] = {
    {"requested_size_mib", BG_USIZE, BG_REQUIRED, AT(bg_amount, size)},
};
SCHEMA(bg_hotplug_update, "MemoryHotplugSizeUpdate", bg_amount, false);

static const struct bg_field bg_cpu_config_fields[] = {
    {"kvm_capabilities", BG_IGNORED, 0, 0},
    {"cpuid_modifiers", BG_IGNORED, 0, 0},
    {"msr_modifiers", BG_IGNORED, 0, 0},
};
SCHEMA(bg_cpu_config, "CustomCpuTemplate", bg_cpu_config, false);

static const struct bg_field bg_action_fields[] = {
    {"action_type", BG_ENUM, BG_REQUIRED, AT(bg_choice, value), actions},
};
SCHEMA(bg_action, "ActionBody", bg_choice, false);

static const struct bg_field bg_vm_state_fields[] = {
    {"state", BG_ENUM, BG_REQUIRED, AT(bg_choice, value), vm_states},
};
SCHEMA(bg_vm_state, "Vm", bg_choice, false);

static const struct bg_field bg_snapshot_create_fields[] = {
    {"snapshot_type", BG_ENUM, BG_DEFAULT, AT(bg_snapshot_create, snapshot_type), snapshot_types,
     .fallback = 1},
    {"snapshot_path", BG_PATH, BG_REQUIRED, AT(bg_snapshot_create, snapshot_path)},
    {"mem_file_path", BG_PATH, BG_REQUIRED, AT(bg_snapshot_create, mem_file_path)},
};
SCHEMA(bg_snapshot_create, "CreateSnapshotParams", bg_snapshot_create, false);

static const struct bg_field bg_mem_backend_fields[] = {
    {"backend_path", BG_PATH, BG_REQUIRED, AT(bg_mem_backend, backend_path)},
    {"backend_type", BG_ENUM, BG_REQUIRED, AT(bg_mem_backend, backend_type), backend_types},
};
static SCHEMA(bg_mem_backend, "MemBackendConfig", bg_mem_backend, false);

static const struct bg_field bg_net_override_fields[] = {
    {"iface_id", BG_STRING, BG_REQUIRED, AT(bg_net_override, iface_id)},
    {"host_dev_name", BG_STRING, BG_REQUIRED, AT(bg_net_override, host_dev_name)},
};
static SCHEMA(bg_net_override, "NetworkOverride", bg_net_override, true);

static const struct bg_field bg_vsock_override_fields[] = {
    {"uds_path", BG_STRING, BG_REQUIRED, AT(bg_vsock_override, uds_path)},
};
static SCHEMA(bg_vsock_override, "VsockOverride", bg_vsock_override, true);

static const struct bg_field bg_snapshot_load_fields[] = {
    {"snapshot_path", BG_PATH, BG_REQUIRED, AT(bg_snapshot_load, snapshot_path)},
    {"mem_file_path", BG_PATH, 0, AT(bg_snapshot_load, mem_file_path)},
    {"mem_backend", BG_OBJECT, 0, AT(bg_snapshot_load, mem_backend), &bg_mem_backend_schema},
    {"enable_diff_snapshots", BG_BOOL, 0, AT(bg_snapshot_load, enable_diff_snapshots)},
    {"track_dirty_pages", BG_BOOL, BG_DEFAULT, AT(bg_snapshot_load, track_dirty_pages)},
    {"resume_vm", BG_BOOL, BG_DEFAULT, AT(bg_snapshot_load, resume_vm)},
    {"network_overrides", BG_OBJECTS, 0, AT(bg_snapshot_load, network_overrides),
     &bg_net_override_schema},
    {"vsock_override", BG_OBJECT, 0, AT(bg_snapshot_load, vsock_override),
     &bg_vsock_override_schema},
    {"clock_realtime", BG_BOOL, BG_DEFAULT, AT(bg_snapshot_load, clock_realtime)},
};
SCHEMA(bg_snapshot_load, "LoadSnapshotConfig", bg_snapshot_load, false);

static const struct bg_field bg_config_fields[] = {
    {"balloon", BG_OBJECT, 0, AT(bg_config, balloon), &bg_balloon_schema},
    {"drives", BG_OBJECTS, BG_REQUIRED, AT(bg_config, drives), &bg_drive_schema},
    {"boot-source", BG_OBJECT, BG_REQUIRED, AT(bg_config, boot_source), &bg_boot_source_schema},
    {"cpu-config", BG_IGNORED, 0, 0},
    {"logger", BG_OBJECT, 0, AT(bg_config, logger), &bg_logger_schema},
    {"machine-config", BG_OBJECT, 0, AT(bg_config, machine), &bg_machine_schema},
    {"metrics", BG_OBJECT, 0, AT(bg_config, metrics), &bg_metrics_schema},
    {"mmds-config", BG_OBJECT, 0, AT(bg_config, mmds), &bg_mmds_config_schema},
    {"network-interfaces", BG_OBJECTS, 0, AT(bg_config, nets), &bg_net_schema},
    {"vsock", BG_OBJECT, 0, AT(bg_config, vsock), &bg_vsock_schema},
    {"entropy", BG_OBJECT, 0, AT(bg_config, entropy), &bg_entropy_schema},
    {"pmem", BG_OBJECTS, 0, AT(bg_config, pmems), &bg_pmem_schema},
    {"memory-hotplug", BG_OBJECT, 0, AT(bg_config, hotplug), &bg_hotplug_schema},
};
SCHEMA(bg_config, "VmmConfig", bg_config, true);
