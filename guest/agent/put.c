/* PUT: a tree from the client. Below its root every folder is entered with openat2 beneath and without
 * following links, so that neither an entry's path nor a link in the way (an earlier entry's, or one
 * that another process makes meanwhile) leads out. */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

struct put {
    int base;       /* the folder that the root is in */
    char root[256]; /* the root's name there */
    int file;       /* being filled; -1 */
    struct bg_entry entry;
    char full[BG_PATH + 300];
};

/* The folder that holds the root, and its name in it: as cp(1) does, what exists as a folder takes the
 * copy inside it, anything else is what the copy becomes. */
static int find_root(const struct bg_copy_request *q, struct put *put)
{
    struct stat st;
    char path[BG_PATH];
    size_t n = strlen(q->path);
    bool folder = stat(q->path, &st) == 0 && S_ISDIR(st.st_mode);
    if (folder && q->name[0]) {
        strcpy(put->root, q->name);
        put->base = open(q->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return put->base < 0 ? -errno : 0;
    }
    strcpy(path, q->path);
    while (n > 1 && path[n - 1] == '/' && folder)
        path[--n] = '\0';
    char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    if (last[0] == '\0')
        return folder ? -EINVAL : -ENOTDIR;
    if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || strlen(last) >= sizeof put->root)
        return -EINVAL;
    strcpy(put->root, last);
    if (slash)
        *slash = '\0';
    put->base = open(!slash ? "." : path[0] ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return put->base < 0 ? -errno : 0;
}

/* The folder of the entry, opened, and the entry's name in it. */
static int enter(struct put *put, const char **ret_name)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    snprintf(put->full, sizeof put->full, "%s%s%s", put->root, put->entry.path[0] ? "/" : "",
             put->entry.path);
    char *slash = strrchr(put->full, '/');
    *ret_name = slash ? slash + 1 : put->full;
    if (!slash)
        return fcntl(put->base, F_DUPFD_CLOEXEC, 0);
    *slash = '\0';
    long fd = syscall(SYS_openat2, put->base, put->full, &how, sizeof how);
    return fd < 0 ? -errno : (int)fd;
}

static int set_times(int fd, const struct bg_entry *e)
{
    struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}, e->mtime};
    if (e->mtime.tv_nsec < 0)
        return 0;
    return futimens(fd, t) < 0 ? -errno : 0;
}

static int finish_file(struct put *put)
{
    int r = 0;
    if (put->file < 0)
        return 0;
    if (ftruncate(put->file, (off_t)put->entry.size) < 0 || fchmod(put->file, put->entry.mode) < 0)
        r = -errno;
    if (r == 0)
        r = set_times(put->file, &put->entry);
    if (close(put->file) < 0 && r == 0)
        r = -errno;
    put->file = -1;
    return r;
}

static int remove_other(int dir, const char *name)
{
    return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int make_folder(int dir, const char *name)
{
    struct stat st;
    if (mkdirat(dir, name, 0700) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -EEXIST;
}

static int mark_folder(int dir, const char *name, const struct bg_entry *e)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fchmod(fd, e->mode) < 0 ? -errno : set_times(fd, e);
    close(fd);
    return r;
}

static int make(struct put *put)
{
    const char *name;
    const struct bg_entry *e = &put->entry;
    int dir = enter(put, &name), r = 0;
    if (dir < 0)
        return dir;
    if (e->kind == 'd') {
        r = make_folder(dir, name);
    } else if (e->kind == 'm') {
        r = mark_folder(dir, name, e);
    } else {
        r = remove_other(dir, name);
        if (r == 0 && e->kind == 'l' && symlinkat(e->target, dir, name) < 0)
            r = -errno;
        if (r == 0 && e->kind == 'f') {
            put->file =
                openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
            r = put->file < 0 ? -errno : 0;
        }
    }
    close(dir);
    return r;
}

static int fill(struct put *put, const uint8_t *payload, size_t size)
{
    if (put->file < 0 || size < 8)
        return -EBADMSG;
    uint64_t at = bg_get_u64(payload);
    size_t n = size - 8;
    if (at > put->entry.size || n > put->entry.size - at)
        return -EBADMSG;
    for (size_t done = 0; done < n;) {
        ssize_t w = pwrite(put->file, payload + 8 + done, n - done, (off_t)(at + done));
        if (w < 0)
            return -errno;
        done += (size_t)w;
    }
    return 0;
}

/* 1: that was the end. */
static int take(struct put *put, struct bg_session *s)
{
    if (s->type == BG_F_DATA)
        return fill(put, s->payload, s->size);
    int r = finish_file(put);
    if (r < 0)
        return r;
    if (s->type == BG_F_END)
        return 1;
    if (s->type != BG_F_ENTRY)
        return -EBADMSG;
    r = bg_entry_parse(s->payload, s->size, &put->entry);
    return r < 0 ? r : make(put);
}

int bg_serve_put(struct bg_session *s)
{
    static struct bg_copy_request q;
    static struct put put;
    put.base = put.file = -1;
    int r = bg_copy_begin(s, &q);
    if (r < 0)
        return bg_session_fail_errno(s, "copy", r);
    umask(0);
    r = find_root(&q, &put);
    if (r < 0)
        return bg_session_fail_errno(s, q.path, r);
    do {
        r = bg_session_read(s);
        if (r == 0)
            r = take(&put, s);
    } while (r == 0);
    if (r > 0)
        return bg_session_result(s, "");
    return bg_session_fail_errno(s, put.entry.path[0] ? put.entry.path : q.path, r);
}
