/* See config.h. */
#include "config.h"
#include "op.h"

static int read_config(struct bg_helper *h, struct bg_reply *f)
{
    char text[256];
    int end = 0;
    if (bg_read_small(h->state, "config", text, sizeof(text)) < 0 ||
        sscanf(text, "owner %u\ngroup %u\nuid_base %u\nvms %u%n", &h->owner, &h->owner_gid,
               &h->uid_base, &h->vms_max, &end) != 4 ||
        strcmp(text + end, "\n") != 0)
        return bg_fail(f, BG_SYSTEM, 0,
                       "instance %s has no readable config; banger-helper-config writes one",
                       h->instance);
    if (h->owner == 0 || h->uid_base < 65536 || h->uid_base > INT32_MAX - BG_UID_COUNT ||
        (h->owner >= h->uid_base && h->owner < h->uid_base + BG_UID_COUNT))
        return bg_fail(f, BG_SYSTEM, 0,
                       "the config's owner must not be root, and its uid_base above 65535");
    return 0;
}

static int own_folder(const char *path, struct bg_reply *f)
{
    int fd = bg_open_trusted(path);
    return fd >= 0
               ? fd
               : bg_fail(
                     f, BG_SYSTEM, errno,
                     "%s must be root's alone, as must its parents; banger-helper-config makes it",
                     path);
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

int bg_config_open(struct bg_helper *h, struct bg_reply *f)
{
    int engines = -1;
    const struct {
        const char *name;
        mode_t mode;
        int *fd;
    } parts[] = {{"ledger", 0700, &h->ledger}, {"bases", 0700, &h->bases},
                 {"disks", 0700, &h->disks},   {"logs", 0700, &h->logs},
                 {"jails", 0755, &h->jails},   {"engines", 0755, &engines}};
    umask(022);
    if ((h->instances = own_folder("/var/lib/banger-root", f)) < 0 ||
        (h->state = own_folder(bg_state_root(h->instance).s, f)) < 0 || read_config(h, f) < 0 ||
        (h->run = own_folder(bg_run_root(h->instance).s, f)) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if ((*parts[i].fd = bg_open_dir(h->state, parts[i].name, parts[i].mode)) < 0)
            return bg_sys(f, "make the state folders");
    close(engines);
    h->by_systemd = access("/run/systemd/system", F_OK) == 0;
    return read_boot(h, f);
}
