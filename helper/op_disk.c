/*
 * VM disks, copy-on-write over an admitted base: a device-mapper snapshot (disk_dm.c), a reflink, or a sparse copy.
 *
 * A file disk is made unnamed and gets its name complete. Its content reaches the medium a little later
 * (bg_disk_settle, in a process of its own: a start must not wait for it); until the ledger says "settled", a reboot
 * means that the disk counts as lost.
 */
#include "disk_dm.h"
#include "op.h"

#define DISK_MAX (UINT64_C(1) << 44)

bool bg_disk_lost(struct bg_helper *h, const struct bg_vm *vm)
{
    return vm->has_disk && !vm->disk_settled && strcmp(vm->disk_boot, h->boot) != 0;
}

void bg_disk_settle(struct bg_helper *h, const char *id)
{
    struct bg_vm vm;
    struct stat now, ours;
    BG_CLOSED int fd = bg_open(h->disks, id, O_RDWR, 0);
    if (fd < 0 || fsync(fd) < 0 || fsync(h->disks) < 0)
        return;
    /* Removed and made again while we wrote? Then that one has a process of its own. */
    if (bg_vm_open(h, id, &vm, NULL) == 0 && vm.has_disk && fstat(fd, &ours) == 0 &&
        fstatat(h->disks, id, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == ours.st_ino) {
        vm.disk_settled = true;
        bg_vm_save(h, &vm, true, NULL);
    }
    bg_unlock(h);
}

static int make_file(struct bg_helper *h, const struct bg_vm *vm, int from, uint32_t *kind,
                     struct bg_reply *f)
{
    struct bg_name claimed = bg_name("%s.new", vm->id),
                   ready = bg_store_name(vm->disk_base, ".spare");
    bool spare = *kind != BG_V_reflink && renameat(h->bases, ready.s, h->disks, claimed.s) == 0;
    *kind = spare ? BG_V_copy : *kind;
    BG_CLOSED int fd =
        spare ? bg_open(h->disks, claimed.s, O_RDWR, 0) : bg_duplicate(h->disks, from, kind);
    if (fd < 0 && *kind == BG_V_reflink)
        return bg_fail(f, BG_DISK_KIND, errno,
                       "kind: the file system of /var/lib/banger-root cannot reflink");
    if (fd < 0)
        return bg_sys(f, "copy the base");
    if (*kind == BG_V_copy)
        bg_later(h, bg_spare_fill, bg_store_name(vm->disk_base, "").s);
    if (ftruncate(fd, (off_t)vm->disk_size) < 0 || fchown(fd, vm->uid, vm->uid) < 0 ||
        fchmod(fd, 0600) < 0)
        return bg_sys(f, "size the disk");
    if (spare ? renameat(h->disks, claimed.s, h->disks, vm->id) < 0
              : bg_name_file(fd, h->disks, vm->id) < 0)
        return bg_sys(f, "name the disk");
    return 0;
}

static int make(struct bg_helper *h, struct bg_vm *vm, int from, const struct bg_entry *e,
                uint32_t kind, struct bg_reply *f)
{
    bool snap = e->kind != BG_V_base;
    bool dm =
        kind == BG_V_auto ? (snap ? e->disk_kind == BG_V_dm : bg_dm_available()) : kind == BG_V_dm;
    if (snap && dm != (e->disk_kind == BG_V_dm))
        return bg_fail(f, BG_DISK_KIND, 0, "kind: the snapshot's disk is %s; ask for auto",
                       dm ? "a file" : "dm");
    if (dm && !bg_dm_available())
        return bg_fail(f, BG_DISK_KIND, 0,
                       "kind: the kernel has no device-mapper with the target snapshot; load "
                       "dm_snapshot, or ask for another");
    vm->has_disk = true;
    vm->disk_settled = false;
    vm->disk_kind = dm ? BG_V_dm : kind == BG_V_auto ? BG_V_copy : kind;
    memcpy(vm->disk_origin, dm ? e->origin : vm->disk_base, 32);
    snprintf(vm->disk_boot, sizeof(vm->disk_boot), "%s", h->boot);
    if (bg_vm_save(h, vm, true, f) < 0)
        return -1;
    if (bg_remove_tree(h->disks, vm->id) < 0 ||
        bg_remove_tree(h->disks, bg_name("%s.new", vm->id).s) < 0)
        return bg_sys(f, "remove what an earlier attempt left");
    if (dm ? bg_dm_create(h, vm, snap ? from : -1, f) : make_file(h, vm, from, &kind, f)) {
        if (bg_disk_remove(h, vm, NULL) == 0)
            bg_vm_save(h, vm, true, NULL);
        return -1;
    }
    vm->disk_kind = dm ? BG_V_dm : kind;
    vm->disk_settled = dm; /* its store was written durably */
    if (bg_vm_save(h, vm, false, f) < 0)
        return -1;
    if (!dm)
        bg_later(h, bg_disk_settle, vm->id);
    return 0;
}

/* The disk is there: is it the one that is asked for? Grow it if it is smaller. */
static int adopt(struct bg_helper *h, struct bg_vm *vm, const struct bg_args_disk_create *a,
                 struct bg_reply *f)
{
    struct stat st;
    if (memcmp(vm->disk_base, a->base.b, 32) != 0)
        return bg_fail(f, BG_DISK_MISMATCH, 0, "base: the VM's disk stands on another base");
    if (a->size < vm->disk_size)
        return bg_fail(f, BG_DISK_MISMATCH, 0, "size: the disk has %llu bytes and cannot shrink",
                       (unsigned long long)vm->disk_size);
    bool grow = a->size > vm->disk_size;
    vm->disk_size = a->size;
    if (vm->disk_kind == BG_V_dm) {
        if (grow && (bg_dm_grow(h, vm, f) < 0 || bg_vm_save(h, vm, true, f) < 0))
            return -1;
        return bg_dm_activate(h, vm, &st.st_rdev, f);
    }
    BG_CLOSED int fd = bg_open(h->disks, vm->id, O_RDWR, 0);
    if (fd < 0 || fstat(fd, &st) < 0)
        return bg_sys(f, "open the disk");
    if (!grow && (uint64_t)st.st_size == a->size)
        return 0;
    if (ftruncate(fd, (off_t)a->size) < 0 || fsync(fd) < 0)
        return bg_sys(f, "grow the disk");
    return bg_vm_save(h, vm, true, f);
}

/* Safe because base and disk live in the helper's area. */
BG_ACT(disk_create)
{
    struct bg_vm vm;
    struct stat st;
    struct bg_entry e;
    if (bg_vm_open(h, a->vm.s, &vm, f) < 0)
        return -1;
    if (a->size == 0 || a->size > DISK_MAX || a->size % 4096 != 0)
        return bg_fail(f, BG_BAD_REQUEST, 0, "size: must be a multiple of 4096 up to 16 TiB");
    /* An intent whose file never got its name, or whose bytes may be gone, is made anew. */
    if (vm.has_disk && !bg_disk_lost(h, &vm) &&
        (vm.disk_kind == BG_V_dm || fstatat(h->disks, vm.id, &st, AT_SYMLINK_NOFOLLOW) == 0)) {
        if (adopt(h, &vm, a, f) < 0)
            return -1;
    } else {
        BG_CLOSED int from = bg_base_open(h, a->base.b, &e, f);
        if (from < 0)
            return -1;
        if (a->size < e.size)
            return bg_fail(f, BG_BAD_REQUEST, 0, "size: must be at least the base's %llu bytes",
                           (unsigned long long)e.size);
        vm.disk_size = a->size;
        memcpy(vm.disk_base, a->base.b, 32);
        if (make(h, &vm, from, &e, a->kind, f) < 0)
            return -1;
    }
    r->kind = vm.disk_kind;
    r->size = vm.disk_size;
    return 0;
}

int bg_disk_need(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    bool lost = bg_disk_lost(h, vm);
    return vm->has_disk && !lost ? 0
                                 : bg_fail(f, BG_DISK_ABSENT, 0, "the disk of vm %s %s", vm->id,
                                           lost ? "was not on the medium when the host went down"
                                                : "is not made; ask for disk_create");
}

/* Safe because it reads the instance's own objects. */
BG_ACT(disk_status)
{
    struct bg_vm vm;
    struct stat st;
    if (bg_vm_open(h, a->vm.s, &vm, f) < 0 || bg_disk_need(h, &vm, f) < 0)
        return -1;
    r->kind = vm.disk_kind;
    r->size = vm.disk_size;
    memcpy(r->base.b, vm.disk_base, 32);
    if (vm.disk_kind == BG_V_dm)
        return bg_dm_status(h, &vm, &r->used, &r->fill_permille, f);
    if (fstatat(h->disks, vm.id, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return bg_sys(f, "look at the disk");
    r->used = (uint64_t)st.st_blocks * 512;
    return 0;
}

/* Safe because the content is the owner's and the fd cannot write. */
BG_ACT(disk_export)
{
    struct bg_vm vm;
    if (bg_vm_open(h, a->vm.s, &vm, f) < 0 || bg_disk_need(h, &vm, f) < 0 ||
        bg_jail_idle(h, &vm, f) < 0)
        return -1;
    r->disk =
        vm.disk_kind == BG_V_dm ? bg_dm_open(h, &vm, f) : bg_open(h->disks, vm.id, O_RDONLY, 0);
    return r->disk >= 0 ? 0 : vm.disk_kind == BG_V_dm ? -1 : bg_sys(f, "open the disk");
}

int bg_disk_stage(struct bg_helper *h, const struct bg_vm *vm, int jail_root, struct bg_reply *f)
{
    if (bg_disk_need(h, vm, f) < 0)
        return -1;
    if (vm->disk_kind == BG_V_dm)
        return bg_dm_stage(h, vm, jail_root, f);
    return linkat(h->disks, vm->id, jail_root, "disk", 0) == 0
               ? 0
               : bg_sys(f, "link the disk into the jail");
}

int bg_disk_remove(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f)
{
    if (!vm->has_disk)
        return 0;
    if (vm->disk_kind == BG_V_dm && bg_dm_remove(h, vm, f) < 0)
        return -1;
    if (bg_remove_tree(h->disks, vm->id) < 0 ||
        bg_remove_tree(h->disks, bg_name("%s.new", vm->id).s) < 0)
        return bg_sys(f, "remove the disk");
    vm->has_disk = false;
    return 0;
}
