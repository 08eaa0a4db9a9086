/* /snapshot/create and /snapshot/load. The state file is ours: a magic line, a line with the sum of
 * all that follows, the length of a JSON text, that text (the configuration, as GET /vm/config shows
 * it), then what the backend writes. Guest memory is in its own file. Both are complete or the call
 * fails. */
#include "api.h"
#include "sum.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC      "banger engine snapshot 2\n"
#define SUM_LEN    17 /* 16 digits and a line feed */
#define MAX_CONFIG (1u << 20)

static int write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_header(int fd, const struct bg_config *config)
{
    struct bg_buf text = {0}, header = {0};
    bg_schema_encode(&bg_config_schema, config, &text);
    bg_buf_fmt(&header, MAGIC "%016d\n%zu\n", 0, text.len);
    int r =
        bg_buf_ok(&text) && bg_buf_ok(&header) ? write_all(fd, header.data, header.len) : -ENOMEM;
    if (r == 0)
        r = write_all(fd, text.data, text.len);
    bg_buf_free(&text);
    bg_buf_free(&header);
    return r;
}

/* The sum of what the file holds after the line that tells it; false with errno. */
static bool sum_of(int fd, uint64_t *ret)
{
    off_t size = lseek(fd, 0, SEEK_END);
    const off_t from = (off_t)sizeof MAGIC - 1 + SUM_LEN;
    const char *map = size > from ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (map == MAP_FAILED)
        return false;
    *ret = map ? bg_sum(0, map + from, (size_t)(size - from)) : 0;
    if (map)
        (void)munmap((void *)map, (size_t)size);
    return true;
}

static int write_sum(int fd)
{
    char line[SUM_LEN + 1];
    uint64_t sum;
    if (!sum_of(fd, &sum))
        return -errno;
    (void)snprintf(line, sizeof line, "%016" PRIx64 "\n", sum);
    ssize_t n = pwrite(fd, line, SUM_LEN, sizeof MAGIC - 1);
    return n == SUM_LEN ? 0 : n < 0 ? -errno : -ENOSPC;
}

