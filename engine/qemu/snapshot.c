/* Snapshots by QEMU's migration with x-ignore-shared: the stream holds device state only, and the
 * guest's memory is the file that QEMU maps, copied by us while the guest is stopped. */
#include "memory.h"
#include "parts.h"
#include "tsc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define COMMAND_MS  10000
#define TRANSFER_MS 600000

/* Copies what is not a hole; the target gets the same size. */
static int copy_sparse(int from, int to)
{
    off_t size = lseek(from, 0, SEEK_END), at = 0;
    if (size < 0 || ftruncate(to, size) < 0)
        return -errno;
    while ((at = lseek(from, at, SEEK_DATA)) >= 0 && at < size) {
        off_t end = lseek(from, at, SEEK_HOLE);
        if (end < 0 || lseek(to, at, SEEK_SET) < 0)
            return -errno;
        while (at < end) {
            ssize_t n = sendfile(to, from, &at, (size_t)(end - at));
            if (n <= 0)
                return n < 0 ? -errno : -EIO;
        }
    }
    return at < 0 && errno != ENXIO ? -errno : 0;
}

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

/* Says where the memory is. Memory that QEMU maps from a file of ours is copied from there; any
 * other (anonymous, or the private mapping of an earlier snapshot) travels in QEMU's stream, and
 * the memory file is an empty one of the right size. */
static const char in_file[] = "memory: file\n", in_stream[] = "memory: flow\n";
#define MARK_LEN (sizeof in_file - 1)

int bg_vmm_save(struct bg_vmm *vmm, int state_fd, int mem_fd, struct bg_vmm_error *error)
{
    bool file = vmm->memory_fd >= 0;
    if (save_state(vmm, error) < 0)
        return -1;
    int r = write(state_fd, file ? in_file : in_stream, MARK_LEN) == (ssize_t)MARK_LEN ? 0 : -EIO;
    if (r == 0)
        r = append(vmm->state_fd, state_fd);
    if (r == 0 && file)
        r = copy_sparse(vmm->memory_fd, mem_fd);
    else if (r == 0)
        r = ftruncate(mem_fd, (off_t)(vmm->params.config->machine.mem_size_mib << 20)) < 0 ? -errno
                                                                                           : 0;
    if (r < 0)
        (void)snprintf(error->text, sizeof error->text, "snapshot files: %s", strerror(-r));
    return r < 0 ? -1 : 0;
}

/* The saved file itself, mapped privately, when QEMU may open it for writing (it never does write:
 * its mapping is private, but it opens so); else a copy that is this VM's own. */
static int place_memory(struct bg_vmm *vmm, int state_fd, int mem_fd, const char *mem_path,
                        struct bg_command_inputs *inputs, struct bg_memory *copy,
                        struct bg_vmm_error *error)
{
    uint64_t size = vmm->params.config->machine.mem_size_mib << 20;
    char mark[MARK_LEN];
    bool known = read(state_fd, mark, MARK_LEN) == (ssize_t)MARK_LEN;
    if (known && memcmp(mark, in_stream, MARK_LEN) == 0)
        return 0;
    if (!known || memcmp(mark, in_file, MARK_LEN) != 0 ||
        lseek(mem_fd, 0, SEEK_END) != (off_t)size) {
        (void)snprintf(error->text, sizeof error->text,
                       "the memory file does not belong to the saved state");
        return -1;
    }
    if (access(mem_path, R_OK | W_OK) == 0) {
        inputs->memory_path = mem_path;
        return 0;
    }
    if (bg_memory_create(size, copy, error) < 0)
        return -1;
    if (copy->fd < 0) {
        (void)snprintf(error->text, sizeof error->text,
                       "the memory file is read-only and there is no /dev/shm for a copy");
        return -1;
    }
    vmm->memory_fd = copy->fd;
    inputs->memory_path = copy->path;
    inputs->memory_shared = true;
    int r = copy_sparse(mem_fd, copy->fd);
    if (r < 0)
        (void)snprintf(error->text, sizeof error->text, "guest memory: %s", strerror(-r));
    return r < 0 ? -1 : 0;
}

int bg_vmm_load(const struct bg_vmm_params *params, int state_fd, int mem_fd, const char *mem_path,
                struct bg_vmm **ret, struct bg_vmm_error *error)
{
    struct bg_vmm *vmm = bg_vmm_create(params, error);
    struct bg_memory copy = {.fd = -1};
    if (!vmm)
        return -1;
    struct bg_command_inputs inputs = {.config = params->config,
                                       .id = params->id,
                                       .kernel_path = params->config->boot_source.kernel_image_path,
                                       .initrd_path = params->config->boot_source.initrd_path,
                                       .incoming = true,
                                       .tsc_khz = bg_tsc_khz()};
    int r = place_memory(vmm, state_fd, mem_fd, mem_path, &inputs, &copy, error);
    if (r == 0)
        r = bg_vmm_launch(vmm, &inputs, error);
    bg_memory_unname(&copy);
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
