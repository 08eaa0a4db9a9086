/* Bounded logs; our rules beside Docker's; and disks whose writing to the medium was interrupted (op_disk.c). */
#include "housekeeping.h"
#include "op.h"

/*
 * Keep the end of a log that its writer has open for appending. What is written between our read and the cut is
 * lost, which a console may.
 */
static void cut(int logs, const char *name)
{
    static char tail[BG_LOG_KEEP];
    struct stat st;
    BG_CLOSED int fd = bg_open(logs, name, O_RDWR | O_APPEND, 0);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= BG_LOG_MAX)
        return;
    ssize_t n = pread(fd, tail, sizeof(tail), st.st_size - BG_LOG_KEEP);
    if (n > 0 && ftruncate(fd, 0) == 0)
        bg_write_all(fd, tail, (size_t)n);
}

void bg_housekeeping(struct bg_helper *h)
{
    BG_LISTED DIR *d = bg_list(h->logs, ".");
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            cut(h->logs, e->d_name);
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
