/* The seed: what makes a copy of an image this VM. A ustar archive, on a drive of its own
 * (docs/internals.md, Guest). */
#ifndef BG_GUEST_SEED_H
#define BG_GUEST_SEED_H

#include <stddef.h>
#include <sys/types.h>

enum { BG_SEED_MAX = 1024 * 1024 };

struct bg_seed_entry {
    char name[257]; /* without leading "banger/"; no "..", no empty component */
    char type;      /* '0' file, '5' folder */
    mode_t mode;
    uid_t uid;
    gid_t gid;
    const char *bytes; /* into the archive */
    size_t size;
};

/* Calls fn for each entry, in order, until one returns a negative errno. -EBADMSG when the bytes are
 * no whole archive of this kind: then nothing was called for what follows the damage. Symbolic links
 * and devices are refused. */
int bg_seed_each(const char *archive, size_t size,
                 int (*fn)(const struct bg_seed_entry *entry, void *arg), void *arg);

/* Reads the seed drive: the first whole-disk block device whose first entry is banger/version.
 * 0, *ret_archive (malloc) and *ret_size; -ENOENT when there is none. */
int bg_seed_read_drive(char **ret_archive, size_t *ret_size);

#endif
