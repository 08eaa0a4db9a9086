/* Snapshots by QEMU's migration with x-ignore-shared: the stream holds device state only, guest
 * memory has its own file (memory.h). Before the stream goes a line that says what the state needs. */
#include "memory.h"
#include "parts.h"
#include "tsc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND_MS  10000
#define TRANSFER_MS 600000

/* The CPU is the same on every host, but for its counter's frequency. */
struct needs {
    unsigned major, minor; /* of QEMU */
    unsigned long tsc_khz;
    uint64_t memory_mib, memory_sum;
};
#define NEEDS    "qemu %u.%u, cpu " BG_CPU ", %lu kHz, memory %" PRIu64 " MiB, sum %" PRIx64 "\n"
#define NEEDS_IN "qemu %u.%u, cpu " BG_CPU ", %lu kHz, memory %" SCNu64 " MiB, sum %" SCNx64 "%c%n"

/* Hands state_fd over as "state" and turns on what both directions need. */
static int prepare(struct bg_qmp *qmp, int state_fd, struct bg_vmm_error *error)
{
    int r = bg_qmp_command(qmp,
                           "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{"
                           "\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true},"
                           "{\"capability\":\"events\",\"state\":true}]}}",
                           -1, COMMAND_MS, error);
    if (r == 0)
        r = bg_qmp_command(qmp, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"}}",
                           state_fd, COMMAND_MS, error);
    return r;
}

void bg_vmm_forget_state(struct bg_vmm *vmm)
{
    if (vmm->state_fd >= 0)
        close(vmm->state_fd);
    vmm->state_fd = -1;
}

/* QEMU can save a stopped machine once; its state is kept for a second save of the same stop. */
static int save_state(struct bg_vmm *vmm, struct bg_vmm_error *error)
{
    if (vmm->state_fd >= 0)
        return 0;
    vmm->state_fd = memfd_create("state", MFD_CLOEXEC);
    if (vmm->state_fd < 0) {
        (void)snprintf(error->text, sizeof error->text, "device state: %m");
        return -1;
    }
    int r = prepare(vmm->qmp, vmm->state_fd, error);
    if (r == 0)
        r = bg_qmp_command(vmm->qmp,
                           "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:state\"}}", -1,
                           COMMAND_MS, error);
    if (r == 0)
        r = bg_qmp_wait_migration(vmm->qmp, TRANSFER_MS, error);
    if (r < 0)
        bg_vmm_forget_state(vmm);
    return r;
}

/* All of from, appended where `to` stands. */
static int append(int from, int to)
{
    off_t at = 0, size = lseek(from, 0, SEEK_END);
    while (at < size) {
        ssize_t n = sendfile(to, from, &at, (size_t)(size - at));
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
    }
    return size < 0 ? -errno : 0;
}

int bg_vmm_save(struct bg_vmm *vmm, int state_fd, int mem_fd, struct bg_vmm_error *error)
{
    struct needs n = {.tsc_khz = vmm->tsc_khz,
                      .memory_mib = vmm->params.config->machine.mem_size_mib};
    char line[160];
    bg_qmp_version(vmm->qmp, &n.major, &n.minor);
    if (save_state(vmm, error) < 0 ||
        bg_memory_save(vmm->process.pid, vmm->memory_at, n.memory_mib << 20, mem_fd, &n.memory_sum,
                       error) < 0)
        return -1;
    int len =
        snprintf(line, sizeof line, NEEDS, n.major, n.minor, n.tsc_khz, n.memory_mib, n.memory_sum);
    int r = write(state_fd, line, (size_t)len) == len ? append(vmm->state_fd, state_fd) : -errno;
    if (r < 0)
        (void)snprintf(error->text, sizeof error->text, "state file: %s", strerror(-r));
    return r < 0 ? -1 : 0;
}

