/* The list of what was frozen is a file, so that whoever comes next, after whatever ended, can undo it:
 * a line `<guard> <agent>`, then a cgroup a line. */
#include "hold.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#define HELD     "/run/banger/held"
#define ENDING   "/run/banger/held.ending"
#define PROGRAMS "/usr/lib/banger/" /* by their place: what runs may have been replaced there */
#define SYSTEMS  "/sys/fs/cgroup"
#define OURS     "/run/banger/cgroup"
#define FREE_OF  "banger-user" /* for who lives in the root, which cannot be frozen */
#define LONGEST  512
#define HOLD_MS  5000
#define SWEEPS   50 /* through the root's members, who may fork meanwhile */
#define MOST_OWN 1024

struct holder {
    const char *root;
    FILE *list;
    int64_t until;
    size_t n_spared;
    char *spared[MOST_OWN]; /* cgroups that must go on */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool bg_hold_is_spared(pid_t pid)
{
    char path[32], exe[LONGEST];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t n = readlink(path, exe, sizeof exe);
    return pid == 1 || n <= 0 ||
           (n > (ssize_t)strlen(PROGRAMS) && memcmp(exe, PROGRAMS, strlen(PROGRAMS)) == 0);
}

/* The system's own tree, or one of ours: there is only one, wherever it is mounted. */
static const char *find_root(void)
{
    struct statfs fs;
    if (statfs(SYSTEMS, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
        return SYSTEMS;
    if (statfs(OURS, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
        return OURS;
    mkdir(OURS, 0700);
    return mount("cgroup2", OURS, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 ? OURS
                                                                                          : NULL;
}

static int write_in(const char *folder, const char *name, const char *text)
{
    char path[LONGEST + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* True when the first line of the file that begins with `key` ends in ` 1`; a value alone has key "". */
static bool says_one(const char *folder, const char *name, const char *key)
{
    char path[LONGEST + 32], line[64];
    bool one = false;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            one = one || atoi(line + strlen(key)) == 1;
    if (f)
        fclose(f);
    return one;
}

/* The process's cgroup below the root, "" for the root itself; NULL when it has gone. */
static char *cgroup_of(pid_t pid)
{
    char path[32], line[LONGEST], *found = NULL;
    snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f))
        if (strncmp(line, "0::/", 4) == 0) {
            line[strcspn(line, "\n")] = '\0';
            found = strdup(line[4] ? line + 3 : "");
        }
    if (f)
        fclose(f);
    return found;
}

static void find_spared(struct holder *h)
{
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc && h->n_spared < MOST_OWN && (e = readdir(proc));) {
        pid_t pid = isdigit((unsigned char)e->d_name[0]) ? atoi(e->d_name) : 0;
        char *group = pid > 0 && bg_hold_is_spared(pid) ? cgroup_of(pid) : NULL;
        if (group && group[0])
            h->spared[h->n_spared++] = group;
        else
            free(group);
    }
    if (proc)
        closedir(proc);
}

/* Out of the root, into a cgroup that can be frozen. They stay there for good. */
static void empty_root(const char *root)
{
    char target[LONGEST], path[LONGEST], line[32];
    bool found = true;
    snprintf(target, sizeof target, "%s/" FREE_OF, root);
    snprintf(path, sizeof path, "%s/cgroup.procs", root);
    mkdir(target, 0755);
    for (int i = 0; found && i < SWEEPS; i++) {
        FILE *f = fopen(path, "re");
        found = false;
        while (f && fgets(line, sizeof line, f)) {
            line[strcspn(line, "\n")] = '\0';
            if (!bg_hold_is_spared(atoi(line)))
                found = write_in(target, "cgroup.procs", line) == 0 || found;
        }
        if (f)
            fclose(f);
    }
}

/* Whether one that is spared lives in the cgroup at `path` (below the root, with a leading slash) or
 * below it. */
static bool has_spared(const struct holder *h, const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < h->n_spared; i++)
        if (strncmp(h->spared[i], path, n) == 0 && (!h->spared[i][n] || h->spared[i][n] == '/'))
            return true;
    return false;
}

static int freeze_below(struct holder *h, const char *path);

static int freeze(struct holder *h, const char *path)
{
    char full[LONGEST];
    if (has_spared(h, path))
        return freeze_below(h, path);
    if (snprintf(full, sizeof full, "%s%s", h->root, path) >= (int)sizeof full)
        return -ENAMETOOLONG;
    if (says_one(full, "cgroup.freeze", ""))
        return 0;
    fprintf(h->list, "%s\n", full);
    fflush(h->list);
    int r = write_in(full, "cgroup.freeze", "1");
    return r == -ENOENT || r == -ENODEV ? 0 : r; /* it has gone */
}

static int freeze_below(struct holder *h, const char *path)
{
    char full[LONGEST], child[LONGEST];
    int r = 0;
    snprintf(full, sizeof full, "%s%s", h->root, path);
    DIR *folder = opendir(full);
    for (struct dirent *e; folder && r == 0 && (e = readdir(folder));)
        if (e->d_type == DT_DIR && e->d_name[0] != '.')
            r = snprintf(child, sizeof child, "%s/%s", path, e->d_name) < (int)sizeof child
                    ? freeze(h, child)
                    : -ENAMETOOLONG;
    if (folder)
        closedir(folder);
    return r;
}

/* cgroup.events raises POLLPRI when it changes. */
static int await_frozen(const char *group, int64_t until)
{
    char path[LONGEST + 32], text[128];
    snprintf(path, sizeof path, "%s/cgroup.events", group);
    int fd = open(path, O_RDONLY | O_CLOEXEC), r = fd < 0 ? 0 : -EAGAIN;
    while (r == -EAGAIN) {
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        int64_t left = until - now_ms();
        if (n <= 0 || strstr(text, "frozen 1"))
            r = 0;
        else if (left <= 0 || poll(&p, 1, (int)left) == 0)
            r = -ETIMEDOUT;
    }
    if (fd >= 0)
        close(fd);
    return r;
}

/* Calls fn for each cgroup of the list, until one fails. */
static int each_held(const char *list, int (*fn)(const char *group, int64_t until), int64_t until)
{
    char line[LONGEST];
    int r = 0;
    FILE *f = fopen(list, "re");
    if (f && !fgets(line, sizeof line, f))
        line[0] = '\0';
    while (f && r == 0 && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        r = fn(line, until);
    }
    if (f)
        fclose(f);
    return r;
}

static int thaw(const char *group, int64_t until)
{
    (void)until;
    int r = write_in(group, "cgroup.freeze", "0");
    return r == -ENOENT || r == -ENODEV ? 0 : r;
}

bool bg_hold_is(void)
{
    return access(HELD, F_OK) == 0;
}

struct bg_hold bg_hold_who(void)
{
    struct bg_hold who = {0};
    FILE *f = fopen(HELD, "re");
    if (f && fscanf(f, "%d %d", &who.guard, &who.agent) != 2)
        who = (struct bg_hold){0};
    if (f)
        fclose(f);
    return who;
}

int bg_hold_begin(struct bg_hold who)
{
    struct holder *h = calloc(1, sizeof *h);
    int r = h ? 0 : -ENOMEM;
    bg_hold_end(); /* one list at a time */
    if (r == 0 && !(h->root = find_root()))
        r = -EOPNOTSUPP;
    if (r == 0 && !(h->list = fopen(HELD, "we")))
        r = -errno;
    if (r == 0) {
        h->until = now_ms() + HOLD_MS;
        fprintf(h->list, "%d %d\n", who.guard, who.agent);
        empty_root(h->root);
        find_spared(h);
        r = freeze_below(h, "");
        fclose(h->list);
        if (r == 0)
            r = each_held(HELD, await_frozen, h->until);
        if (r < 0)
            bg_hold_end();
    }
    for (size_t i = 0; h && i < h->n_spared; i++)
        free(h->spared[i]);
    free(h);
    return r;
}

/* The name goes first: who joins after that sees that there is no hold. */
int bg_hold_end(void)
{
    rename(HELD, ENDING);
    int r = each_held(ENDING, thaw, 0);
    if (r == 0)
        unlink(ENDING);
    return r;
}

void bg_hold_join(const char *group)
{
    int fd = open(HELD, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return;
    if (dprintf(fd, "%s\n", group) > 0 && write_in(group, "cgroup.freeze", "1") == 0 &&
        !bg_hold_is())
        thaw(group, 0);
    close(fd);
}
