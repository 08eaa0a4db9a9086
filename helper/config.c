/* See config.h. */
#include "config.h"
#include "op.h"
#include "record.h"
#include <stdlib.h>
#include <sys/file.h>

enum {
    /* 0x70000000..0x7ffeffff: what systemd's table of uids leaves to nobody */
    UID_FIRST = 0x70000000,
    UID_LAST = 0x7ffef000,
};

static bool inside(unsigned long id, uint32_t base)
{
    return id >= base && id < (unsigned long)base + BG_UID_COUNT;
}

static bool number_after(const char **at, unsigned long *ret)
{
    char *end;
    const char *colon = strchr(*at, ':');
    if (!colon || colon[1] < '0' || colon[1] > '9')
        return false;
    *ret = strtoul(colon + 1, &end, 10);
    *at = end;
    return true;
}

bool bg_ids_meet(const char *line, uint32_t base)
{
    unsigned long id;
    const char *at = strchr(line, ':'); /* behind the name: the password, then one or two ids */
    at = at ? at + 1 : line;
    while (number_after(&at, &id))
        if (inside(id, base))
            return true;
    return false;
}

bool bg_subids_meet(const char *line, uint32_t base)
{
    unsigned long start, count;
    if (!number_after(&line, &start) || !number_after(&line, &count))
        return false;
    return start < (unsigned long)base + BG_UID_COUNT && start + count > base;
}

static bool file_meets(const char *path, uint32_t base,
                       bool (*meets)(const char *line, uint32_t base))
{
    char line[4096];
    FILE *file = fopen(path, "re");
    bool met = false;
    while (file && !met && fgets(line, sizeof(line), file))
        met = meets(line, base);
    if (file)
        fclose(file);
    return met;
}

/* `all` is /var/lib/banger-root. */
static bool instance_meets(int all, const char *own, uint32_t base)
{
    struct bg_record r;
    uint32_t other;
    bool met = false;
    DIR *d = bg_list(all, ".");
    for (struct dirent *e; d && !met && (e = readdir(d));) {
        char path[300];
        snprintf(path, sizeof(path), "%s/config", e->d_name);
        if (bg_valid_instance(e->d_name) && strcmp(e->d_name, own) != 0 &&
            bg_record_read(&r, all, path) == 0 && bg_record_u32(&r, "uid_base", &other))
            met = other < base + BG_UID_COUNT && base < other + BG_UID_COUNT;
    }
    if (d)
        closedir(d);
    return met;
}

static bool range_is_free(int all, const char *own, uint32_t base)
{
    return !file_meets("/etc/passwd", base, bg_ids_meet) &&
           !file_meets("/etc/group", base, bg_ids_meet) &&
           !file_meets("/etc/subuid", base, bg_subids_meet) &&
           !file_meets("/etc/subgid", base, bg_subids_meet) && !instance_meets(all, own, base);
}

static int choose_range(struct bg_helper *h, int all, uint32_t asked, struct bg_reply *f)
{
    if (asked != 0) {
        if (asked < 65536 || asked > UID_LAST || !range_is_free(all, h->instance, asked))
            return bg_fail(f, BG_BAD_REQUEST, 0,
                           "--uid-base: %u to %u must be above 65535 and free in passwd, group, "
                           "subuid, subgid and "
                           "other instances",
                           asked, asked + BG_UID_COUNT - 1);
        h->uid_base = asked;
        return 0;
    }
    for (uint32_t base = UID_FIRST; base <= UID_LAST; base += BG_UID_COUNT)
        if (range_is_free(all, h->instance, base)) {
            h->uid_base = base;
            return 0;
        }
    return bg_fail(f, BG_LIMIT, 0, "no range of %d uids is free; give one with --uid-base",
                   BG_UID_COUNT);
}

static int write_config(struct bg_helper *h, struct bg_reply *f)
{
    struct bg_record r = {0};
    bg_record_set_u64(&r, "owner", h->owner);
    bg_record_set_u64(&r, "uid_base", h->uid_base);
    bg_record_set_u64(&r, "vms", h->vms_max);
    return bg_step(f, "write the config", bg_record_write(&r, h->state, "config", true));
}

