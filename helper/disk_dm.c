/*
 * See disk_dm.h. Loop devices are made with AUTOCLEAR: they go when the last dm table that uses them goes, so no crash
 * of ours can leave one behind. Udev is told to keep its hands off (a guest's disk must not be probed by the host) but
 * its cookies are honoured, so that nothing of udev's still holds a device that we remove.
 */
#include "disk_dm.h"
#include "op.h"
#include <libdevmapper.h>
#include <linux/loop.h>
#include <sys/sem.h>
#include <sys/sysmacros.h>

#define BG_TASK __attribute__((cleanup(done))) struct dm_task

enum { SECTOR = 512, CHUNK_SECTORS = 8, EXCEPTIONS = 256 /* in one metadata chunk */ };

__attribute__((format(printf, 5, 6))) static void silent(int level, const char *file, int line,
                                                         int error, const char *format, ...)
{
    (void)level, (void)file, (void)line, (void)error, (void)format;
}

static void done(struct dm_task **t)
{
    if (*t)
        dm_task_destroy(*t);
}

/* A task on our device of this role; create names it, everything else finds it by uuid. NULL when out of memory. */
static struct dm_task *task(int type, struct bg_helper *h, const char *vm, const char *role)
{
    dm_log_with_errno_init(silent);
    struct dm_task *t = dm_task_create(type);
    if (t && dm_task_set_uuid(t, bg_dm_uuid(h->instance, vm, role).s) &&
        (type != DM_DEVICE_CREATE || dm_task_set_name(t, bg_dm_name(h->instance, vm, role).s)))
        return t;
    done(&t);
    return NULL;
}

/* With udev's cookie where something changes; 0 or negative errno. */
static int run(struct dm_task *t, uint32_t *cookie)
{
    if (!t || (cookie && !dm_task_set_cookie(t, cookie,
                                             DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
                                                 DM_UDEV_DISABLE_DISK_RULES_FLAG |
                                                 DM_UDEV_DISABLE_OTHER_RULES_FLAG)))
        return -ENOMEM;
    return dm_task_run(t) ? 0 : dm_task_get_errno(t) ? -dm_task_get_errno(t) : -EIO;
}

/*
 * Udev tells by a semaphore (the cookie) that it is done with what an operation changed. One that outlived its worker
 * is known by the run folder's record "cookie-<vm>" and removed by the VM's next operation. 0 or negative errno.
 */
#define COOKIE(vm) bg_name("cookie-%.8s", vm)
static int udev_begin(struct bg_helper *h, const char *vm, uint32_t *ret)
{
    struct bg_name name = COOKIE(vm);
    uint32_t old;
    if (bg_record_read(h->run, name.s, &old, sizeof(old)) == 0) {
        int semaphore = semget((key_t)old, 1, 0);
        if (semaphore >= 0)
            semctl(semaphore, 0, IPC_RMID);
    }
    dm_log_with_errno_init(silent);
    if (!dm_udev_create_cookie(ret))
        return -ENOMEM;
    int error = bg_record_write(h->run, name.s, ret, sizeof(*ret), false);
    if (error < 0)
        dm_udev_wait(*ret);
    return error;
}

static void udev_end(struct bg_helper *h, const char *vm, uint32_t cookie)
{
    dm_udev_wait(cookie);
    unlinkat(h->run, COOKIE(vm).s, 0);
}

/* Making a device takes several calls into the kernel; one without its table is what a crash between them leaves. */
enum { ABSENT, HALF_MADE, LIVE };

/* Which of them, or negative errno; the device's number, and what its target says of itself. */
static int look(struct bg_helper *h, const char *vm, const char *role, dev_t *ret, char words[64])
{
    struct dm_info info = {0};
    uint64_t begin, length;
    char *type, *said = NULL;
    BG_TASK *t = task(DM_DEVICE_STATUS, h, vm, role);
    int error = run(t, NULL);
    if (error == 0 && !dm_task_get_info(t, &info))
        error = -EIO;
    if (error == 0)
        dm_get_next_target(t, NULL, &begin, &length, &type, &said);
    snprintf(words, 64, "%s", said ? said : "");
    *ret = makedev(info.major, info.minor);
    return error < 0 && error != -ENXIO ? error
           : !info.exists               ? ABSENT
           : info.live_table            ? LIVE
                                        : HALF_MADE;
}

/* The target's module has this folder since Linux 5.5, for its parameter. */
bool bg_dm_available(void)
{
    return access("/dev/mapper/control", F_OK) == 0 && access("/sys/module/dm_snapshot", F_OK) == 0;
}

