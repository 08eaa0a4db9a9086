/* Order matters in one place only: entropy is credited before the machine-id is drawn. Otherwise the
 * archive's order is followed. */
#include "identity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/random.h>

#include "net.h"
#include "seed.h"

/* Not in the uapi headers: fs/ext4/ext4.h. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

enum { LINE = 256, RANDOM_BYTES = 512 };

#define ID_FILE "var/lib/banger/id"

struct id {
    char text[64];
    size_t size;
    bool other;
};

struct target {
    int root_fd, live;
    int first_error;
    char hostname[65];
    char resolv[512];
    struct bg_net net;
};

static int in_root(int root_fd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                           .mode = flags & O_CREAT ? mode : 0,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    return fd < 0 ? -errno : (int)fd;
}

/* Makes the folders that lead to path. */
static int make_parents(int root_fd, const char *path)
{
    char part[300];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t n = (size_t)(slash - path);
        if (n >= sizeof part)
            return -ENAMETOOLONG;
        memcpy(part, path, n);
        part[n] = '\0';
        int fd = in_root(root_fd, part, O_PATH | O_DIRECTORY, 0);
        if (fd >= 0) {
            close(fd);
            continue;
        }
        char *last = strrchr(part, '/');
        if (last)
            *last = '\0';
        int parent = in_root(root_fd, last ? part : ".", O_PATH | O_DIRECTORY, 0);
        if (parent < 0)
            return parent;
        int r = mkdirat(parent, last ? last + 1 : part, 0755) < 0 ? -errno : 0;
        close(parent);
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_file(int root_fd, const char *path, const void *bytes, size_t n, mode_t mode)
{
    int r = make_parents(root_fd, path);
    if (r < 0)
        return r;
    int fd = in_root(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0)
        return fd;
    for (size_t at = 0; r == 0 && at < n;) {
        ssize_t wrote = write(fd, (const char *)bytes + at, n - at);
        if (wrote < 0)
            r = -errno;
        else
            at += (size_t)wrote;
    }
    if (r == 0 && fchmod(fd, mode) < 0)
        r = -errno;
    close(fd);
    return r;
}

static void copy_line(char *to, size_t max, const struct bg_seed_entry *e)
{
    size_t n = e->size < max - 1 ? e->size : max - 1;
    memcpy(to, e->bytes, n);
    to[n] = '\0';
    to[strcspn(to, "\n")] = '\0';
}

static int take_hostname(struct target *t, const struct bg_seed_entry *e)
{
    char hosts[LINE], name[66];
    copy_line(t->hostname, sizeof t->hostname, e);
    if (t->live && sethostname(t->hostname, strlen(t->hostname)) < 0)
        return -errno;
    int n = snprintf(name, sizeof name, "%s\n", t->hostname);
    int r = write_file(t->root_fd, "etc/hostname", name, (size_t)n, 0644);
    n = snprintf(hosts, sizeof hosts, "127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost\n",
                 t->hostname);
    return r < 0 ? r : write_file(t->root_fd, "etc/hosts", hosts, (size_t)n, 0644);
}

static int network_line(struct target *t, char *line)
{
    char *value = strchr(line, ' ');
    if (!value)
        return -EBADMSG;
    *value++ = '\0';
    if (strcmp(line, "address") == 0) {
        char *slash = strchr(value, '/');
        t->net.prefix = slash ? atoi(slash + 1) : -1;
        if (slash)
            *slash = '\0';
        if (t->net.prefix < 1 || t->net.prefix > 32 || !inet_aton(value, &t->net.address))
            return -EBADMSG;
    } else if (strcmp(line, "address6") == 0) {
        char *slash = strchr(value, '/');
        t->net.prefix6 = slash ? atoi(slash + 1) : -1;
        if (slash)
            *slash = '\0';
        if (t->net.prefix6 < 1 || t->net.prefix6 > 128 ||
            inet_pton(AF_INET6, value, &t->net.address6) != 1)
            return -EBADMSG;
    } else if (strcmp(line, "gateway6") == 0) {
        if (inet_pton(AF_INET6, value, &t->net.gateway6) != 1)
            return -EBADMSG;
    } else if (strcmp(line, "gateway") == 0) {
        if (!inet_aton(value, &t->net.gateway))
            return -EBADMSG;
    } else if (strcmp(line, "mtu") == 0) {
        t->net.mtu = atoi(value);
        if (t->net.mtu < 576 || t->net.mtu > 65535)
            return -EBADMSG;
    } else if (strcmp(line, "dns") == 0) {
        size_t have = strlen(t->resolv);
        snprintf(t->resolv + have, sizeof t->resolv - have, "nameserver %s\n", value);
    } else if (strcmp(line, "search") == 0) {
        size_t have = strlen(t->resolv);
        snprintf(t->resolv + have, sizeof t->resolv - have, "search %s\n", value);
    } else if (strcmp(line, "mac") == 0) {
        unsigned char *m = t->net.mac;
        if (sscanf(value, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) !=
            6)
            return -EBADMSG;
    }
    return 0; /* a newer host may say more */
}

static int take_network(struct target *t, const struct bg_seed_entry *e)
{
    char text[1024], *rest = text;
    size_t n = e->size < sizeof text - 1 ? e->size : sizeof text - 1;
    memcpy(text, e->bytes, n);
    text[n] = '\0';
    for (char *line; (line = strsep(&rest, "\n"));) {
        int r = line[0] ? network_line(t, line) : 0;
        if (r < 0)
            return r;
    }
    if (t->live && t->net.address.s_addr) {
        int r = bg_net_apply(&t->net);
        if (r < 0)
            return r;
    }
    if (!t->resolv[0])
        return 0;
    /* In many images a link into another resolver's folder; RESOLVE_IN_ROOT would follow it. */
    unlinkat(t->root_fd, "etc/resolv.conf", 0);
    return write_file(t->root_fd, "etc/resolv.conf", t->resolv, strlen(t->resolv), 0644);
}

static int take_authorized_keys(struct target *t, const struct bg_seed_entry *e)
{
    int r = write_file(t->root_fd, "root/.ssh/authorized_keys", e->bytes, e->size, 0600);
    int fd = r < 0 ? r : in_root(t->root_fd, "root/.ssh", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    r = fchmod(fd, 0700) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* The peer of an entropy pool may be a snapshot's twin: mix, credit, and have the output
 * reseeded before anything is drawn from it. */
static int take_random(struct target *t, const struct bg_seed_entry *e)
{
    union {
        struct rand_pool_info info;
        char room[sizeof(struct rand_pool_info) + RANDOM_BYTES];
    } pool;
    size_t n = e->size < RANDOM_BYTES ? e->size : RANDOM_BYTES;
    if (!t->live || n == 0)
        return 0;
    pool.info.entropy_count = (int)(n * 8 < 256 ? n * 8 : 256);
    pool.info.buf_size = (int)n;
    memcpy(pool.room + offsetof(struct rand_pool_info, buf), e->bytes, n);
    int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = ioctl(fd, RNDADDENTROPY, &pool) < 0 ? -errno : 0;
    /* EAGAIN while the kernel still seeds itself: then it reseeds by itself at the end of that. */
    if (r == 0 && ioctl(fd, RNDRESEEDCRNG) < 0 && errno != EAGAIN)
        r = -errno;
    close(fd);
    return r;
}

static int take_time(struct target *t, const struct bg_seed_entry *e)
{
    char text[32];
    struct timespec now, host = {0};
    copy_line(text, sizeof text, e);
    host.tv_sec = strtoll(text, NULL, 10);
    clock_gettime(CLOCK_REALTIME, &now);
    if (!t->live || now.tv_sec >= host.tv_sec)
        return 0;
    return clock_settime(CLOCK_REALTIME, &host) < 0 ? -errno : 0;
}

static int take_host_key(struct target *t, const struct bg_seed_entry *e)
{
    char path[300];
    const char *name = e->name + strlen("host_keys/");
    size_t n = strlen(name);
    int is_public = n > 4 && strcmp(name + n - 4, ".pub") == 0;
    snprintf(path, sizeof path, "etc/ssh/%s", name);
    return write_file(t->root_fd, path, e->bytes, e->size, is_public ? 0644 : 0600);
}

static int take_file(struct target *t, const struct bg_seed_entry *e)
{
    const char *path = e->name + strlen("files/");
    if (e->type == '5') {
        char inside[300];
        snprintf(inside, sizeof inside, "%s/", path);
        return make_parents(t->root_fd, inside);
    }
    int r = write_file(t->root_fd, path, e->bytes, e->size, e->mode);
    int fd = r < 0 ? r : in_root(t->root_fd, path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    r = fchown(fd, e->uid, e->gid) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* What the next seed is compared with. */
static int take_id(struct target *t, const struct bg_seed_entry *e)
{
    return write_file(t->root_fd, ID_FILE, e->bytes, e->size, 0644);
}

static int take_version(struct target *t, const struct bg_seed_entry *e)
{
    (void)t;
    return e->size > 0 && e->bytes[0] == '1' ? 0 : -EPROTONOSUPPORT;
}

/* random_seed is not here: it goes first. */
static const struct {
    const char *name; /* a folder's ends with a slash */
    int (*take)(struct target *t, const struct bg_seed_entry *e);
} takers[] = {
    {"version", take_version},     {"id", take_id},       {"hostname", take_hostname},
    {"network", take_network},     {"time", take_time},   {"authorized_keys", take_authorized_keys},
    {"host_keys/", take_host_key}, {"files/", take_file},
};

static int take(const struct bg_seed_entry *e, void *arg)
{
    struct target *t = arg;
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        size_t n = strlen(takers[i].name);
        int folder = takers[i].name[n - 1] == '/';
        if (folder ? strncmp(e->name, takers[i].name, n) != 0 || !e->name[n]
                   : strcmp(e->name, takers[i].name) != 0)
            continue;
        int r = takers[i].take(t, e);
        if (r < 0) {
            fprintf(stderr, "banger: seed: %s: %s\n", e->name, strerror(-r));
            if (t->first_error == 0)
                t->first_error = r;
        }
    }
    return 0;
}

static int take_random_first(const struct bg_seed_entry *e, void *arg)
{
    return strcmp(e->name, "random_seed") == 0 ? take_random(arg, e) : 0;
}

static int compare_id(const struct bg_seed_entry *e, void *arg)
{
    struct id *mine = arg;
    if (strcmp(e->name, "id") == 0)
        mine->other = e->size != mine->size || memcmp(e->bytes, mine->text, e->size) != 0;
    return 0;
}

bool bg_identity_is_other(const char *archive, size_t size, int root_fd)
{
    struct id mine = {0};
    int fd = in_root(root_fd, ID_FILE, O_RDONLY, 0);
    ssize_t n = fd < 0 ? 0 : read(fd, mine.text, sizeof mine.text);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    mine.size = (size_t)n;
    bg_seed_each(archive, size, compare_id, &mine);
    return mine.other;
}

/* machine-id(5): 32 hex digits; an image's own is empty or says "uninitialized". */
static int machine_id(int root_fd, bool other)
{
    unsigned char raw[16];
    char text[34];
    int fd = in_root(root_fd, "etc/machine-id", O_RDONLY, 0);
    ssize_t have = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    if (have >= 32 && !other)
        return 0;
    if (getrandom(raw, sizeof raw, 0) != sizeof raw)
        return -EIO;
    raw[6] = (raw[6] & 0x0f) | 0x40; /* a version 4 UUID, as systemd makes them */
    raw[8] = (raw[8] & 0x3f) | 0x80;
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(text + 2 * i, 3, "%02x", raw[i]);
    text[32] = '\n';
    return write_file(root_fd, "etc/machine-id", text, 33, 0444);
}

int bg_identity_apply(const char *archive, size_t size, int root_fd, int live)
{
    struct target t = {.root_fd = root_fd, .live = live};
    bool other = bg_identity_is_other(archive, size, root_fd);
    int r = bg_seed_each(archive, size, take_random_first, &t);
    if (r == 0)
        r = machine_id(root_fd, other);
    int all = bg_seed_each(archive, size, take, &t);
    if (r == 0)
        r = all;
    if (r < 0)
        fprintf(stderr, "banger: seed: %s\n", strerror(-r));
    return r < 0 ? r : t.first_error;
}

int bg_identity_grow(void)
{
    struct stat root;
    struct statfs fs;
    char path[64], text[32] = "";
    if (stat("/", &root) < 0 || statfs("/", &fs) < 0)
        return -errno;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/size", major(root.st_dev),
             minor(root.st_dev));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return -EIO;
    uint64_t blocks = strtoull(text, NULL, 10) * 512 / (uint64_t)fs.f_bsize;
    fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0 ? -errno : 0;
    close(fd);
    return r;
}
