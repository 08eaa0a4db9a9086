/* See spare.h. */
#include "spare.h"
#include "copy.h"
#include "op.h"
#include <sys/statvfs.h>

enum { ROOM = 8 }; /* free space wanted, in sizes of the base: a spare is a convenience */

static void spare_name(char ret[static 72], const uint8_t digest[32])
{
    char hex[65];
    bg_hex(hex, digest, 32);
    snprintf(ret, 72, "%s.spare", hex);
}

int bg_spare_claim(struct bg_helper *h, const uint8_t digest[32], const char *name)
{
    char spare[72];
    spare_name(spare, digest);
    if (renameat(h->bases, spare, h->disks, name) < 0)
        return -1;
    return bg_open(h->disks, name, O_RDWR, 0);
}

void bg_spare_fill(struct bg_helper *h, const char *base)
{
    uint8_t digest[32];
    char spare[72];
    uint32_t kind = BG_V_copy;
    struct statvfs fs;
    struct bg_entry e;
    struct bg_reply unused;
    BG_CLOSED int from = bg_unhex(digest, base, 32) ? bg_base_open(h, digest, &e, &unused) : -1;
    if (from < 0 || fstatvfs(from, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize / ROOM < e.size)
        return;
    (void)!nice(19); /* the guest that has just got its disk boots now */
    spare_name(spare, digest);
    BG_CLOSED int to = bg_duplicate(h->bases, from, &kind);
    if (to < 0 || fsync(to) < 0)
        return;
    bg_name_file(to, h->bases, spare);
    /* The base may have been removed while we copied. */
    if (faccessat(h->bases, base, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        bg_spare_remove(h, digest);
}

int bg_spare_remove(struct bg_helper *h, const uint8_t digest[32])
{
    char spare[72];
    spare_name(spare, digest);
    return unlinkat(h->bases, spare, 0) == 0 || errno == ENOENT ? 0 : -1;
}
