/* The instance's folders and its root-owned config; see server.h. */
#include "op.h"
#include "server.h"
#include <systemd/sd-id128.h>

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
    if (fd < 0)
        bg_fail(f, BG_SYSTEM, errno,
                "%s must be root's alone, as must its parents; banger-helper-config makes it",
                path);
    return fd;
}

int bg_config_open(struct bg_helper *h, struct bg_reply *f)
{
    BG_CLOSED int engines = -1;
    sd_id128_t boot;
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
    h->by_systemd = access("/run/systemd/system", F_OK) == 0;
    if (bg_step(f, "read the boot id", sd_id128_get_boot(&boot)) < 0)
        return -1;
    sd_id128_to_string(boot, h->boot);
    return 0;
}
