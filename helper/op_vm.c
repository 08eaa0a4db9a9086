/* Who we are, and a VM as a whole: reserve, list, tear down. */
#include "disk_dm.h"
#include "op.h"
#include "spawn.h"
#include <sys/resource.h>

enum { SYSTEMD = 1, DM = 2, REFLINK = 4, CGROUP2 = 8 };

static bool can_reflink(struct bg_helper *h)
{
    uint32_t kind = BG_V_reflink; /* of an empty file: asks the file system, shares nothing */
    BG_CLOSED int from = bg_unnamed_file(h->disks);
    BG_CLOSED int to = from < 0 ? -1 : bg_duplicate(h->disks, from, &kind);
    return to >= 0;
}

static uint32_t features(struct bg_helper *h)
{
    return (h->by_systemd ? SYSTEMD : 0) | (bg_dm_available() ? DM : 0) |
           (can_reflink(h) ? REFLINK : 0) | (bg_cgroup_root() ? CGROUP2 : 0);
}

/* Safe because it tells the owner only what the owner's own processes can read anyway. */
BG_ACT(hello)
{
    struct bg_net net;
    bg_unhex(r->boot_id.b, h->boot, 16);
    r->owner_uid = h->owner;
    r->uid_base = h->uid_base;
    r->uid_count = BG_UID_COUNT;
    r->features = features(h);
    if (bg_net_load(h, &net, f) == 0) {
        r->subnet = net.subnet;
        r->prefix = net.prefix;
    }
    return 0;
}

/* Does a process or a file of ours still belong to this uid: a disk, or a jail's root? */
static int uid_is_used(struct bg_helper *h, uid_t uid, struct bg_reply *f)
{
    const struct {
        int dir;
        const char *path, *below;
    } places[] = {{h->disks, ".", ""}, {h->jails, "firecracker", "/root"}};
    errno = 0; /* the kernel looks through all threads for one of this real uid */
    getpriority(PRIO_USER, uid);
    if (errno != ESRCH)
        return 1;
    for (size_t i = 0; i < 2; i++) {
        struct stat st;
        BG_LISTED DIR *d = bg_list(places[i].dir, places[i].path);
        for (struct dirent *e; d && (errno = 0, e = readdir(d));) {
            struct bg_name path = bg_name("%.80s%s", e->d_name, places[i].below);
            if (e->d_name[0] != '.' && fstatat(dirfd(d), path.s, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                st.st_uid == uid)
                return 1;
        }
        if (d ? errno != 0 : errno != ENOENT)
            return bg_sys(f, "look for what has the uid");
    }
    return 0;
}

static int slot_is_free(struct bg_helper *h, const char *vm, uint32_t slot, struct bg_reply *f)
{
    struct bg_vm other = {0};
    uint32_t count = 0;
    int found;
    for (; (found = bg_vm_next(h, &other, f)) == 1; count++)
        if (other.slot == slot && strcmp(other.id, vm) != 0)
            return bg_fail(f, BG_VM_CONFLICT, 0, "slot: %u is vm %s's", slot, other.id);
    if (found < 0)
        return -1;
    if (count >= h->vms_max)
        return bg_fail(f, BG_LIMIT, 0,
                       "the instance has its %u VMs; delete one or raise vms in its config",
                       h->vms_max);
    if ((found = uid_is_used(h, h->uid_base + slot, f)) > 0)
        return bg_fail(f, BG_VM_CONFLICT, EBUSY,
                       "slot: a process or file still has uid %u; choose another slot",
                       h->uid_base + slot);
    return found;
}

/* Safe because it only reserves; the uid is from the instance's own range and nobody has it. */
BG_ACT(vm_reserve)
{
    struct bg_net net;
    struct bg_vm vm = {.slot = a->slot, .uid = h->uid_base + a->slot};
    if (bg_lock_vm(h, a->vm.s, f) < 0 || bg_lock(h, BG_LOCK_SLOTS, f) < 0 ||
        bg_net_load(h, &net, f) < 0)
        return -1;
    if (a->slot >= bg_slots(net.prefix))
        return bg_fail(f, BG_BAD_REQUEST, 0, "slot: the network has %u addresses for VMs",
                       bg_slots(net.prefix));
    /* Whoever asked may be gone since, and somebody else have torn down what would now be made. */
    if (poll(&(struct pollfd){.fd = h->connection}, 1, 0) != 0)
        return bg_fail(f, BG_BAD_REQUEST, 0, "nobody waits for this any more");
    memcpy(vm.id, a->vm.s, sizeof(vm.id));
    bool there = bg_vm_load(h, a->vm.s, &vm, f) == 0;
    if (!there && f->code != BG_VM_ABSENT)
        return -1;
    if (there && vm.slot != a->slot)
        return bg_fail(f, BG_VM_CONFLICT, 0, "slot: vm %s has slot %u", vm.id, vm.slot);
    if (!there && (slot_is_free(h, vm.id, a->slot, f) < 0 || bg_vm_save(h, &vm, true, f) < 0))
        return -1;
    struct bg_net_names n = bg_net_names(h->instance, net.subnet, vm.slot);
    r->uid = vm.uid;
    r->address = n.address;
    memcpy(r->mac.b, n.mac, sizeof(r->mac.b));
    snprintf(r->ifname.s, sizeof(r->ifname.s), "%s", n.tap);
    return 0;
}

static void remove_logs(struct bg_helper *h, const char *vm)
{
    static const char *const kinds[] = {"console", "stderr", "vmm", "metrics"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        unlinkat(h->logs, bg_log_name(vm, kinds[i]).s, 0);
}

/* Safe because each object is removed only when ledger and kernel agree that it is this VM's. */
BG_ACT(vm_teardown)
{
    struct bg_vm vm;
    if (bg_vm_open(h, a->vm.s, &vm, f) < 0)
        return f->code == BG_VM_ABSENT ? 0 : -1;
    bool runtime = vm.jail[0] || vm.has_tap;
    if (bg_jail_remove(h, &vm, f) < 0 || bg_ports_remove(h, vm.id, f) < 0 ||
        bg_tap_remove(h, &vm, f) < 0) {
        bg_vm_save(h, &vm, false, NULL);
        return -1;
    }
    if (a->extent == BG_V_runtime)
        return runtime ? bg_vm_save(h, &vm, false, f) : 0;
    if (bg_disk_remove(h, &vm, f) < 0)
        return -1;
    remove_logs(h, vm.id);
    return bg_forget(h, bg_vm_name(vm.id), f);
}

/* Safe because it reads the instance's own objects. */
BG_ACT(vm_list)
{
    struct bg_vm vm;
    struct bg_jail_state now;
    memset(r->vm.s, '0', 8);
    memset(r->jail.s, '0', 16);
    memcpy(vm.id, a->after.s, sizeof(vm.id));
    int found;
    while ((found = bg_vm_next(h, &vm, f)) == 1 && bg_vm_open(h, vm.id, &vm, f) < 0) {
        if (f->code != BG_VM_ABSENT)
            return -1;
        bg_unlock(h);
    }
    if (found <= 0)
        return found;
    if (bg_jail_look(h, &vm, &now, f) < 0)
        return -1;
    bg_close(&now.watch);
    BG_RUN_RESULT(r, now);
    memcpy(r->vm.s, vm.id, sizeof(r->vm.s));
    r->found = 1;
    r->slot = vm.slot;
    r->uid = vm.uid;
    r->disk = vm.has_disk && !bg_disk_lost(h, &vm) ? vm.disk_kind : BG_V_auto;
    r->tap = vm.has_tap;
    r->jail_state = now.state;
    return 0;
}
