/*
 * The store: bases/<64 hex digits> is an admitted base, a root-owned, read-only copy of an image or a kernel of the
 * owner's under its SHA-256; or a snapshot, a folder (op_snap.c).
 */
#include "op.h"
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#define BASE_MAX (UINT64_C(1) << 40)

enum { SPARE_ROOM = 8 }; /* free space wanted, in sizes of the base: a spare is a convenience */

int bg_check_file(int fd, const char *field, uint64_t max, uint64_t *ret_size, struct bg_reply *f)
{
    struct stat st;
    struct statfs fs;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
        return bg_sys(f, "look at the passed file");
    if (!S_ISREG(st.st_mode) || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
        return bg_fail(f, BG_BAD_FD, 0, "%s: must be a regular file open for reading", field);
    if (fs.f_type == FUSE_SUPER_MAGIC || fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)
        return bg_fail(f, BG_BAD_FD, 0,
                       "%s: must not lie on FUSE, proc or sysfs; copy it to a plain file system",
                       field);
    if (st.st_size <= 0 || (uint64_t)st.st_size > max)
        return bg_fail(f, BG_BAD_FD, 0, "%s: must have 1 to %llu bytes", field,
                       (unsigned long long)max);
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

struct bg_name bg_store_name(const uint8_t digest[32], const char *behind)
{
    char hex[65];
    bg_hex(hex, digest, 32);
    return bg_name("%s%s", hex, behind);
}

/* Safe because the owner opened the file, and our copy cannot change afterwards: the digest is of the copy. */
BG_ACT(base_admit)
{
    uint32_t kind = BG_V_auto;
    if (bg_check_file(a->image, "image", BASE_MAX, &r->size, f) < 0)
        return -1;
    BG_CLOSED int fd = bg_duplicate(h->bases, a->image, &kind);
    if (fd < 0)
        return bg_sys(f, "copy the image");
    if (bg_digest(fd, r->digest.b) < 0)
        return bg_sys(f, "read the base");
    r->size = (uint64_t)lseek(fd, 0, SEEK_END); /* the image's may have changed */
    if (fchmod(fd, 0444) < 0 || fsync(fd) < 0)
        return bg_sys(f, "write the base to the disk");
    if (bg_name_file(fd, h->bases, bg_store_name(r->digest.b, "").s) < 0 && errno != EEXIST)
        return bg_sys(f, "name the base");
    return fsync(h->bases) == 0 ? 0 : bg_sys(f, "write the bases' folder to the disk");
}

int bg_entry_load(struct bg_helper *h, const char *name, struct bg_entry *ret)
{
    static const char *const parts[] = {"disk", "mem", "state"};
    struct bg_entry saved;
    struct stat st;
    if (fstatat(h->bases, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    *ret = (struct bg_entry){.kind = BG_V_base,
                             .size = (uint64_t)st.st_size,
                             .used = {(uint64_t)st.st_blocks * 512},
                             .links = (uint32_t)st.st_nlink - 1};
    if (!S_ISDIR(st.st_mode))
        return bg_unhex(ret->origin, name, 32) ? 0 : -EINVAL;
    for (size_t i = 0; i < 3; i++) {
        st = (struct stat){.st_nlink = 1};
        fstatat(h->bases, bg_name("%s/%s", name, parts[i]).s, &st, AT_SYMLINK_NOFOLLOW);
        ret->used[i] = (uint64_t)st.st_blocks * 512;
        ret->links = i == 1 ? (uint32_t)st.st_nlink - 1 : ret->links;
    }
    int error = bg_record_read(h->bases, bg_name("%s/record", name).s, &saved, sizeof(saved));
    if (error < 0)
        return error == -ENOENT ? -EBADMSG : error;
    memcpy(saved.used, ret->used, sizeof(saved.used));
    saved.links = ret->links;
    *ret = saved;
    return 0;
}

int bg_base_open(struct bg_helper *h, const uint8_t digest[32], struct bg_entry *ret,
                 struct bg_reply *f)
{
    struct bg_entry e = {0};
    struct bg_name name = bg_store_name(digest, "");
    int error = bg_entry_load(h, name.s, &e), fd = -1;
    if (error == 0 && e.kind != BG_V_base && (!ret || !(e.kind & BG_V_disk)))
        return bg_fail(f, BG_BASE_ABSENT, 0, "base %.12s is a snapshot%s", name.s,
                       ret ? " without a disk" : "");
    if (e.kind != BG_V_base)
        name = bg_store_name(digest, "/disk");
    if (error == 0 && (fd = bg_open(h->bases, name.s, O_RDONLY, 0)) < 0)
        error = -errno;
    if (error == -ENOENT)
        return bg_fail(f, BG_BASE_ABSENT, 0, "base %.12s is not admitted; admit it first", name.s);
    if (ret)
        *ret = e;
    return bg_step(f, "open the base", error) < 0 ? -1 : fd;
}

void bg_spare_fill(struct bg_helper *h, const char *base)
{
    uint8_t digest[32];
    uint32_t kind = BG_V_copy;
    struct statvfs fs;
    struct bg_entry e;
    BG_CLOSED int from = bg_unhex(digest, base, 32) ? bg_base_open(h, digest, &e, NULL) : -1;
    if (from < 0 || fstatvfs(from, &fs) < 0 ||
        (uint64_t)fs.f_bavail * fs.f_frsize / SPARE_ROOM < e.used[0])
        return;
    (void)!nice(19); /* the guest that has just got its disk boots now */
    BG_CLOSED int to = bg_duplicate(h->bases, from, &kind);
    struct bg_name spare = bg_store_name(digest, ".spare");
    if (to < 0 || fsync(to) < 0)
        return;
    bg_name_file(to, h->bases, spare.s);
    /* The base may have been removed while we copied. */
    if (faccessat(h->bases, base, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        unlinkat(h->bases, spare.s, 0);
}

/*
 * Who needs the entry; -1 failed. Of a base: disks and snapshots that stand on it (by ledger and record), jails (by
 * hard link). Of a snapshot: jails that map its memory. A disk made of a snapshot is a copy.
 */
static int users(struct bg_helper *h, const char *name, const struct bg_entry *e,
                 struct bg_reply *f)
{
    char other[65] = "";
    struct bg_entry snap;
    struct bg_vm vm = {0};
    int found, n = (int)e->links;
    if (e->kind != BG_V_base)
        return n;
    while ((found = bg_next_name(h->bases, "", 64, other, other)) == 1)
        n += strcmp(other, name) != 0 && bg_entry_load(h, other, &snap) == 0 &&
             memcmp(snap.origin, e->origin, 32) == 0;
    if (found < 0)
        return bg_sys(f, "list the bases");
    while ((found = bg_vm_next(h, &vm, f)) == 1)
        n += vm.has_disk && (memcmp(vm.disk_base, e->origin, 32) == 0 ||
                             memcmp(vm.disk_origin, e->origin, 32) == 0);
    return found < 0 ? -1 : n;
}

/* Safe because it is named by digest inside the helper's own folder; the owner's original is not touched. */
BG_ACT(base_remove)
{
    struct bg_name name = bg_store_name(a->digest.b, ""),
                   spare = bg_store_name(a->digest.b, ".spare"),
                   gone = bg_store_name(a->digest.b, ".new"); /* or a save that was cut off */
    struct bg_entry e = {.kind = BG_V_full};
    if (bg_lock_vm(h, name.s, f) < 0 || bg_lock(h, BG_LOCK_BASES, f) < 0)
        return -1;
    bool there = bg_entry_load(h, name.s, &e) != -ENOENT;
    int n = there ? users(h, name.s, &e, f) : 0;
    if (n < 0)
        return -1;
    if (n > 0)
        return bg_fail(f, BG_BASE_IN_USE, 0,
                       "base %.12s: %d disks, snapshots or jails stand on it; delete those first",
                       name.s, n);
    return bg_remove_tree(h->bases, gone.s) == 0 &&
                   (!there || renameat(h->bases, name.s, h->bases, gone.s) == 0) &&
                   bg_remove_tree(h->bases, gone.s) == 0 && bg_remove_tree(h->bases, spare.s) == 0
               ? 0
               : bg_sys(f, "remove the base");
}

/* Safe because it reads the instance's own objects. */
BG_ACT(base_list)
{
    struct bg_entry e;
    char name[65];
    int found, error, n;
    bg_hex(name, a->after.b, 32);
    do { /* one that was removed this moment is passed over */
        found = bg_next_name(h->bases, "", 64, name, name);
        if (found <= 0)
            return found < 0 ? bg_sys(f, "list the bases") : 0;
    } while ((error = bg_entry_load(h, name, &e)) == -ENOENT);
    if (bg_step(f, "look at the base", error) < 0 || (n = users(h, name, &e, f)) < 0)
        return -1;
    *r = (struct bg_res_base_list){.found = 1,
                                   .size = e.size,
                                   .users = (uint32_t)n,
                                   .kind = e.kind,
                                   .used = e.used[0] + e.used[1] + e.used[2]};
    bg_unhex(r->digest.b, name, 32);
    return 0;
}
