/*
 * Files and folders: what libuv offers is not durable (replace), not race-free (rmtree) or not
 * sorted (list).
 */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "util.h"

int bg_file_flags(const char *mode)
{
    int flags = O_CLOEXEC;

    if (strncmp(mode, "rw", 2) == 0) {
        flags |= O_RDWR;
        mode += 2;
    } else if (*mode == 'r' || *mode == 'w') {
        flags |= *mode++ == 'r' ? O_RDONLY : O_WRONLY;
    } else {
        return -EINVAL;
    }
    for (; *mode != '\0'; mode++) {
        switch (*mode) {
        case 'c':
            flags |= O_CREAT;
            break;
        case 'x':
            flags |= O_CREAT | O_EXCL;
            break;
        case 't':
            flags |= O_TRUNC;
            break;
        case 'a':
            flags |= O_APPEND;
            break;
        case 'n':
            flags |= O_NOFOLLOW;
            break;
        case 'd':
            flags |= O_DIRECTORY;
            break;
        case 'b':
            flags |= O_NONBLOCK;
            break;
        default:
            return -EINVAL;
        }
    }
    return flags;
}

const char *bg_file_type(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "dir";
    case S_IFLNK:
        return "link";
    case S_IFSOCK:
        return "socket";
    case S_IFIFO:
        return "fifo";
    case S_IFCHR:
        return "char";
    default:
        return "block";
    }
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

/*
 * Split into an open folder and the last name. -EINVAL for a path that names no entry of a
 * folder.
 */
static int open_parent(const char *path, int *ret_dir, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    bg_autofree char *parent = NULL;
    int dir;

    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    if (slash == NULL)
        parent = strdup(".");
    else
        parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (parent == NULL)
        return -ENOMEM;
    dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    *ret_dir = dir;
    *ret_name = name;
    return 0;
}

/* Everything of bg_file_replace that happens on the temporary file. */
static int fill_temporary(int dir, const char *temporary, const void *bytes, size_t size,
                          mode_t mode)
{
    bg_autofd int fd =
        openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r;

    if (fd < 0)
        return -errno;
    r = write_all(fd, bytes, size);
    /* After the content, so that a file of mode 0400 can be written and the umask has no say. */
    if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
        r = -errno;
    return r;
}

int bg_file_replace(const char *path, const void *bytes, size_t size, mode_t mode,
                    struct bg_err *err)
{
    bg_autofd int dir = -1;
    char temporary[32];
    unsigned long long random;
    const char *name;
    int r = open_parent(path, &dir, &name);

