#include "seed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 512 };

/* POSIX.1-1988 ustar, as in pax(1). */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, linkname[100];
    char magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "ustar header");

static bool octal(const char *field, size_t n, unsigned long *ret)
{
    unsigned long v = 0;
    size_t i = 0;
    while (i < n && field[i] == ' ')
        i++;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
        v = v << 3 | (unsigned long)(field[i] - '0');
    *ret = v;
    return i == n || field[i] == '\0' || field[i] == ' ';
}

static bool checksum_holds(const struct header *h)
{
    const unsigned char *p = (const unsigned char *)h;
    unsigned long want, sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i - offsetof(struct header, checksum) < sizeof h->checksum ? ' ' : p[i];
    return octal(h->checksum, sizeof h->checksum, &want) && want == sum;
}

static bool name_is_safe(const char *name)
{
    for (const char *p = name; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += n;
        if (*p == '/')
            p++;
    }
    return name[0] != '\0';
}

static int parse(const struct header *h, struct bg_seed_entry *e)
{
    char full[300];
    unsigned long mode, uid, gid, size;
    if (memcmp(h->magic, "ustar", 5) != 0 || !checksum_holds(h) ||
        !octal(h->mode, sizeof h->mode, &mode) || !octal(h->uid, sizeof h->uid, &uid) ||
        !octal(h->gid, sizeof h->gid, &gid) || !octal(h->size, sizeof h->size, &size))
        return -EBADMSG;
    int n = h->prefix[0] ? snprintf(full, sizeof full, "%.155s/%.100s", h->prefix, h->name)
                         : snprintf(full, sizeof full, "%.100s", h->name);
    while (n > 0 && full[n - 1] == '/')
        full[--n] = '\0';
    e->type = h->type ? h->type : '0';
    if (!name_is_safe(full) || (e->type != '0' && e->type != '5'))
        return -EBADMSG;
    if (strcmp(full, "banger") == 0)
        full[0] = '\0';
    else if (strncmp(full, "banger/", 7) != 0)
        return -EBADMSG;
    else
        memmove(full, full + 7, strlen(full + 7) + 1);
    strcpy(e->name, full);
    e->mode = mode & 07777;
    e->uid = (uid_t)uid;
    e->gid = (gid_t)gid;
    e->size = size;
    return 0;
}

int bg_seed_each(const char *archive, size_t size,
                 int (*fn)(const struct bg_seed_entry *entry, void *arg), void *arg)
{
    size_t at = 0;
    while (size - at >= BLOCK && archive[at] != '\0') {
        struct bg_seed_entry e;
        int r = parse((const struct header *)(archive + at), &e);
        if (r < 0)
            return r;
        at += BLOCK;
        if (e.size > size - at)
            return -EBADMSG;
        e.bytes = archive + at;
        r = e.name[0] ? fn(&e, arg) : 0;
        if (r < 0)
            return r;
        size_t padded = (e.size + BLOCK - 1) / BLOCK * BLOCK;
        at += padded < size - at ? padded : size - at;
    }
    return at == 0 ? -EBADMSG : 0;
}

static int read_whole(int fd, char *bytes, size_t max, size_t *ret)
{
    size_t have = 0;
    while (have < max) {
        ssize_t n = read(fd, bytes + have, max - have);
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    *ret = have;
    return 0;
}

/* In one piece, past the page cache: what a saved VM's memory has of the drive is another drive's when
 * it wakes. */
static int read_device(const char *name, char **ret_archive, size_t *ret_size)
{
    char path[300];
    struct bg_seed_entry e;
    snprintf(path, sizeof path, "/dev/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (fd < 0)
        return -errno;
    char *archive = aligned_alloc(4096, BG_SEED_MAX);
    int r = archive ? read_whole(fd, archive, BG_SEED_MAX, ret_size) : -ENOMEM;
    if (r == 0 && (*ret_size < BLOCK || parse((const struct header *)archive, &e) < 0))
        r = -ENOENT;
    close(fd);
    if (r < 0)
        free(archive);
    else
        *ret_archive = archive;
    return r;
}

int bg_seed_read_drive(char **ret_archive, size_t *ret_size)
{
    /* Where the engine puts it; the search is for other orders of drives. */
    int r = read_device("vdb", ret_archive, ret_size);
    if (r == 0)
        return 0;
    DIR *disks = opendir("/sys/block");
    if (!disks)
        return -ENOENT;
    r = -ENOENT;
    for (struct dirent *e; r < 0 && (e = readdir(disks));)
        if (e->d_name[0] != '.')
            r = read_device(e->d_name, ret_archive, ret_size);
    closedir(disks);
    return r < 0 ? -ENOENT : 0;
}
