/* Every body that the API takes or gives, as C structs with their schemas (schema.h): the names,
 * the order and the defaults are Firecracker 1.16.1's.
 *
 * `bg_config` is both the state of the microVM before and after its start, the answer of
 * GET /vm/config and the shape of --config-file. Members after the mark "ours" are not in any
 * schema: whoever attaches a resource sets them, and releases them before bg_schema_free. */
#ifndef BG_ENGINE_CONFIG_H
#define BG_ENGINE_CONFIG_H

#include "schema.h"

struct bg_bucket {
    uint64_t set;
    uint64_t size, one_time_burst, refill_time;
};

struct bg_limiter {
    uint64_t set;
    struct bg_bucket bandwidth, ops;
};

struct bg_machine {
    uint64_t set;
    uint8_t vcpu_count;
    uint64_t mem_size_mib;
    bool smt;
    int cpu_template;
    bool track_dirty_pages;
    int huge_pages;
};
enum {
    BG_MACHINE_VCPU,
    BG_MACHINE_MEM,
    BG_MACHINE_SMT,
    BG_MACHINE_TEMPLATE,
    BG_MACHINE_DIRTY,
    BG_MACHINE_HUGE_PAGES
};
enum { BG_TEMPLATE_NONE = 3, BG_HUGE_PAGES_2M = 1 };

struct bg_boot_source {
    uint64_t set;
    char *kernel_image_path, *initrd_path, *boot_args;
};
enum { BG_BOOT_KERNEL, BG_BOOT_INITRD, BG_BOOT_ARGS };

struct bg_drive {
    uint64_t set;
    char *drive_id, *partuuid;
    bool is_root_device;
    int cache_type; /* 1: Writeback */
    bool is_read_only;
    char *path_on_host;
    struct bg_limiter rate_limiter;
    int io_engine;
    char *socket;
    /* ours */
    int fd;
};
enum { BG_DRIVE_ID, BG_DRIVE_PARTUUID, BG_DRIVE_PATH = 5, BG_DRIVE_LIMITER, BG_DRIVE_SOCKET = 8 };

struct bg_drive_update {
    uint64_t set;
    char *drive_id, *path_on_host;
    struct bg_limiter rate_limiter;
};

struct bg_net {
    uint64_t set;
    char *iface_id, *host_dev_name, *guest_mac;
    uint16_t mtu;
    struct bg_limiter rx_rate_limiter, tx_rate_limiter;
    /* ours */
    int fd;
};
enum { BG_NET_MAC = 2, BG_NET_MTU, BG_NET_RX, BG_NET_TX };

struct bg_net_update {
    uint64_t set;
    char *iface_id;
    struct bg_limiter rx_rate_limiter, tx_rate_limiter;
};

struct bg_vsock_device {
    uint64_t set;
    char *vsock_id;
    uint32_t guest_cid;
    char *uds_path;
    /* ours */
    int listen_fd;
};

struct bg_mmds_config {
    uint64_t set;
    int version; /* 1: V2 */
    struct bg_list network_interfaces;
    char *ipv4_address;
    bool imds_compat;
};
enum { BG_MMDS_ADDRESS = 2 };

struct bg_balloon {
    uint64_t set;
    uint32_t amount_mib;
    bool deflate_on_oom;
    uint16_t stats_polling_interval_s;
    bool free_page_hinting, free_page_reporting;
};

struct bg_logger {
    uint64_t set;
    char *log_path, *level;
    bool show_level, show_log_origin;
    char *module;
};
enum { BG_LOGGER_PATH, BG_LOGGER_LEVEL, BG_LOGGER_SHOW_LEVEL, BG_LOGGER_SHOW_ORIGIN };

struct bg_metrics_config {
    uint64_t set;
    char *metrics_path;
};

struct bg_serial {
    uint64_t set;
    char *serial_out_path;
    struct bg_bucket rate_limiter;
};

struct bg_entropy {
    uint64_t set;
    struct bg_limiter rate_limiter;
};

struct bg_pmem {
    uint64_t set;
    char *id, *path_on_host;
    bool root_device, read_only;
    struct bg_limiter rate_limiter;
};
enum { BG_PMEM_LIMITER = 4 };

struct bg_pmem_update {
    uint64_t set;
    char *id;
    struct bg_limiter rate_limiter;
};

struct bg_hotplug {
    uint64_t set;
    uint64_t total_size_mib, block_size_mib, slot_size_mib;
};

