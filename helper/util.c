/* Failure, locks and the small file helpers of helper.h. */
#include "helper.h"
#include <linux/openat2.h>
#include <stdarg.h>

int bg_fail(struct bg_reply *f, uint32_t code, int sys, const char *format, ...)
{
    va_list ap;
    if (!f)
        return -1;
    f->code = code;
    f->sys = (uint32_t)sys;
    va_start(ap, format);
    vsnprintf(f->message, sizeof(f->message), format, ap);
    va_end(ap);
    for (char *p = f->message; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return -1;
}

int bg_sys(struct bg_reply *f, const char *step)
{
    int e = errno;
    uint32_t code = e == ENOSPC || e == EDQUOT ? BG_HOST_FULL
                    : e == EINTR               ? BG_DEADLINE
                                               : BG_SYSTEM;
    return bg_fail(f, code, e, "%s: %s", step, strerror(e));
}

int bg_step(struct bg_reply *f, const char *step, int error)
{
    errno = error < 0 ? -error : 0;
    return error < 0 ? bg_sys(f, step) : 0;
}

/*
 * All locks are open-file-description locks on bytes of one file: nothing to create per VM and nothing to remove. An id
 * of 8 letters and digits is its byte's number; the names of the store wait for others that begin alike.
 */
int bg_lock(struct bg_helper *h, off_t which, struct bg_reply *f)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = which, .l_len = 1};
    if (h->lock < 0 && (h->lock = bg_open(h->run, "lock", O_RDWR | O_CREAT, 0600)) < 0)
        return bg_sys(f, "open lock");
    return bg_step(f, "wait for the lock", fcntl(h->lock, F_OFD_SETLKW, &l) == 0 ? 0 : -errno);
}

int bg_lock_vm(struct bg_helper *h, const char *vm, struct bg_reply *f)
{
    return bg_lock(h, 16 + strtoll(bg_name("%.8s", vm).s, NULL, 36), f);
}

void bg_unlock(struct bg_helper *h)
{
    bg_close(&h->lock);
}

void bg_later(struct bg_helper *h, void (*fn)(struct bg_helper *h, const char *vm), const char *vm)
{
    if (fork() != 0)
        return;
    alarm(0);
    bg_close(&h->lock); /* our copy would prolong the parent's locks */
    bg_close(&h->connection);
    fn(h, vm);
    _exit(0);
}

int bg_open(int dir, const char *name, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW | (flags & O_PATH ? 0 : O_NOCTTY)),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

int bg_open_plain(int dir, const char *name, uid_t uid)
{
    struct stat st;
    BG_CLOSED int fd = bg_open(dir, name, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    errno = ELOOP;
    bool plain = S_ISREG(st.st_mode) && st.st_nlink == 1 && (st.st_uid == uid || st.st_uid == 0);
    return plain ? bg_steal(&fd) : -1;
}

bool bg_roots_alone(int fd, mode_t type)
{
    struct stat st;
    bool good = fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & S_IFMT) == type &&
                (st.st_mode & 022) == 0;
    errno = EPERM;
    return good;
}

int bg_open_dir(int dir, const char *name, mode_t mode)
{
    BG_CLOSED int fd = mkdirat(dir, name, mode) < 0 && errno != EEXIST
                           ? -1
                           : bg_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
    return fd >= 0 && bg_roots_alone(fd, S_IFDIR) ? bg_steal(&fd) : -1;
}

DIR *bg_list(int dir, const char *name)
{
    BG_CLOSED int fd = bg_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d)
        bg_steal(&fd);
    return d;
}

int bg_next_name(int dir, const char *prefix, size_t length, const char *after, char *ret)
{
    BG_LISTED DIR *d = bg_list(dir, ".");
    char least[NAME_MAX + 1] = "";
    if (!d)
        return -1;
    for (struct dirent *e; (errno = 0, e = readdir(d));)
        if (strlen(e->d_name) == length && strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
            strcmp(e->d_name, after) > 0 && (!least[0] || strcmp(e->d_name, least) < 0))
            memcpy(least, e->d_name, length + 1);
    if (least[0])
        memcpy(ret, least, length + 1);
    return errno != 0 ? -1 : least[0] != 0;
}

enum { DEEPEST = 128 }; /* the number of a folder's descriptor, of which each level has one */

int bg_remove_tree(int dir, const char *name)
{
    struct stat above, own;
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    BG_LISTED DIR *d = bg_list(dir, name);
    if (!d)
        return errno == ENOENT ? 0 : -1;
    if (fstatat(dir, ".", &above, 0) < 0 || fstat(dirfd(d), &own) < 0)
        return -1;
    if (own.st_dev != above.st_dev || dirfd(d) > DEEPEST) {
        errno = EXDEV;
        return -1;
    }
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            bg_remove_tree(dirfd(d), e->d_name) < 0)
            return -1;
    return unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

ssize_t bg_read_small(int dir, const char *path, char *ret, size_t size)
{
    BG_CLOSED int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1); /* of a plain file or /proc: all that fits */
    ret[n > 0 ? n : 0] = 0;
    return n;
}

void bg_hex(char *ret, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

bool bg_unhex(uint8_t *ret, const char *hex, size_t n)
{
    bool good = strspn(hex, "0123456789abcdef") == 2 * n && hex[2 * n] == 0;
    for (size_t i = 0; good && i < n; i++)
        sscanf(hex + 2 * i, "%2hhx", &ret[i]);
    return good;
}

void bg_close(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

static volatile sig_atomic_t passed;

static void on_alarm(int signal)
{
    passed = signal;
    alarm(1); /* again, should a second call block */
}

void bg_deadline(unsigned seconds)
{
    struct sigaction on = {.sa_handler = on_alarm}; /* no SA_RESTART: who waits gets EINTR */
    passed = 0;
    sigaction(SIGALRM, &on, NULL);
    alarm(seconds);
}

bool bg_deadline_passed(void)
{
    return passed;
}