/* The read-only loop device that serves this base already. */
static int shared_loop(const struct stat *file)
{
    BG_LISTED DIR *d = opendir("/sys/block");
    int found = -1;
    for (struct dirent *e; d && found < 0 && (e = readdir(d));) {
        struct loop_info64 info;
        struct bg_name path = bg_name("/dev/%.32s", e->d_name);
        int fd = strncmp(e->d_name, "loop", 4) == 0 ? open(path.s, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0 && ioctl(fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == file->st_ino &&
            info.lo_device == file->st_dev && (info.lo_flags & LO_FLAGS_READ_ONLY))
            found = fd;
        else
            bg_close(&fd);
    }
    return found;
}

/* An fd of a loop device over the file, and its number; a shared one is read-only. -1 and errno. */
static int loop_for(int file, bool shared, dev_t *ret)
{
    struct loop_config config = {
        .fd = (uint32_t)file,
        .block_size = SECTOR,
        .info = {.lo_flags =
                     LO_FLAGS_AUTOCLEAR | (shared ? LO_FLAGS_READ_ONLY : LO_FLAGS_DIRECT_IO)}};
    struct stat st;
    BG_CLOSED int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    BG_CLOSED int loop = control < 0 || fstat(file, &st) < 0 ? -1 : shared ? shared_loop(&st) : -1;
    /* Busy: somebody else was faster with this one. */
    for (int attempt = 0; control >= 0 && loop < 0 && attempt < 64; attempt++) {
        struct bg_name path = bg_name("/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
        loop = open(path.s, (shared ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) < 0)
            bg_close(&loop);
        if (loop < 0 && errno != EBUSY)
            break;
    }
    if (loop < 0 || fstat(loop, &st) < 0)
        return -1;
    *ret = st.st_rdev;
    return bg_steal(&loop);
}

/* One target, and behind it so many sectors of zeros. */
static int make_device(struct bg_helper *h, const char *vm, const char *role, const char *type,
                       uint64_t sectors, uint64_t zeros, const char *params, uint32_t cookie)
{
    BG_TASK *t = task(DM_DEVICE_CREATE, h, vm, role);
    if (!t || (role[0] && !dm_task_set_ro(t)) || !dm_task_add_target(t, 0, sectors, type, params) ||
        (zeros && !dm_task_add_target(t, sectors, zeros, "zero", "")))
        return -ENOMEM;
    return run(t, &cookie);
}

/* Ours by their uuids; the snapshot before what it stands on. */
static int remove_devices(struct bg_helper *h, const char *vm, uint32_t cookie)
{
    static const char *const roles[] = {"", "-origin"};
    for (size_t i = 0; i < 2; i++) {
        dev_t unused;
        char words[64];
        int error = look(h, vm, roles[i], &unused, words);
        if (error == ABSENT)
            continue;
        BG_TASK *t = error < 0 ? NULL : task(DM_DEVICE_REMOVE, h, vm, roles[i]);
        if (t && dm_task_retry_remove(t))
            error = run(t, &cookie);
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

int bg_dm_activate(struct bg_helper *h, const struct bg_vm *vm, dev_t *ret, struct bg_reply *f)
{
    dev_t origin, on, cow;
    uint32_t cookie;
    struct bg_entry e;
    char params[64];
    BG_CLOSED int base = bg_base_open(h, vm->disk_origin, &e, f);
    if (base < 0 || bg_lock(h, BG_LOCK_BASES, f) < 0)
        return -1;
    if (look(h, vm->id, "", ret, params) == LIVE)
        return 0;
    BG_CLOSED int store = bg_open(h->disks, vm->id, O_RDWR, 0);
    BG_CLOSED int store_loop = store < 0 ? -1 : loop_for(store, false, &cow);
    BG_CLOSED int base_loop = store_loop < 0 ? -1 : loop_for(base, true, &on);
    if (base_loop < 0)
        return bg_sys(f, "attach the loop devices");
    if (bg_step(f, "begin with udev", udev_begin(h, vm->id, &cookie)) < 0)
        return -1;
    const char *step = "remove half-made dm devices";
    int error = remove_devices(h, vm->id, cookie);
    if (error == 0) {
        step = "make the dm origin";
        snprintf(params, sizeof(params), "%u:%u 0", major(on), minor(on));
        error = make_device(h, vm->id, "-origin", "linear", e.size / SECTOR,
                            (vm->disk_size - e.size) / SECTOR, params, cookie);
    }
    if (error == 0 && (error = look(h, vm->id, "-origin", &origin, params)) >= 0) {
        step = "make the dm snapshot";
        snprintf(params, sizeof(params), "%u:%u %u:%u P %d", major(origin), minor(origin),
                 major(cow), minor(cow), CHUNK_SECTORS);
        error = make_device(h, vm->id, "", "snapshot", vm->disk_size / SECTOR, 0, params, cookie);
    }
    if (error == 0 && (error = look(h, vm->id, "", ret, params)) == ABSENT)
        error = -ENXIO;
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
    dev_t unused;
    BG_CLOSED int store =
        from < 0 ? bg_unnamed_file(h->disks) : bg_duplicate(h->disks, from, &kind);
    if (store < 0 || bg_name_file(store, h->disks, vm->id) < 0)
        return bg_sys(f, "make the exception store");
    return size_store(h, vm, f) < 0 ? -1 : bg_dm_activate(h, vm, &unused, f);
}

int bg_dm_grow(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    return bg_dm_remove(h, vm, f) < 0 ? -1 : size_store(h, vm, f);
}

int bg_dm_stage(struct bg_helper *h, const struct bg_vm *vm, int jail_root, struct bg_reply *f)
{
    dev_t dev;
    if (bg_dm_activate(h, vm, &dev, f) < 0)
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
    char words[64];
    dev_t unused;
    int found = look(h, vm->id, "", &unused, words);
    if (found != LIVE)
        return found < 0
                   ? bg_step(f, "look for the dm snapshot", found)
                   : bg_fail(f, BG_DISK_ABSENT, 0,
                             "the dm device of vm %s is not active; ask for disk_create", vm->id);
    if (sscanf(words, "%llu/%llu", &used, &total) != 2 || total == 0)
        return bg_fail(f, BG_SYSTEM, 0, "dm snapshot: %.40s", words);
    *ret_used = used * SECTOR;
    *ret_permille = (uint32_t)(used * 1000 / total);
    return 0;
}

int bg_dm_open(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    struct bg_name path = bg_name("/dev/mapper/%s", bg_dm_name(h->instance, vm->id, "").s);
    struct stat st;
    dev_t dev;
    if (bg_dm_activate(h, vm, &dev, f) < 0)
        return -1;
    BG_CLOSED int fd = open(path.s, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != dev)
        return bg_sys(f, "open the dm snapshot");
    return bg_steal(&fd);
}