void bg_put_snapshot_create(struct bg_call *call)
{
    const struct bg_snapshot_create *params = call->body;
    struct bg_vm *vm = call->vm;
    struct bg_vmm_error error = {{0}};
    int memory = -1, state = -1, r;
    if (vm->phase == BG_RUNNING) {
        (void)bg_fault(call->answer,
                       "Create snapshot error: Cannot save the microVM state: Operation not "
                       "allowed: save/restore unavailable while running");
        return;
    }
    state = open(params->snapshot_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (state < 0) {
        (void)bg_fault(call->answer,
                       "Create snapshot error: Cannot perform open on the snapshot backing file: "
                       "%s",
                       bg_os_error(errno));
        return;
    }
    memory = open(params->mem_file_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (memory < 0) {
        (void)bg_fault(call->answer,
                       "Create snapshot error: Cannot perform open on the memory backing file: %s",
                       bg_os_error(errno));
    } else if ((r = write_header(state, &vm->config)) < 0) {
        (void)bg_fault(call->answer, "Create snapshot error: Cannot write the microVM state: %s",
                       bg_os_error(-r));
    } else if (bg_vmm_save(vm->vmm, state, memory, &error) < 0) {
        (void)bg_fault(call->answer, "Create snapshot error: Cannot save the microVM state: %s",
                       error.text);
    } else if ((r = write_sum(state)) < 0) {
        (void)bg_fault(call->answer, "Create snapshot error: Cannot write the microVM state: %s",
                       bg_os_error(-r));
    }
    if (call->answer->status >= 400) { /* what was written of it may have filled the disk */
        (void)!ftruncate(state, 0);
        if (memory >= 0)
            (void)!ftruncate(memory, 0);
    }
    close(state);
    if (memory >= 0)
        close(memory);
}

bool bg_check_snapshot_load(struct bg_call *call)
{
    static const char prefix[] = "An error occurred when deserializing the json body of a request";
    const struct bg_snapshot_load *load = call->body;
    bool file = bg_is_set(load, BG_LOAD_MEM_FILE), backend = bg_is_set(load, BG_LOAD_BACKEND);
    if (!file && !backend)
        return bg_fault(call->answer,
                        "%s: missing field: either `mem_backend` or `mem_file_path` is required.",
                        prefix);
    if (file && backend)
        return bg_fault(call->answer,
                        "%s: too many fields: either `mem_backend` or `mem_file_path` exclusively "
                        "is required.",
                        prefix);
    if (file || bg_is_set(load, BG_LOAD_DIFF))
        call->answer->deprecated = true;
    return true;
}

static bool sum_is_right(int fd, const char *line)
{
    uint64_t sum;
    char told[SUM_LEN + 1];
    if (!sum_of(fd, &sum))
        return false;
    (void)snprintf(told, sizeof told, "%016" PRIx64 "\n", sum);
    return memcmp(told, line, SUM_LEN) == 0;
}

/* Reads the header; the descriptor is left at the backend's part. */
static int read_config(int fd, struct bg_config *config, struct bg_vmm_error *error)
{
    char head[sizeof MAGIC - 1 + SUM_LEN + 16] = "", *end;
    ssize_t n = pread(fd, head, sizeof head - 1, 0);
    size_t fixed = sizeof MAGIC - 1 + SUM_LEN;
    unsigned long len = 0;
    char *text = NULL;
    struct bg_json json;
    const char *why = "An error occurred during bitcode serialization: bitcode error";
    int r = -1;
    if (n > (ssize_t)fixed && memcmp(head, MAGIC, sizeof MAGIC - 1) == 0) {
        len = strtoul(head + fixed, &end, 10);
        off_t start = end - head + 1;
        if (!sum_is_right(fd, head + sizeof MAGIC - 1))
            why = "CRC64 validation failed";
        else if (*end == '\n' && len > 0 && len <= MAX_CONFIG && (text = malloc(len)) &&
                 pread(fd, text, len, start) == (ssize_t)len &&
                 lseek(fd, start + (off_t)len, SEEK_SET) >= 0) {
            bg_json_init(&json, text, len);
            r = bg_schema_decode(&bg_config_schema, &json, config);
        }
    }
    free(text);
    if (r < 0)
        (void)snprintf(error->text, sizeof error->text,
                       "Failed to get snapshot state from file: Failed to load snapshot state from "
                       "file: %s",
                       why);
    return r;
}

static int override(struct bg_config *config, struct bg_snapshot_load *load,
                    struct bg_vmm_error *error)
{
    struct bg_net_override *items = load->network_overrides.items;
    for (size_t i = 0; i < load->network_overrides.n; i++) {
        size_t k = 0;
        while (k < config->nets.n && strcmp(bg_net_at(config, k)->iface_id, items[i].iface_id) != 0)
            k++;
        if (k == config->nets.n) {
            (void)snprintf(error->text, sizeof error->text,
                           "Failed to get snapshot state from file: Unknown Network Device.");
            return -1;
        }
        char **name = &bg_net_at(config, k)->host_dev_name, *old = *name;
        *name = items[i].host_dev_name;
        items[i].host_dev_name = old;
    }
    if (bg_is_set(load, BG_LOAD_VSOCK) && bg_has(config, BG_CONFIG_VSOCK)) {
        char *old = config->vsock.uds_path;
        config->vsock.uds_path = load->vsock_override.uds_path;
        load->vsock_override.uds_path = old;
    }
    return 0;
}

/* The resources are attached again, by their names: what a fresh PUT would open. */
static int attach(struct bg_vm *vm, struct bg_config *saved, struct bg_vmm_error *error)
{
    static const char where[] =
        "Failed to build microVM from snapshot: Failed to restore devices: Error restoring MMIO "
        "devices";
    struct bg_vmm_error inner;
    for (size_t i = 0; i < saved->drives.n; i++) {
        struct bg_drive *d = bg_drive_at(saved, i);
        int fd = bg_open_drive(d->path_on_host, d->is_read_only);
        if (fd < 0) {
            (void)snprintf(error->text, sizeof error->text,
                           "%s: Block: Virtio backend error: Error manipulating the backing file: "
                           "%s %s",
                           where, bg_os_error(-fd), d->path_on_host);
            return -1;
        }
        d->fd = fd;
    }
    for (size_t i = 0; i < saved->nets.n; i++) {
        struct bg_net *net = bg_net_at(saved, i);
        net->fd = bg_open_tap(net->host_dev_name, &inner);
        if (net->fd < 0) {
            (void)snprintf(error->text, sizeof error->text, "%s: Net: %.300s", where, inner.text);
            return -1;
        }
    }
    if (bg_has(saved, BG_CONFIG_VSOCK)) {
        int r = bg_server_bind(saved->vsock.uds_path, &saved->vsock.listen_fd);
        if (r < 0) {
            (void)snprintf(error->text, sizeof error->text,
                           "%s: VsockUnixBackend: Error binding to the host-side Unix socket: %s",
                           where, bg_os_error(-r));
            return -1;
        }
    }
    /* The images are in guest memory already; a backend may want to see them all the same. */
    saved->kernel_fd = open(saved->boot_source.kernel_image_path, O_RDONLY | O_CLOEXEC);
    const char *initrd = saved->boot_source.initrd_path;
    saved->initrd_fd = initrd ? open(initrd, O_RDONLY | O_CLOEXEC) : -1;
    bg_config_release(&vm->config);
    vm->config = *saved;
    memset(saved, 0, sizeof *saved);
    return 0;
}

static int load_snapshot(struct bg_vm *vm, struct bg_snapshot_load *load, int state, int memory,
                         const char *mem_path, struct bg_vmm_error *error)
{
    struct bg_config saved = {0};
    struct bg_vmm_params params;
    if (read_config(state, &saved, error) < 0 || override(&saved, load, error) < 0 ||
        attach(vm, &saved, error) < 0) {
        /* The process ends after a failed load; the kernel closes what was attached. */
        bg_schema_free(&bg_config_schema, &saved);
        return -1;
    }
    vm->config.machine.track_dirty_pages = load->track_dirty_pages || load->enable_diff_snapshots;
    if (bg_vm_params(vm, &params, error) < 0)
        return -1;
    int r = bg_vmm_load(&params, state, memory, mem_path, &vm->vmm, error);
    close(params.serial_fd);
    if (r < 0)
        return -1;
    vm->phase = BG_PAUSED;
    if (load->resume_vm) {
        r = bg_vmm_resume(vm->vmm, error);
        vm->phase = r < 0 ? BG_PAUSED : BG_RUNNING;
    }
    return r;
}

void bg_put_snapshot_load(struct bg_call *call)
{
    struct bg_snapshot_load *load = call->body;
    struct bg_vmm_error error = {{0}};
    if (call->vm->boot_path) {
        (void)bg_fault(call->answer,
                       "Load snapshot error: Loading a microVM snapshot not allowed after "
                       "configuring boot-specific resources.");
        return;
    }
    const char *path = load->mem_file_path ? load->mem_file_path : load->mem_backend.backend_path;
    int r = -1, state = open(load->snapshot_path, O_RDONLY | O_CLOEXEC);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    if (bg_is_set(load, BG_LOAD_BACKEND) && load->mem_backend.backend_type == 1)
        (void)snprintf(error.text, sizeof error.text, "Uffd is not available in this engine");
    else if (state < 0 || memory < 0)
        (void)snprintf(error.text, sizeof error.text,
                       "Failed to get snapshot state from file: Failed to open snapshot file: %s",
                       bg_os_error(errno));
    else
        r = load_snapshot(call->vm, load, state, memory, path, &error);
    if (state >= 0)
        close(state);
    if (memory >= 0)
        close(memory);
    if (r < 0) {
        (void)bg_fault(call->answer, "Load snapshot error: Failed to restore from snapshot: %s",
                       error.text);
        call->answer->quit = true;
        call->answer->quit_status = 1;
    }
}
