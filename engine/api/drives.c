/* /drives. The file is opened at PUT, so that its name need not exist afterwards. */
#include "api.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool same_id(struct bg_call *call, const char *body_id)
{
    return strcmp(call->id, body_id) == 0 ||
           bg_fault(call->answer, "The id from the path does not match the id from the body!");
}

bool bg_check_drive(struct bg_call *call)
{
    return same_id(call, ((struct bg_drive *)call->body)->drive_id);
}

bool bg_check_drive_update(struct bg_call *call)
{
    return same_id(call, ((struct bg_drive_update *)call->body)->drive_id);
}

int bg_open_drive(const char *path, bool read_only)
{
    int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Refuses as Firecracker does when nobody listens; a peer that does is refused too, because QEMU's
 * vhost-user needs shared memory that the other side did not ask for. */
static int refuse_vhost_user(const char *path, struct bg_answer *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int error = ENAMETOOLONG, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(path) < sizeof address.sun_path) {
        strcpy(address.sun_path, path);
        error = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : EOPNOTSUPP;
    }
    if (fd >= 0)
        close(fd);
    (void)bg_fault(answer,
                   "Drive config error: Unable to create the virtio block device: Vhost user "
                   "backend error: Vhost-user error: Failed to connect to UDS Unix stream: %s",
                   bg_os_error(error));
    return -1;
}

static int attach(struct bg_drive *drive, struct bg_answer *answer)
{
    if ((drive->path_on_host != NULL) == (drive->socket != NULL)) {
        (void)bg_fault(answer, "Drive config error: Unable to create the virtio block device: "
                               "Invalid block config.");
        return -1;
    }
    if (drive->socket)
        return refuse_vhost_user(drive->socket, answer);
    int fd = bg_open_drive(drive->path_on_host, drive->is_read_only);
    if (fd < 0) {
        (void)bg_fault(answer,
                       "Drive config error: Unable to create the virtio block device: Virtio "
                       "backend error: Error manipulating the backing file: %s %s",
                       bg_os_error(-fd), drive->path_on_host);
        return -1;
    }
    drive->fd = fd;
    return 0;
}

static bool root_is_taken(const struct bg_config *config, const char *id, struct bg_answer *answer)
{
    for (size_t i = 0; i < config->pmems.n; i++) {
        if (bg_pmem_at(config, i)->root_device)
            return !bg_fault(answer,
                             "Drive config error: Attempt to add block as a root device while the "
                             "root device defined as a pmem device");
    }
    for (size_t i = 0; i < config->drives.n; i++) {
        const struct bg_drive *d = bg_drive_at(config, i);
        if (d->is_root_device && strcmp(d->drive_id, id) != 0)
            return !bg_fault(answer, "Drive config error: A root block device already exists!");
    }
    return false;
}

int bg_set_drive(struct bg_vm *vm, struct bg_drive *drive, struct bg_answer *answer)
{
    struct bg_config *config = &vm->config;
    if (drive->is_root_device && root_is_taken(config, drive->drive_id, answer))
        return -1;
    if (attach(drive, answer) < 0)
        return -1;
    size_t i = 0;
    while (i < config->drives.n && strcmp(bg_drive_at(config, i)->drive_id, drive->drive_id) != 0)
        i++;
    if (i < config->drives.n) {
        close(bg_drive_at(config, i)->fd);
        bg_schema_free(&bg_drive_schema, bg_drive_at(config, i));
    } else {
        struct bg_drive *bigger = reallocarray(config->drives.items, i + 1, sizeof *bigger);
        if (!bigger) {
            close(drive->fd);
            (void)bg_fault(answer, "Drive config error: out of memory");
            return -1;
        }
        config->drives = (struct bg_list){bigger, i + 1};
    }
    /* The root device is the first that the guest sees. */
    struct bg_drive *items = config->drives.items;
    if (drive->is_root_device) {
        memmove(items + 1, items, i * sizeof *items);
        i = 0;
    }
    items[i] = *drive;
    memset(drive, 0, sizeof *drive);
    return 0;
}

void bg_put_drive(struct bg_call *call)
{
    if (call->vm->phase != BG_NOT_STARTED)
        (void)bg_fault(call->answer, "PCI is not enabled");
    else
        (void)bg_set_drive(call->vm, call->body, call->answer);
}

static bool patch_fault(struct bg_answer *answer, const char *reason)
{
    return bg_fault(answer,
                    "Drive config error: Unable to patch the block device: %s Please verify the "
                    "request arguments.",
                    reason);
}

/* A bucket of size or refill time 0 switches its limit off. */
static void merge_bucket(struct bg_limiter *limiter, unsigned field, struct bg_bucket *have,
                         const struct bg_bucket *update)
{
    *have = *update;
    bg_mark(limiter, field, update->size > 0 && update->refill_time > 0);
}

void bg_limiter_update(void *owner, unsigned field, struct bg_limiter *have,
                       const struct bg_limiter *update)
{
    if (bg_is_set(update, 0))
        merge_bucket(have, 0, &have->bandwidth, &update->bandwidth);
    if (bg_is_set(update, 1))
        merge_bucket(have, 1, &have->ops, &update->ops);
    bg_mark(owner, field, have->set != 0);
}

static bool replace_file(struct bg_call *call, size_t index, struct bg_drive_update *update)
{
    struct bg_drive *drive = bg_drive_at(&call->vm->config, index);
    struct bg_vmm_error error = {{0}};
    char text[1024];
    int fd = bg_open_drive(update->path_on_host, drive->is_read_only);
    if (fd < 0) {
        (void)snprintf(text, sizeof text,
                       "Block: Virtio backend error: Error manipulating the backing file: %s %s",
                       bg_os_error(-fd), update->path_on_host);
        return patch_fault(call->answer, text);
    }
    int old = drive->fd;
    drive->fd = fd;
    if (bg_vmm_drive_changed(call->vm->vmm, index, &error) < 0) {
        drive->fd = old;
        close(fd);
        return patch_fault(call->answer, error.text);
    }
    close(old);
    free(drive->path_on_host);
    drive->path_on_host = update->path_on_host;
    update->path_on_host = NULL;
    return true;
}

void bg_patch_drive(struct bg_call *call)
{
    struct bg_drive_update *update = call->body;
    struct bg_config *config = &call->vm->config;
    size_t i = 0;
    while (i < config->drives.n && strcmp(bg_drive_at(config, i)->drive_id, update->drive_id) != 0)
        i++;
    if (i == config->drives.n) {
        (void)patch_fault(call->answer, "Failed perform action on device: Device not found");
        return;
    }
    bool limiter = bg_is_set(update, 2);
    if (!update->path_on_host && !limiter) {
        (void)patch_fault(call->answer, "Block: Running method expected different backend.");
        return;
    }
    if (update->path_on_host && !replace_file(call, i, update))
        return;
    if (limiter) {
        struct bg_drive *d = bg_drive_at(config, i);
        bg_limiter_update(d, BG_DRIVE_LIMITER, &d->rate_limiter, &update->rate_limiter);
    }
}

void bg_delete_device(struct bg_call *call)
{
    (void)bg_fault(call->answer, "PCI is not enabled");
}
