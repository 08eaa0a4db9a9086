/* Failure, locks and the small file helpers of helper.h. */
#include "helper.h"
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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
 * All locks are open-file-description locks on bytes of one file: nothing to create per VM and nothing to remove.
 * Two VMs whose ids hash to one byte wait for each other, which is harmless.
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
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *p = vm; *p; p++)
        hash = (hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
    return bg_lock(h, 16 + (off_t)(hash >> 24), f);
}

void bg_unlock(struct bg_helper *h)
{
    bg_close(&h->lock);
}

pid_t bg_fork_away(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            return 0;
        _exit(grandchild < 0);
    }
    if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0)) {
        errno = EAGAIN;
        return -1;
    }
    return pid;
}

void bg_later(struct bg_helper *h, void (*fn)(struct bg_helper *h, const char *vm), const char *vm)
{
    if (bg_fork_away() != 0)
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
    for (struct dirent *e; (e = readdir(d));)
        if (strlen(e->d_name) == length && strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
            strcmp(e->d_name, after) > 0 && (!least[0] || strcmp(e->d_name, least) < 0))
            memcpy(least, e->d_name, length + 1);
    if (least[0])
        memcpy(ret, least, length + 1);
    return least[0] != 0;
}

static int remove_in(int dir, const char *name, int depth)
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
    if (own.st_dev != above.st_dev || depth > 32) {
        errno = EXDEV;
        return -1;
    }
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            remove_in(dirfd(d), e->d_name, depth + 1) < 0)
            return -1;
    return unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

int bg_remove_tree(int dir, const char *name)
{
    return remove_in(dir, name, 0);
}

ssize_t bg_read_small(int dir, const char *path, char *ret, size_t size)
{
    BG_CLOSED int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : 1;
    size_t n = 0;
    while (got > 0 && n < size - 1) {
        got = read(fd, ret + n, size - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    ret[n] = 0;
    return got < 0 ? -1 : (ssize_t)n;
}

int bg_write_all(int fd, const void *bytes, size_t n)
{
    for (const char *p = bytes; n > 0;) {
        ssize_t put = write(fd, p, n);
        if (put < 0)
            return -1;
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

void bg_hex(char *ret, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

bool bg_unhex(uint8_t *ret, const char *hex, size_t n)
{
    for (size_t i = 0; i < 2 * n; i++) {
        const char *digits = "0123456789abcdef", *d = hex[i] ? strchr(digits, hex[i]) : NULL;
        if (!d)
            return false;
        ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | (d - digits));
    }
    return hex[2 * n] == 0;
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