struct bg_cpu_config {
    uint64_t set;
};

/* One required member and nothing else. */
struct bg_choice {
    uint64_t set;
    int value;
};
struct bg_amount {
    uint64_t set;
    uint64_t size;
    uint32_t mib;
    uint16_t seconds;
    bool flag;
};
enum { BG_ACTION_FLUSH_METRICS, BG_ACTION_START, BG_ACTION_CTRL_ALT_DEL };
enum { BG_STATE_PAUSED, BG_STATE_RESUMED };

struct bg_snapshot_create {
    uint64_t set;
    int snapshot_type;
    char *snapshot_path, *mem_file_path;
};

struct bg_mem_backend {
    uint64_t set;
    char *backend_path;
    int backend_type; /* 0: File, 1: Uffd */
};

struct bg_net_override {
    uint64_t set;
    char *iface_id, *host_dev_name;
};

struct bg_vsock_override {
    uint64_t set;
    char *uds_path;
};

struct bg_snapshot_load {
    uint64_t set;
    char *snapshot_path, *mem_file_path;
    struct bg_mem_backend mem_backend;
    bool enable_diff_snapshots, track_dirty_pages, resume_vm;
    struct bg_list network_overrides; /* of struct bg_net_override */
    struct bg_vsock_override vsock_override;
    bool clock_realtime;
};
enum { BG_LOAD_MEM_FILE = 1, BG_LOAD_BACKEND, BG_LOAD_DIFF, BG_LOAD_VSOCK = 7 };

struct bg_config {
    uint64_t set;
    struct bg_balloon balloon;
    struct bg_list drives; /* of struct bg_drive, the root device first */
    struct bg_boot_source boot_source;
    struct bg_logger logger;          /* --config-file only */
    struct bg_machine machine;        /* always set */
    struct bg_metrics_config metrics; /* --config-file only */
    struct bg_mmds_config mmds;
    struct bg_list nets; /* of struct bg_net */
    struct bg_vsock_device vsock;
    struct bg_entropy entropy;
    struct bg_list pmems; /* of struct bg_pmem */
    struct bg_hotplug hotplug;
    /* ours */
    int kernel_fd, initrd_fd; /* -1: none */
};
enum {
    BG_CONFIG_BALLOON,
    BG_CONFIG_DRIVES,
    BG_CONFIG_BOOT,
    BG_CONFIG_CPU,
    BG_CONFIG_LOGGER,
    BG_CONFIG_MACHINE,
    BG_CONFIG_METRICS,
    BG_CONFIG_MMDS,
    BG_CONFIG_NETS,
    BG_CONFIG_VSOCK,
    BG_CONFIG_ENTROPY,
    BG_CONFIG_PMEMS,
    BG_CONFIG_HOTPLUG,
};

extern const struct bg_schema bg_machine_schema, bg_machine_update_schema, bg_boot_source_schema,
    bg_drive_schema, bg_drive_update_schema, bg_net_schema, bg_net_update_schema, bg_vsock_schema,
    bg_mmds_config_schema, bg_balloon_schema, bg_balloon_update_schema, bg_balloon_stats_schema,
    bg_hinting_schema, bg_logger_schema, bg_metrics_schema, bg_serial_schema, bg_entropy_schema,
    bg_pmem_schema, bg_pmem_update_schema, bg_hotplug_schema, bg_hotplug_update_schema,
    bg_cpu_config_schema, bg_action_schema, bg_vm_state_schema, bg_snapshot_create_schema,
    bg_snapshot_load_schema, bg_config_schema;

static inline bool bg_has(const struct bg_config *config, unsigned part)
{
    return config->set >> part & 1;
}

static inline void bg_mark(void *object, unsigned field, bool set)
{
    uint64_t bit = (uint64_t)1 << field;
    *(uint64_t *)object = set ? *(uint64_t *)object | bit : *(uint64_t *)object & ~bit;
}

static inline struct bg_drive *bg_drive_at(const struct bg_config *config, size_t i)
{
    return (struct bg_drive *)config->drives.items + i;
}

static inline struct bg_net *bg_net_at(const struct bg_config *config, size_t i)
{
    return (struct bg_net *)config->nets.items + i;
}

static inline struct bg_pmem *bg_pmem_at(const struct bg_config *config, size_t i)
{
    return (struct bg_pmem *)config->pmems.items + i;
}

#endif
