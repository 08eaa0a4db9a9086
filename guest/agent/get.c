/* GET: a tree to the client. Folders are entered one by one without following links; sockets, pipes
 * and devices are left out and counted. */
#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 128 }; /* open folders; deeper trees than this are not walked */

struct get {
    struct bg_session *s;
    struct bg_entry entry; /* its path is that of the walk */
    unsigned long skipped;
    int depth;
    uint8_t data[8 + BG_FRAME_DATA];
};

static int send_extent(struct get *get, int fd, off_t at, off_t end)
{
    while (at < end) {
        size_t want = end - at < BG_FRAME_DATA ? (size_t)(end - at) : (size_t)BG_FRAME_DATA;
        ssize_t n = pread(fd, get->data + 8, want, at);
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0; /* it shrank while we read: the rest is a hole */
        bg_put_u64(get->data, (uint64_t)at);
        int r = bg_session_send(get->s, BG_F_DATA, get->data, 8 + (size_t)n);
        if (r < 0)
            return r;
        at += n;
    }
    return 0;
}

static int send_file(struct get *get, int fd)
{
    off_t size = (off_t)get->entry.size, at = 0;
    int r = bg_entry_send(get->s, &get->entry);
    while (r == 0 && at < size) {
        off_t data = lseek(fd, at, SEEK_DATA);
        if (data < 0)
            return errno == ENXIO ? 0 : -errno;
        off_t hole = lseek(fd, data, SEEK_HOLE);
        if (hole < 0)
            return -errno;
        if (hole > size)
            hole = size;
        r = send_extent(get, fd, data, hole);
        at = hole;
    }
    return r;
}

static int walk(struct get *get, int dir, const char *name, int follow);

static int walk_names(struct get *get, int fd)
{
    DIR *names = fdopendir(fd);
    size_t had = strlen(get->entry.path);
    int r = 0;
    if (!names) {
        close(fd);
        return -ENOMEM;
    }
    while (r == 0) {
        errno = 0;
        struct dirent *e = readdir(names);
        if (!e) {
            r = -errno;
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int n = snprintf(get->entry.path + had, sizeof get->entry.path - had, "%s%s",
                         had ? "/" : "", e->d_name);
        if ((size_t)n >= sizeof get->entry.path - had)
            r = -ENAMETOOLONG;
        else
            r = walk(get, dirfd(names), e->d_name, 0);
        if (r == 0)
            get->entry.path[had] = '\0'; /* kept on failure: it names what failed */
    }
    closedir(names);
    return r;
}

static int walk_folder(struct get *get, int dir, const char *name, int follow)
{
    struct bg_entry *e = &get->entry;
    mode_t mode = e->mode;
    struct timespec mtime = e->mtime;
    if (get->depth == DEPTH)
        return -ELOOP;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    int r = fd < 0 ? -errno : bg_entry_send(get->s, e);
    if (r < 0)
        return r;
    get->depth++;
    r = walk_names(get, fd);
    get->depth--;
    if (r < 0)
        return r;
    e->kind = 'm';
    e->mode = mode;
    e->mtime = mtime;
    return bg_entry_send(get->s, e);
}

static int walk_file(struct get *get, int dir, const char *name, int follow)
{
    struct stat st;
    /* O_NONBLOCK: it may have become a pipe since. */
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && S_ISREG(st.st_mode)) {
        get->entry.size = (uint64_t)st.st_size;
        r = send_file(get, fd);
    } else if (r == 0) {
        get->skipped++;
    }
    close(fd);
    return r;
}

static int walk_link(struct get *get, int dir, const char *name)
{
    ssize_t n = readlinkat(dir, name, get->entry.target, sizeof get->entry.target - 1);
    if (n < 0)
        return -errno;
    get->entry.target[n] = '\0';
    return bg_entry_send(get->s, &get->entry);
}

static int walk(struct get *get, int dir, const char *name, int follow)
{
    struct stat st;
    struct bg_entry *e = &get->entry;
    if (fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    e->mode = st.st_mode & 07777;
    e->mtime = st.st_mtim;
    e->kind = S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : 'f';
    if (S_ISDIR(st.st_mode))
        return walk_folder(get, dir, name, follow);
    if (S_ISLNK(st.st_mode))
        return walk_link(get, dir, name);
    if (S_ISREG(st.st_mode))
        return walk_file(get, dir, name, follow);
    get->skipped++;
    return 0;
}

int bg_serve_get(struct bg_session *s)
{
    static struct bg_copy_request q;
    static struct get get;
    char result[64];
    int r = bg_copy_begin(s, &q);
    if (r < 0)
        return bg_session_fail_errno(s, "copy", r);
    get.s = s;
    r = walk(&get, AT_FDCWD, q.path, q.follow);
    if (r < 0)
        return bg_session_fail_errno(s, get.entry.path[0] ? get.entry.path : q.path, r);
    snprintf(result, sizeof result, "skipped %lu\n", get.skipped);
    r = bg_session_send(s, BG_F_END, NULL, 0);
    return r < 0 ? r : bg_session_result(s, result);
}