/* state_fd is left at the stream. */
static int read_needs(int state_fd, int mem_fd, uint64_t memory_mib, struct needs *ret,
                      struct bg_vmm_error *error)
{
    char line[160] = "", end = 0;
    int len = 0;
    struct stat st;
    off_t at = lseek(state_fd, 0, SEEK_CUR);
    if (pread(state_fd, line, sizeof line - 1, at) < 0 ||
        sscanf(line, NEEDS_IN, &ret->major, &ret->minor, &ret->tsc_khz, &ret->memory_mib,
               &ret->memory_sum, &end, &len) != 6 ||
        end != '\n' || lseek(state_fd, at + len, SEEK_SET) < 0)
        (void)snprintf(error->text, sizeof error->text,
                       "the state is not one of QEMU's: it was saved by another engine");
    else if (fstat(mem_fd, &st) < 0 || ret->memory_mib != memory_mib ||
             (uint64_t)st.st_size != memory_mib << 20)
        (void)snprintf(error->text, sizeof error->text,
                       "the memory file does not belong to the saved state: %" PRIu64
                       " MiB are expected, %lld bytes are there",
                       memory_mib, (long long)st.st_size);
    else
        return 0;
    return -1;
}

struct check {
    int mem_fd;
    struct needs needs;
};

/* While QEMU starts on another processor. */
static int check_memory(void *arg, struct bg_vmm_error *error)
{
    struct check *check = arg;
    uint64_t sum;
    if (bg_memory_sum(check->mem_fd, check->needs.memory_mib << 20, &sum, error) < 0)
        return -1;
    if (sum == check->needs.memory_sum)
        return 0;
    (void)snprintf(error->text, sizeof error->text,
                   "the memory file does not belong to the saved state, or is damaged");
    return -1;
}

/* QEMU promises to read the state of its own series. A guest's clock is the host's counter. */
static int check_host(struct bg_vmm *vmm, const struct needs *n, struct bg_vmm_error *error)
{
    unsigned major, minor;
    unsigned long khz = bg_tsc_khz();
    bg_qmp_version(vmm->qmp, &major, &minor);
    if (major != n->major || minor != n->minor)
        (void)snprintf(error->text, sizeof error->text,
                       "the state was saved by QEMU %u.%u, this is %u.%u", n->major, n->minor,
                       major, minor);
    else if (khz < n->tsc_khz - n->tsc_khz / 100 || khz > n->tsc_khz + n->tsc_khz / 100)
        (void)snprintf(error->text, sizeof error->text,
                       "the state was saved on a processor whose counter runs at %lu kHz, here it "
                       "is %lu kHz",
                       n->tsc_khz, khz);
    else
        return 0;
    return -1;
}

int bg_vmm_load(const struct bg_vmm_params *params, int state_fd, int mem_fd, const char *mem_path,
                struct bg_vmm **ret, struct bg_vmm_error *error)
{
    struct bg_vmm *vmm = bg_vmm_create(params, error);
    struct check check = {.mem_fd = mem_fd};
    if (!vmm)
        return -1;
    int r = read_needs(state_fd, mem_fd, params->config->machine.mem_size_mib, &check.needs, error);
    struct bg_command_inputs inputs = {.config = params->config,
                                       .id = params->id,
                                       .kernel_path = params->config->boot_source.kernel_image_path,
                                       .initrd_path = params->config->boot_source.initrd_path,
                                       .memory_path = mem_path,
                                       .incoming = true,
                                       .tsc_khz = check.needs.tsc_khz,
                                       .meanwhile = check_memory,
                                       .arg = &check};
    if (r == 0)
        r = bg_vmm_launch(vmm, &inputs, error);
    if (r == 0)
        r = check_host(vmm, &check.needs, error);
    if (r == 0)
        r = prepare(vmm->qmp, state_fd, error);
    if (r == 0)
        r = bg_qmp_command(vmm->qmp,
                           "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":"
                           "\"fd:state\"}}",
                           -1, COMMAND_MS, error);
    if (r == 0)
        r = bg_qmp_wait_migration(vmm->qmp, TRANSFER_MS, error);
    if (r < 0)
        return bg_vmm_fail(vmm, error);
    *ret = vmm;
    return 0;
}
