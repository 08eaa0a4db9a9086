/* The record files in ledger/: vm-<id>, net, port-<proto>-<number>. */
#include "ledger.h"

int bg_load(struct bg_helper *h, struct bg_name entry, void *ret, size_t size, struct bg_reply *f)
{
    int error = bg_record_read(h->ledger, entry.s, ret, size);
    if (error == -EBADMSG)
        return bg_fail(f, BG_VM_UNPROVEN, EBADMSG,
                       "ledger entry %s is damaged, so nothing of it is touched", entry.s);
    return error == -ENOENT ? 0 : error < 0 ? bg_step(f, "read the ledger entry", error) : 1;
}

int bg_save(struct bg_helper *h, struct bg_name entry, const void *record, size_t size,
            bool durable, struct bg_reply *f)
{
    return bg_step(f, "write the ledger entry",
                   bg_record_write(h->ledger, entry.s, record, size, durable));
}

int bg_forget(struct bg_helper *h, struct bg_name entry, struct bg_reply *f)
{
    return unlinkat(h->ledger, entry.s, 0) == 0 || errno == ENOENT
               ? 0
               : bg_sys(f, "remove the ledger entry");
}

int bg_vm_load(struct bg_helper *h, const char *id, struct bg_vm *ret, struct bg_reply *f)
{
    struct bg_vm vm;
    int found = bg_load(h, bg_vm_name(id), &vm, sizeof(vm), f);
    if (found <= 0)
        return found < 0
                   ? -1
                   : bg_fail(f, BG_VM_ABSENT, 0, "vm %s has no ledger entry; reserve it first", id);
    if (memcmp(vm.id, id, sizeof(vm.id)) != 0 || vm.slot > BG_SLOT_MAX ||
        (vm.jail[0] && !bg_valid_id(vm.jail, 16)))
        return bg_fail(f, BG_VM_UNPROVEN, EBADMSG, "the ledger entry of vm %s is not its own", id);
    vm.has_tap = vm.has_tap && strcmp(vm.tap_boot, h->boot) == 0;
    vm.tap_ifindex = vm.has_tap ? vm.tap_ifindex : 0;
    vm.uid = h->uid_base + vm.slot;
    *ret = vm;
    return 0;
}

int bg_vm_save(struct bg_helper *h, const struct bg_vm *vm, bool durable, struct bg_reply *f)
{
    struct bg_vm now = *vm;
    memcpy(now.tap_boot, h->boot, sizeof(now.tap_boot));
    return bg_save(h, bg_vm_name(vm->id), &now, sizeof(now), durable, f);
}

int bg_vm_open(struct bg_helper *h, const char *id, struct bg_vm *ret, struct bg_reply *f)
{
    return bg_lock_vm(h, id, f) < 0 ? -1 : bg_vm_load(h, id, ret, f);
}

int bg_vm_next(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f)
{
    char name[24];
    int found;
    while ((found = bg_next_name(h->ledger, "vm-", 11, bg_vm_name(vm->id).s, name)) == 1) {
        memcpy(vm->id, name + 3, sizeof(vm->id));
        if (bg_vm_load(h, vm->id, vm, f) == 0)
            return 1;
        if (f->code != BG_VM_ABSENT) /* else it was torn down this moment */
            return -1;
    }
    return found < 0 ? bg_sys(f, "list the ledger") : 0;
}

int bg_run_load(struct bg_helper *h, const struct bg_vm *vm, struct bg_run *ret)
{
    int error = bg_record_read(h->run, bg_run_name(vm->id).s, ret, sizeof(*ret));
    return error < 0 ? error : memcmp(ret->jail, vm->jail, sizeof(vm->jail)) == 0 ? 0 : -ENOENT;
}

int bg_run_save(struct bg_helper *h, const struct bg_vm *vm, const struct bg_run *run)
{
    return bg_record_write(h->run, bg_run_name(vm->id).s, run, sizeof(*run), false);
}

/* What is derived from the rest is not stored. */
static const size_t net_size = offsetof(struct bg_net, names);

int bg_net_load(struct bg_helper *h, struct bg_net *ret, struct bg_reply *f)
{
    int found = bg_load(h, bg_net_name(), ret, net_size, f);
    if (found < 0)
        return -1;
    if (!found || strcmp(ret->boot, h->boot) != 0)
        return bg_fail(f, BG_NET_ABSENT, 0,
                       "the instance's network is not up; ask for net_up first");
    ret->names = bg_net_names(h->instance, ret->subnet, 0);
    return 0;
}

int bg_net_save(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    struct bg_net now = *net;
    memcpy(now.boot, h->boot, sizeof(now.boot));
    return bg_save(h, bg_net_name(), &now, net_size, false, f);
}

int bg_port_next(struct bg_helper *h, struct bg_port *port, struct bg_reply *f)
{
    char name[24];
    struct bg_name after = bg_port_name(port->proto, port->host_port);
    int found = bg_next_name(h->ledger, "port-", 14, after.s, name);
    return found < 0   ? bg_sys(f, "list the ledger")
           : found > 0 ? bg_load(h, bg_name("%s", name), port, sizeof(*port), f)
                       : 0;
}