static int load_config(struct bg_helper *h, int all, uint32_t asked, struct bg_reply *f)
{
    struct bg_record r;
    uint32_t owner;
    int error = bg_record_read(&r, h->state, "config");
    h->vms_max = BG_VMS_MAX;
    if (error == -ENOENT)
        return choose_range(h, all, asked, f) < 0 ? -1 : write_config(h, f);
    if (error < 0 || !bg_record_u32(&r, "owner", &owner) ||
        !bg_record_u32(&r, "uid_base", &h->uid_base) || !bg_record_u32(&r, "vms", &h->vms_max))
        return bg_fail(f, BG_SYSTEM, -error,
                       "the config of instance %s is damaged; restore or remove it", h->instance);
    if (owner != h->owner)
        return bg_fail(f, BG_DENIED, 0, "--owner: instance %s belongs to uid %u", h->instance,
                       owner);
    if (asked != 0 && asked != h->uid_base)
        return bg_fail(f, BG_BAD_REQUEST, 0, "--uid-base: instance %s has %u already", h->instance,
                       h->uid_base);
    return 0;
}

static int own_folder(const char *path, mode_t mode, struct bg_reply *f)
{
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return bg_sys(f, path);
    int fd = bg_open_trusted(path);
    return fd >= 0
               ? fd
               : bg_fail(f, BG_SYSTEM, errno, "%s must be root's alone, as must its parents", path);
}

/* /run/banger-<i>: the one folder that is the owner's. Its parent is root's, so nobody else can have made it. */
static int owner_folder(struct bg_helper *h, struct bg_reply *f)
{
    char path[BG_PATH_MAX];
    struct stat st;
    bg_run_owner(path, h->instance);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return bg_sys(f, path);
    BG_CLOSED int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return bg_sys(f, path);
    if (st.st_uid != 0 && st.st_uid != h->owner)
        return bg_fail(f, BG_SYSTEM, 0, "%s belongs to uid %u; remove it", path, st.st_uid);
    return fchown(fd, h->owner, h->owner_gid) == 0 && fchmod(fd, 0700) == 0 ? 0 : bg_sys(f, path);
}

static int read_boot(struct bg_helper *h, struct bg_reply *f)
{
    char text[64];
    size_t n = 0;
    if (bg_read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) < 0)
        return bg_sys(f, "read the boot id");
    for (const char *p = text; *p && n < 32; p++)
        if (*p != '-' && *p != '\n')
            h->boot[n++] = *p;
    h->boot[n] = 0;
    return n == 32 ? 0 : bg_fail(f, BG_SYSTEM, 0, "the kernel's boot id is not 32 digits");
}

int bg_config_open(struct bg_helper *h, uint32_t uid_base, struct bg_reply *f)
{
    char path[BG_PATH_MAX];
    struct {
        const char *name;
        mode_t mode;
        int *fd;
    } parts[] = {{"ledger", 0700, &h->ledger},
                 {"bases", 0700, &h->bases},
                 {"disks", 0700, &h->disks},
                 {"logs", 0700, &h->logs},
                 {"jails", 0755, &h->jails}};
    umask(022);
    BG_CLOSED int all = own_folder("/var/lib/banger-root", 0755, f);
    if (all < 0 || flock(all, LOCK_EX) < 0) /* two first starts must not choose one range */
        return -1;
    bg_state_root(path, h->instance);
    if ((h->state = own_folder(path, 0755, f)) < 0)
        return -1;
    bg_run_root(path, h->instance);
    if ((h->run = own_folder(path, 0755, f)) < 0 || owner_folder(h, f) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if ((*parts[i].fd = bg_open_dir(h->state, parts[i].name, parts[i].mode)) < 0)
            return bg_sys(f, "make the state folders");
    BG_CLOSED int engines = bg_open_dir(h->state, "engines", 0755);
    if (engines < 0)
        return bg_sys(f, "make the engines' folder");
    h->by_systemd = access("/run/systemd/system", F_OK) == 0;
    return read_boot(h, f) < 0 ? -1 : load_config(h, all, uid_base, f);
}
