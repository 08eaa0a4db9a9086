/*
 * Snapshots: bases/<id>/ with `disk` (a complete file, or a dm store over an admitted base), `mem` and `state`, each
 * where it was saved, and `record`. All of it is root's and read-only; a jail gets hard links to memory and state.
 *
 * The folder is filled as <id>.new and then gets its name, durably, so that it is complete or absent. base_remove takes
 * both names away.
 */
#include "disk_dm.h"
#include "op.h"

static const char *const written[] = {"save.mem", "save.state"}, *const saved[] = {"mem", "state"},
                         *const staged[] = {"snap.mem", "snap.state"};

static int keep(int fd, int folder, const char *name, struct bg_reply *f)
{
    return fchmod(fd, 0444) == 0 && fsync(fd) == 0 && bg_name_file(fd, folder, name) == 0
               ? 0
               : bg_sys(f, "keep a file of the snapshot");
}

/*
 * Nobody but root can open the file for writing from the chown on; who had it open before, or mapped, is seen by the
 * kernel, which then refuses the lease. The name in the jail proves nothing: the fd is linked.
 */
static int take(const struct bg_vm *vm, int root, size_t i, int folder, struct bg_reply *f)
{
    uint32_t kind = BG_V_copy;
    BG_CLOSED int fd = bg_open_plain(root, written[i], vm->uid);
    if (fd < 0)
        return errno != ENOENT && errno != ELOOP
                   ? bg_sys(f, "open what the VMM has written")
                   : bg_fail(f, BG_PEER_UNPROVEN, 0,
                             "%s in the jail is no plain file of the VMM's own", written[i]);
    if (fchown(fd, 0, 0) < 0 || fchmod(fd, 0444) < 0)
        return bg_sys(f, "take over what the VMM has written");
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0 && fcntl(fd, F_SETLEASE, F_UNLCK) == 0)
        return keep(fd, folder, saved[i], f);
    BG_CLOSED int copy = bg_duplicate(folder, fd, &kind);
    return copy < 0 ? bg_sys(f, "copy what the VMM has written") : keep(copy, folder, saved[i], f);
}

static int save_disk(struct bg_helper *h, const struct bg_vm *vm, int folder, struct bg_reply *f)
{
    uint32_t kind = BG_V_auto;
    bool dm = vm->disk_kind == BG_V_dm;
    BG_CLOSED int device = dm ? bg_dm_open(h, vm, f) : -1;
    if (dm && device < 0)
        return -1;
    if (dm &&
        fsync(device) < 0) /* the device is quiet: after this, what was written is in its store */
        return bg_sys(f, "flush the dm snapshot");
    BG_CLOSED int from = bg_open(h->disks, vm->id, O_RDONLY, 0);
    BG_CLOSED int to = from < 0 ? -1 : bg_duplicate(folder, from, &kind);
    return to < 0 ? bg_sys(f, "copy the disk") : keep(to, folder, "disk", f);
}

static int save(struct bg_helper *h, const struct bg_vm *vm, uint32_t what, int folder, int root,
                struct bg_reply *f)
{
    bool disk = what & BG_V_disk, dm = disk && vm->disk_kind == BG_V_dm;
    struct bg_entry e = {
        .kind = what, .size = disk ? vm->disk_size : 0, .disk_kind = disk ? vm->disk_kind : 0};
    for (size_t i = 0; root >= 0 && i < 2; i++)
        if (take(vm, root, i, folder, f) < 0)
            return -1;
    if (disk && save_disk(h, vm, folder, f) < 0)
        return -1;
    if (dm)
        memcpy(e.origin, vm->disk_origin, 32);
    return bg_step(f, "write the snapshot's record",
                   bg_record_write(folder, "record", &e, sizeof(e), true));
}

static int make(struct bg_helper *h, const struct bg_vm *vm, uint32_t what, const char *name,
                const char *beside, struct bg_reply *f)
{
    struct bg_vm same;
    struct bg_jail_state now;
    bool memory = what & BG_V_memory;
    BG_CLOSED int watch = memory ? bg_jail_open(h, vm->id, &same, &now, f) : -1;
    BG_CLOSED int root = watch < 0 ? -1 : bg_jail_root(h, vm->jail, f);
    if (memory ? root < 0 : bg_jail_idle(h, vm, f) < 0)
        return -1;
    BG_CLOSED int folder =
        bg_remove_tree(h->bases, beside) < 0 ? -1 : bg_open_dir(h->bases, beside, 0700);
    if (folder < 0)
        return bg_sys(f, "make the snapshot's folder");
    int result = save(h, vm, what, folder, root, f);
    if (result == 0 && (renameat(h->bases, beside, h->bases, name) < 0 || fsync(h->bases) < 0))
        result = bg_sys(f, "name the snapshot");
    if (result < 0)
        bg_remove_tree(h->bases, beside);
    for (size_t i = 0; root >= 0 && i < 2; i++) /* root's by now: the VMM could not save again */
        unlinkat(root, written[i], 0);
    return result;
}

/* Safe because what the VMM wrote is taken by fd, made root's, and kept only while nobody can write to it. */
BG_ACT(snap_save)
{
    struct bg_name name = bg_store_name(a->snap.b, "");
    struct bg_vm vm;
    struct bg_entry e;
    if (a->what == BG_V_base)
        return bg_fail(f, BG_BAD_REQUEST, 0, "what: must be disk, memory or full");
    if (bg_vm_open(h, a->vm.s, &vm, f) < 0 || bg_disk_need(h, &vm, f) < 0 ||
        bg_lock_vm(h, name.s, f) < 0)
        return -1;
    int error = bg_entry_load(h, name.s, &e);
    if (error == -ENOENT) {
        if (make(h, &vm, a->what, name.s, bg_store_name(a->snap.b, ".new").s, f) < 0)
            return -1;
        error = bg_entry_load(h, name.s, &e);
    }
    if (error < 0 || e.kind != a->what)
        return bg_fail(f, BG_BASE_IN_USE, -error, "snap: %.12s is something else; choose another",
                       name.s);
    *r = (struct bg_res_snap_save){.disk = e.used[0], .memory = e.used[1], .state = e.used[2]};
    return 0;
}

int bg_snap_stage(struct bg_helper *h, const uint8_t digest[32], int jail_root, struct bg_reply *f)
{
    for (size_t i = 0; i < 2; i++)
        if (linkat(h->bases, bg_store_name(digest, i ? "/state" : "/mem").s, jail_root, staged[i],
                   0) < 0)
            return errno == ENOENT || errno == ENOTDIR
                       ? bg_fail(f, BG_BASE_ABSENT, 0, "snapshot: it is not there or has no memory")
                       : bg_sys(f, "link the snapshot into the jail");
    return 0;
}
