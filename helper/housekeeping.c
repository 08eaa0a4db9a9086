/* Bounded logs; our rules beside Docker's; and disks whose writing to the medium was interrupted (op_disk.c). */
#include "op.h"
#include "server.h"

void bg_log_bound(int dir, const char *name)
{
    struct stat st;
    BG_CLOSED int fd = bg_open(dir, name, O_WRONLY | O_NONBLOCK, 0);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
        return;
    /* Whole blocks: of a part the kernel makes zeros. */
    off_t blocks = (st.st_size - BG_LOG_KEEP) / st.st_blksize;
    if (blocks > 0 && st.st_blocks * 512 > BG_LOG_MAX)
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, blocks * st.st_blksize);
}

/* In a process of its own: what lies in a jail is the VMM's, and may be anything. */
static void bound_jails(struct bg_helper *h, __attribute__((unused)) const char *none)
{
    BG_LISTED DIR *d = bg_list(h->jails, "firecracker");
    for (struct dirent *e; d && (e = readdir(d));) {
        BG_CLOSED int root = e->d_name[0] == '.' ? -1 : bg_jail_root(h, e->d_name, NULL);
        if (root < 0)
            continue;
        bg_log_bound(root, "vmm.log");
        bg_log_bound(root, "metrics");
    }
}

void bg_housekeeping(struct bg_helper *h)
{
    BG_LISTED DIR *d = bg_list(h->logs, ".");
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            bg_log_bound(h->logs, e->d_name);
    bg_later(h, bound_jails, "");
    if (faccessat(h->ledger, "net", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        bg_later(h, bg_net_restore, "");
}

void bg_housekeeping_resume(struct bg_helper *h)
{
    int found;
    struct bg_reply f;
    struct bg_vm vm = {0};
    while ((found = bg_vm_next(h, &vm, &f)) == 1 || (found < 0 && f.code == BG_VM_UNPROVEN))
        if (found == 1 && vm.has_disk && !vm.disk_settled && !bg_disk_lost(h, &vm))
            bg_later(h, bg_disk_settle, vm.id);
}