    if (r < 0)
        return bg_fail_sys(err, -r, "replace %s: open its folder", path);
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return bg_fail_sys(err, errno, "replace %s: getrandom", path);
    snprintf(temporary, sizeof(temporary), ".new-%016llx", random);
    r = fill_temporary(dir, temporary, bytes, size, mode);
    if (r == 0 && renameat(dir, temporary, dir, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(dir, temporary, 0);
        return bg_fail_sys(err, -r, "replace %s", path);
    }
    if (fsync(dir) < 0)
        return bg_fail_sys(err, errno, "replace %s: fsync of its folder", path);
    return 0;
}

int bg_file_mkdir_p(const char *path, mode_t mode, struct bg_err *err)
{
    bg_autofree char *partial = strdup(path);
    struct stat st;

    if (partial == NULL)
        return bg_fail_sys(err, ENOMEM, "make folder %s", path);
    for (char *at = partial + 1; at[-1] != '\0'; at++) {
        char after = *at;
        if (after != '/' && after != '\0')
            continue;
        *at = '\0';
        if (mkdir(partial, mode) < 0 && errno != EEXIST)
            return bg_fail_sys(err, errno, "make folder %s", partial);
        *at = after;
    }
    if (stat(path, &st) < 0)
        return bg_fail_sys(err, errno, "make folder %s", path);
    if (!S_ISDIR(st.st_mode))
        return bg_fail_sys(err, ENOTDIR, "make folder %s", path);
    return 0;
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sort NUL-ended names in place: pointers into a copy, then written back in order. */
static int sort_names(struct bg_buf *names, size_t count)
{
    bg_autofree char *copy = malloc(names->size + 1);
    bg_autofree const char **order = calloc(count + 1, sizeof(*order));
    char *to = names->bytes;

    if (copy == NULL || order == NULL)
        return -ENOMEM;
    memcpy(copy, names->bytes, names->size);
    for (size_t i = 0, at = 0; i < count; i++) {
        order[i] = copy + at;
        at += strlen(order[i]) + 1;
    }
    qsort(order, count, sizeof(*order), compare_names);
    for (size_t i = 0; i < count; i++)
        to = stpcpy(to, order[i]) + 1;
    return 0;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

int bg_file_list(const char *path, struct bg_buf *ret_names, struct bg_err *err)
{
    BG_CLEANUP(close_dir) DIR *dir = opendir(path);
    size_t count = 0;
    int r = 0;

    if (dir == NULL)
        return bg_fail_sys(err, errno, "list %s", path);
    while (r == 0) {
        struct dirent *entry;
        errno = 0;
        entry = readdir(dir);
        if (entry == NULL) {
            r = -errno;
            break;
        }
        if (is_dot(entry->d_name))
            continue;
        count++;
        r = bg_buf_add(ret_names, entry->d_name, strlen(entry->d_name) + 1);
    }
    if (r == 0 && count > 1)
        r = sort_names(ret_names, count);
    return r < 0 ? bg_fail_sys(err, -r, "list %s", path) : 0;
}

/* Open a folder below `dir` without leaving its mount: EXDEV at a mount point, ELOOP at a link. */
static int open_below(int dir, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
                           .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
    long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

static int empty_folder(int fd);

static int remove_entry(int dir, const char *name)
{
    int fd, r;

    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    /* unlink answers EISDIR for a folder on Linux (POSIX: EPERM). */
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    fd = open_below(dir, name);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    r = empty_folder(fd);
    if (r == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = -errno;
    return r;
}

/* Takes ownership of fd. Depth costs one descriptor a level, which RLIMIT_NOFILE bounds. */
static int empty_folder(int fd)
{
    BG_CLEANUP(close_dir) DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int r = 0;

    if (dir == NULL) {
        r = -errno;
        close(fd);
        return r;
    }
    while (r == 0 && (errno = 0, entry = readdir(dir)) != NULL)
        if (!is_dot(entry->d_name))
            r = remove_entry(dirfd(dir), entry->d_name);
    return r == 0 ? -errno : r;
}

int bg_file_rmtree(const char *path, struct bg_err *err)
{
    bg_autofd int dir = -1;
    const char *name;
    int r = open_parent(path, &dir, &name);

    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = remove_entry(dir, name);
    return r < 0 ? bg_fail_sys(err, -r, "remove %s", path) : 0;
}

void bg_file_system_name(long magic, char ret_name[static 24])
{
    static const struct {
        long magic;
        const char *name;
    } known[] = {
        {EXT4_SUPER_MAGIC, "ext4"}, {BTRFS_SUPER_MAGIC, "btrfs"},       {XFS_SUPER_MAGIC, "xfs"},
        {TMPFS_MAGIC, "tmpfs"},     {OVERLAYFS_SUPER_MAGIC, "overlay"}, {NFS_SUPER_MAGIC, "nfs"},
        {0x2fc12fc1, "zfs"},        {F2FS_SUPER_MAGIC, "f2fs"},         {FUSE_SUPER_MAGIC, "fuse"},
        {V9FS_MAGIC, "9p"},
    };

    for (size_t i = 0; i < BG_COUNT(known); i++) {
        if (known[i].magic == magic) {
            snprintf(ret_name, 24, "%s", known[i].name);
            return;
        }
    }
    snprintf(ret_name, 24, "0x%lx", magic);
}
