/*
 * See disk_dm.h. Loop devices are made with AUTOCLEAR: they go when the last dm table that uses them goes, so no crash
 * of ours can leave one behind. Udev is told to keep its hands off (a guest's disk must not be probed by the host) but
 * its cookies are honoured, so that nothing of udev's still holds a device that we remove.
 */
#include "disk_dm.h"
#include "copy.h"
#include "op.h"
#include "record.h"
#include <libdevmapper.h>
#include <linux/loop.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sem.h>
#include <sys/sysmacros.h>

enum { SECTOR = 512, CHUNK_SECTORS = 8, EXCEPTIONS = 256 /* in one metadata chunk */ };

static void silent(int level, const char *file, int line, int error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static void silent(int level, const char *file, int line, int error, const char *format, ...)
{
    (void)level, (void)file, (void)line, (void)error, (void)format;
}

/* A task on our device of this role; NULL when out of memory. Create names it, everything else finds it by uuid. */
static struct dm_task *task(int type, struct bg_helper *h, const char *vm, const char *role)
{
    dm_log_with_errno_init(silent);
    struct dm_task *t = dm_task_create(type);
    if (t &&
        ((type == DM_DEVICE_CREATE && !dm_task_set_name(t, bg_dm_name(h->instance, vm, role).s)) ||
         !dm_task_set_uuid(t, bg_dm_uuid(h->instance, vm, role).s))) {
        dm_task_destroy(t);
        return NULL;
    }
    return t;
}

/*
 * Udev tells by a semaphore (the cookie) that it is done with what an operation changed. One that outlived its worker
 * is known by the run folder's record "cookie-<vm>" and removed by the VM's next operation. 0 or negative errno.
 */
static int udev_begin(struct bg_helper *h, const char *vm, uint32_t *ret)
{
    char name[24];
    uint32_t old;
    snprintf(name, sizeof(name), "cookie-%.8s", vm);
    if (bg_record_read(h->run, name, &old, sizeof(old)) == 0) {
        int semaphore = semget((key_t)old, 1, 0);
        if (semaphore >= 0)
            semctl(semaphore, 0, IPC_RMID);
    }
    dm_log_with_errno_init(silent);
    if (!dm_udev_create_cookie(ret))
        return -ENOMEM;
    int error = bg_record_write(h->run, name, ret, sizeof(*ret), false);
    if (error < 0)
        dm_udev_wait(*ret);
    return error;
}

static void udev_end(struct bg_helper *h, const char *vm, uint32_t cookie)
{
    char name[24];
    snprintf(name, sizeof(name), "cookie-%.8s", vm);
    dm_udev_wait(cookie);
    unlinkat(h->run, name, 0);
}

/* Run and destroy; 0 or negative errno. */
static int run(struct dm_task *t)
{
    int error = dm_task_run(t) ? 0 : -(dm_task_get_errno(t) ? dm_task_get_errno(t) : EIO);
    dm_task_destroy(t);
    return error;
}

static int change(struct dm_task *t, uint32_t cookie)
{
    if (dm_task_set_cookie(t, &cookie,
                           DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG |
                               DM_UDEV_DISABLE_OTHER_RULES_FLAG))
        return run(t);
    dm_task_destroy(t);
    return -ENOMEM;
}

/* Making a device takes several calls into the kernel; one without its table is what a crash between them leaves. */
enum { ABSENT, HALF_MADE, LIVE };

static int find(struct bg_helper *h, const char *vm, const char *role, dev_t *ret)
{
    struct dm_info info = {0};
    struct dm_task *t = task(DM_DEVICE_INFO, h, vm, role);
    int error = -ENOMEM;
    if (t && dm_task_run(t))
        error = dm_task_get_info(t, &info) ? 0 : -EIO;
    else if (t)
        error = dm_task_get_errno(t) ? -dm_task_get_errno(t) : -EIO;
    if (t)
        dm_task_destroy(t);
    *ret = makedev(info.major, info.minor);
    return error < 0 && error != -ENXIO ? error
           : !info.exists               ? ABSENT
           : info.live_table            ? LIVE
                                        : HALF_MADE;
}

bool bg_dm_available(void)
{
    dm_log_with_errno_init(silent);
    if (access("/dev/mapper/control", F_OK) < 0)
        return false;
    struct dm_task *t = dm_task_create(DM_DEVICE_LIST_VERSIONS);
    bool found = false;
    if (t && dm_task_run(t)) {
        struct dm_versions *v = dm_task_get_versions(t);
        for (;;) {
            found = found || strcmp(v->name, "snapshot") == 0;
            if (v->next == 0)
                break;
            v = (void *)((char *)v + v->next);
        }
    }
    if (t)
        dm_task_destroy(t);
    return found;
}

static bool loop_is_of(int loop, const struct stat *file)
{
    struct loop_info64 info;
    return ioctl(loop, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == file->st_ino &&
           info.lo_device == file->st_dev && (info.lo_flags & LO_FLAGS_READ_ONLY);
}

/* The read-only loop device that serves this base already. */
static int shared_loop(const struct stat *file)
{
    DIR *d = opendir("/sys/block");
    int found = -1;
    for (struct dirent *e; d && found < 0 && (e = readdir(d));) {
        char path[300];
        if (strncmp(e->d_name, "loop", 4) != 0)
            continue;
        snprintf(path, sizeof(path), "/dev/%s", e->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && loop_is_of(fd, file))
            found = fd;
        else
            bg_close(&fd);
    }
    if (d)
        closedir(d);
    return found;
}

static int new_loop(int file, bool read_only)
{
    struct loop_config config = {
        .fd = (uint32_t)file,
        .block_size = SECTOR,
        .info = {.lo_flags =
                     LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : LO_FLAGS_DIRECT_IO)}};
    BG_CLOSED int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    for (int attempt = 0; control >= 0 && attempt < 64; attempt++) {
        char path[32];
        int n = ioctl(control, LOOP_CTL_GET_FREE);
        if (n < 0)
            return -1;
        snprintf(path, sizeof(path), "/dev/loop%d", n);
        int loop = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (loop < 0)
            return -1;
        if (ioctl(loop, LOOP_CONFIGURE, &config) == 0)
            return loop;
        int saved = errno;
        bg_close(&loop);
        if (saved != EBUSY) { /* busy: somebody else was faster with this one */
            errno = saved;
            return -1;
        }
    }
    return -1;
}

static int loop_for(int file, bool shared)
{
    struct stat st;
    if (fstat(file, &st) < 0)
        return -1;
    int loop = shared ? shared_loop(&st) : -1;
    return loop >= 0 ? loop : new_loop(file, shared);
}

static int make_origin(struct bg_helper *h, const struct bg_vm *vm, int loop, uint64_t base_size,
                       uint32_t cookie)
{
    struct stat st;
    char params[64];
    uint64_t total = vm->disk_size / SECTOR, base = base_size / SECTOR;
    struct dm_task *t = task(DM_DEVICE_CREATE, h, vm->id, "-origin");
    if (!t || fstat(loop, &st) < 0)
        return -ENOMEM;
    snprintf(params, sizeof(params), "%u:%u 0", major(st.st_rdev), minor(st.st_rdev));
    if (dm_task_set_ro(t) && dm_task_add_target(t, 0, base, "linear", params) &&
        (total == base || dm_task_add_target(t, base, total - base, "zero", "")))
        return change(t, cookie);
    dm_task_destroy(t);
    return -ENOMEM;
}

static int make_snapshot(struct bg_helper *h, const struct bg_vm *vm, int store_loop,
                         uint32_t cookie)
{
    struct stat st;
    dev_t origin;
    char params[96];
    int found = find(h, vm->id, "-origin", &origin);
    struct dm_task *t = found == LIVE ? task(DM_DEVICE_CREATE, h, vm->id, "") : NULL;
    if (!t || fstat(store_loop, &st) < 0)
        return found < 0 ? found : -ENOMEM;
    snprintf(params, sizeof(params), "%u:%u %u:%u P %d", major(origin), minor(origin),
             major(st.st_rdev), minor(st.st_rdev), CHUNK_SECTORS);
    if (dm_task_add_target(t, 0, vm->disk_size / SECTOR, "snapshot", params))
        return change(t, cookie);
    dm_task_destroy(t);
    return -ENOMEM;
}

/* Ours by their uuids; the snapshot before what it stands on. */
static int remove_devices(struct bg_helper *h, const char *vm, uint32_t cookie)
{
    static const char *const roles[] = {"", "-origin"};
    for (size_t i = 0; i < 2; i++) {
        dev_t unused;
        int error = find(h, vm, roles[i], &unused);
        if (error == ABSENT)
            continue;
        struct dm_task *t = error < 0 ? NULL : task(DM_DEVICE_REMOVE, h, vm, roles[i]);
        if (t && dm_task_retry_remove(t))
            error = change(t, cookie);
        if (error < 0 && error != -ENXIO)
            return error;
    }
    return 0;
}

int bg_dm_remove(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    uint32_t cookie;
    if (bg_step(f, "begin with udev", udev_begin(h, vm->id, &cookie)) < 0)
        return -1;
    int error = remove_devices(h, vm->id, cookie);
    udev_end(h, vm->id, cookie);
    return bg_step(f, "remove the dm device", error);
}

int bg_dm_activate(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    dev_t unused;
    uint32_t cookie;
    struct bg_entry e;
    BG_CLOSED int base = bg_base_open(h, vm->disk_origin, &e, f);
    if (base < 0 || bg_lock(h, BG_LOCK_BASES, f) < 0)
        return -1;
    if (find(h, vm->id, "", &unused) == LIVE)
        return 0;
    BG_CLOSED int store = bg_open(h->disks, vm->id, O_RDWR, 0);
    BG_CLOSED int store_loop = store < 0 ? -1 : loop_for(store, false);
    BG_CLOSED int base_loop = store_loop < 0 ? -1 : loop_for(base, true);
    if (base_loop < 0)
        return bg_sys(f, "attach the loop devices");
    if (bg_step(f, "begin with udev", udev_begin(h, vm->id, &cookie)) < 0)
        return -1;
    const char *step = "remove half-made dm devices";
    int error = remove_devices(h, vm->id, cookie);
    if (error == 0) {
        step = "make the dm origin";
        error = make_origin(h, vm, base_loop, e.size, cookie);
    }
    if (error == 0) {
        step = "make the dm snapshot";
        error = make_snapshot(h, vm, store_loop, cookie);
    }
    udev_end(h, vm->id, cookie);
    return bg_step(f, step, error);
}

/* Room for every chunk, its exceptions and the header: the store can never overflow. Sparse, so it costs nothing. */
static int size_store(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    uint64_t chunks = vm->disk_size / (CHUNK_SECTORS * SECTOR);
    uint64_t bytes = (chunks + chunks / EXCEPTIONS + 3) * CHUNK_SECTORS * SECTOR;
    BG_CLOSED int store = bg_open(h->disks, vm->id, O_RDWR, 0);
    if (store < 0 || ftruncate(store, (off_t)bytes) < 0 || fsync(store) < 0 || fsync(h->disks) < 0)
        return bg_sys(f, "size the exception store");
    return 0;
}

int bg_dm_create(struct bg_helper *h, const struct bg_vm *vm, int from, struct bg_reply *f)
{
    uint32_t kind = BG_V_auto;
    BG_CLOSED int store =
        from < 0 ? bg_unnamed_file(h->disks) : bg_duplicate(h->disks, from, &kind);
    if (store < 0 || bg_name_file(store, h->disks, vm->id) < 0)
        return bg_sys(f, "make the exception store");
    return size_store(h, vm, f) < 0 ? -1 : bg_dm_activate(h, vm, f);
}

int bg_dm_grow(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    return bg_dm_remove(h, vm, f) < 0 ? -1 : size_store(h, vm, f);
}

static int need(struct bg_helper *h, const struct bg_vm *vm, dev_t *ret, struct bg_reply *f)
{
    int found = find(h, vm->id, "", ret);
    if (found < 0)
        return bg_step(f, "look for the dm snapshot", found);
    return found == LIVE
               ? 0
               : bg_fail(f, BG_DISK_ABSENT, 0,
                         "the dm device of vm %s is not active; ask for disk_create", vm->id);
}

int bg_dm_stage(struct bg_helper *h, const struct bg_vm *vm, int jail_root, struct bg_reply *f)
{
    dev_t dev;
    if (bg_dm_activate(h, vm, f) < 0 || need(h, vm, &dev, f) < 0)
        return -1;
    if (mknodat(jail_root, "disk", S_IFBLK | 0600, dev) < 0 ||
        fchownat(jail_root, "disk", vm->uid, vm->uid, AT_SYMLINK_NOFOLLOW) < 0)
        return bg_sys(f, "make the disk's node in the jail");
    return 0;
}

/* "used/total metadata" in sectors, or a word that says why the snapshot is dead. */
int bg_dm_status(struct bg_helper *h, const struct bg_vm *vm, uint64_t *ret_used,
                 uint32_t *ret_permille, struct bg_reply *f)
{
    unsigned long long used, total;
    uint64_t begin, length;
    char *type, *params = NULL;
    struct dm_task *t = task(DM_DEVICE_STATUS, h, vm->id, "");
    int error = !t ? ENOMEM : dm_task_run(t) ? 0 : dm_task_get_errno(t);
    if (error == 0)
        dm_get_next_target(t, NULL, &begin, &length, &type, &params);
    bool good = params && sscanf(params, "%llu/%llu", &used, &total) == 2 && total > 0;
    if (good) {
        *ret_used = used * SECTOR;
        *ret_permille = (uint32_t)(used * 1000 / total);
    } else
        bg_fail(f, error == ENXIO ? BG_DISK_ABSENT : BG_SYSTEM, error, "dm snapshot: %.40s",
                params ? params : "not active");
    if (t)
        dm_task_destroy(t);
    return good ? 0 : -1;
}

int bg_dm_open(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    char path[BG_PATH_MAX + 16];
    struct stat st;
    dev_t dev;
    if (bg_dm_activate(h, vm, f) < 0 || need(h, vm, &dev, f) < 0)
        return -1;
    snprintf(path, sizeof(path), "/dev/mapper/%s", bg_dm_name(h->instance, vm->id, "").s);
    BG_CLOSED int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != dev)
        return bg_sys(f, "open the dm snapshot");
    return bg_steal(&fd);
}
