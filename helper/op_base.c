/* Admitted bases: root-owned, read-only copies of the owner's images and kernels, named by their SHA-256. */
#include "copy.h"
#include "op.h"
#include "spare.h"
#include <linux/magic.h>
#include <sys/vfs.h>

#define BASE_MAX (UINT64_C(1) << 40)

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

/* Safe because the owner opened the file, and our copy cannot change afterwards: the digest is of the copy. */
int bg_act_base_admit(struct bg_helper *h, const struct bg_args_base_admit *a,
                      struct bg_res_base_admit *r, struct bg_reply *f)
{
    char name[65];
    if (bg_check_file(a->image, "image", BASE_MAX, &r->size, f) < 0)
        return -1;
    BG_CLOSED int fd = bg_unnamed_file(h->bases);
    BG_SHA256 *sha = bg_sha256_new();
    if (fd < 0 || !sha)
        return bg_sys(f, "make the base");
    bool cloned = bg_clone(a->image, fd) && ftruncate(fd, (off_t)r->size) == 0;
    if (bg_copy(cloned ? fd : a->image, cloned ? -1 : fd, r->size, sha) < 0)
        return bg_sys(f, "copy the image");
    EVP_DigestFinal_ex(sha, r->digest.b, NULL);
    bg_hex(name, r->digest.b, 32);
    if (fchmod(fd, 0444) < 0 || fsync(fd) < 0)
        return bg_sys(f, "write the base to the disk");
    if (bg_name_file(fd, h->bases, name) < 0 && errno != EEXIST)
        return bg_sys(f, "name the base");
    return fsync(h->bases) == 0 ? 0 : bg_sys(f, "write the bases' folder to the disk");
}

int bg_base_open(struct bg_helper *h, const uint8_t digest[32], uint64_t *ret_size,
                 struct bg_reply *f)
{
    char name[65];
    struct stat st;
    bg_hex(name, digest, 32);
    int fd = bg_open(h->bases, name, O_RDONLY, 0);
    if (fd < 0 && errno == ENOENT)
        return bg_fail(f, BG_BASE_ABSENT, 0, "base %.12s is not admitted; admit it first", name);
    if (fd < 0 || fstat(fd, &st) < 0) {
        bg_sys(f, "open the base");
        bg_close(&fd);
        return -1;
    }
    if (ret_size)
        *ret_size = (uint64_t)st.st_size;
    return fd;
}

/* How many disks (by ledger) and jails (by hard link) stand on the base; -1 failed. */
static int users(struct bg_helper *h, const uint8_t digest[32], const struct stat *st,
                 struct bg_reply *f)
{
    char id[9] = "";
    struct bg_vm vm;
    int found, n = (int)st->st_nlink - 1;
    while ((found = bg_vm_next(h, id, id, f)) == 1)
        if (bg_vm_load(h, id, &vm, f) == 0)
            n += vm.has_disk && memcmp(vm.disk_base, digest, 32) == 0;
        else if (f->code != BG_VM_ABSENT)
            return -1;
    return found < 0 ? -1 : n;
}

/* Safe because it is named by digest inside the helper's own folder; the owner's original is not touched. */
int bg_act_base_remove(struct bg_helper *h, const struct bg_args_base_remove *a,
                       struct bg_res_base_remove *r, struct bg_reply *f)
{
    char name[65];
    struct stat st;
    (void)r;
    bg_hex(name, a->digest.b, 32);
    if (bg_lock(h, BG_LOCK_BASES, f) < 0)
        return -1;
    if (fstatat(h->bases, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : bg_sys(f, "look for the base");
    int n = users(h, a->digest.b, &st, f);
    if (n < 0)
        return -1;
    if (n > 0)
        return bg_fail(f, BG_BASE_IN_USE, 0,
                       "base %.12s: %d disks or jails stand on it; delete those VMs first", name,
                       n);
    return unlinkat(h->bases, name, 0) == 0 && bg_spare_remove(h, a->digest.b) == 0
               ? 0
               : bg_sys(f, "remove the base");
}

/* Safe because it reads the instance's own objects. */
int bg_act_base_list(struct bg_helper *h, const struct bg_args_base_list *a,
                     struct bg_res_base_list *r, struct bg_reply *f)
{
    struct stat st;
    char name[65];
    bg_hex(name, a->after.b, 32);
    int found = bg_next_name(h->bases, "", 64, name, name);
    if (found <= 0)
        return found < 0 ? bg_sys(f, "list the bases") : 0;
    r->found = bg_unhex(r->digest.b, name, 32);
    BG_CLOSED int base = bg_base_open(h, r->digest.b, &r->size, f);
    if (base < 0)
        return -1;
    int n = fstat(base, &st) < 0 ? bg_sys(f, "look at the base") : users(h, r->digest.b, &st, f);
    r->users = n < 0 ? 0 : (uint32_t)n;
    return n < 0 ? -1 : 0;
}
