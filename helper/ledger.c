/* Typed faces of the record files in ledger/: vm-<id>, net, port-<proto>-<number>. */
#include "ledger.h"
#include "record.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int damaged(struct bg_reply *f, const char *name, int error)
{
    return bg_fail(f, error == -EBADMSG ? BG_VM_UNPROVEN : BG_SYSTEM, -error,
                   "ledger entry %s cannot be read: %s", name,
                   error == -EBADMSG ? "damaged, so nothing of it is touched" : strerror(-error));
}

static int absent(struct bg_reply *f, const char *id)
{
    return bg_fail(f, BG_VM_ABSENT, 0, "vm %s has no ledger entry; reserve it first", id);
}

static bool parse_disk(const struct bg_record *r, struct bg_vm *vm)
{
    const char *base = bg_record_get(r, "disk_base"), *boot = bg_record_get(r, "disk_boot");
    uint32_t settled;
    if (!bg_record_u32(r, "disk_kind", &vm->disk_kind))
        return true;
    vm->has_disk = true;
    if (!base || !boot || !bg_record_u32(r, "disk_settled", &settled))
        return false;
    vm->disk_settled = settled;
    snprintf(vm->disk_boot, sizeof(vm->disk_boot), "%.32s", boot);
    return bg_unhex(vm->disk_base, base, 32) && bg_record_u64(r, "disk_size", &vm->disk_size);
}

static bool parse_tap(const struct bg_record *r, const char *boot, struct bg_vm *vm)
{
    const char *made = bg_record_get(r, "tap_boot");
    if (!made || strcmp(made, boot) != 0)
        return true;
    vm->has_tap = true;
    return bg_record_u32(r, "tap_ifindex", &vm->tap_ifindex) &&
           bg_record_u32(r, "tap_reach", &vm->tap_reach);
}

static bool parse_jail(const struct bg_record *r, struct bg_vm *vm)
{
    const char *jail = bg_record_get(r, "jail"), *boot = bg_record_get(r, "jail_boot");
    if (!jail)
        return true;
    if (strlen(jail) != 16 || !bg_valid_id(jail, 16) || !boot)
        return false;
    snprintf(vm->jail, sizeof(vm->jail), "%.16s", jail);
    snprintf(vm->jail_boot, sizeof(vm->jail_boot), "%.32s", boot);
    return bg_record_u32(r, "engine", &vm->engine);
}

int bg_vm_load(struct bg_helper *h, const char *id, struct bg_vm *ret, struct bg_reply *f)
{
    struct bg_record r;
    struct bg_vm vm = {0};
    char name[16];
    snprintf(name, sizeof(name), "vm-%.8s", id);
    int error = bg_record_read(&r, h->ledger, name);
    if (error == -ENOENT)
        return absent(f, id);
    if (error < 0)
        return damaged(f, name, error);
    snprintf(vm.id, sizeof(vm.id), "%.8s", id);
    if (!bg_record_u32(&r, "slot", &vm.slot) || vm.slot > BG_SLOT_MAX || !parse_disk(&r, &vm) ||
        !parse_tap(&r, h->boot, &vm) || !parse_jail(&r, &vm))
        return damaged(f, name, -EBADMSG);
    vm.uid = h->uid_base + vm.slot;
    *ret = vm;
    return 0;
}

int bg_vm_save(struct bg_helper *h, const struct bg_vm *vm, bool durable, struct bg_reply *f)
{
    struct bg_record r = {0};
    char name[16], digest[65];
    bg_record_set_u64(&r, "slot", vm->slot);
    if (vm->has_disk) {
        bg_hex(digest, vm->disk_base, 32);
        bg_record_set_u64(&r, "disk_kind", vm->disk_kind);
        bg_record_set_u64(&r, "disk_size", vm->disk_size);
        bg_record_set(&r, "disk_base", digest);
        bg_record_set(&r, "disk_boot", vm->disk_boot);
        bg_record_set_u64(&r, "disk_settled", vm->disk_settled);
    }
    if (vm->has_tap) {
        bg_record_set_u64(&r, "tap_ifindex", vm->tap_ifindex);
        bg_record_set_u64(&r, "tap_reach", vm->tap_reach);
        bg_record_set(&r, "tap_boot", h->boot);
    }
    if (vm->jail[0]) {
        bg_record_set(&r, "jail", vm->jail);
        bg_record_set(&r, "jail_boot", vm->jail_boot);
        bg_record_set_u64(&r, "engine", vm->engine);
    }
    snprintf(name, sizeof(name), "vm-%.8s", vm->id);
    int error = bg_record_write(&r, h->ledger, name, durable);
    errno = -error;
    return error < 0 ? bg_sys(f, "write the vm's ledger entry") : 0;
}

static int forget(struct bg_helper *h, const char *name, struct bg_reply *f)
{
    if (unlinkat(h->ledger, name, 0) < 0 && errno != ENOENT)
        return bg_sys(f, "remove the ledger entry");
    return 0;
}

int bg_vm_forget(struct bg_helper *h, const char *id, struct bg_reply *f)
{
    char name[16];
    snprintf(name, sizeof(name), "vm-%.8s", id);
    return forget(h, name, f);
}

int bg_vm_open(struct bg_helper *h, const char *id, struct bg_vm *ret, struct bg_reply *f)
{
    return bg_lock_vm(h, id, f) < 0 ? -1 : bg_vm_load(h, id, ret, f);
}

static DIR *entries(struct bg_helper *h, struct bg_reply *f)
{
    int fd = bg_open(h->ledger, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        bg_sys(f, "list the ledger");
        bg_close(&fd);
    }
    return d;
}

int bg_vm_next(struct bg_helper *h, const char *previous, char ret[static 9], struct bg_reply *f)
{
    char after[9]; /* previous may be ret */
    DIR *d = entries(h, f);
    bool found = false;
    snprintf(after, sizeof(after), "%.8s", previous);
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir(d));) {
        const char *id = e->d_name + 3;
        if (strncmp(e->d_name, "vm-", 3) != 0 || strlen(id) != 8 || !bg_valid_id(id, 8))
            continue;
        if (strcmp(id, after) > 0 && (!found || strcmp(id, ret) < 0)) {
            snprintf(ret, 9, "%.8s", id);
            found = true;
        }
    }
    closedir(d);
    return found;
}

int bg_net_load(struct bg_helper *h, struct bg_net *ret, struct bg_reply *f)
{
    struct bg_record r;
    int error = bg_record_read(&r, h->ledger, "net");
    if (error < 0 && error != -ENOENT)
        return damaged(f, "net", error);
    const char *boot = error == 0 ? bg_record_get(&r, "boot") : NULL;
    if (!boot || strcmp(boot, h->boot) != 0)
        return bg_fail(f, BG_NET_ABSENT, 0,
                       "the instance's network is not up; ask for net_up first");
    if (!bg_record_u32(&r, "subnet", &ret->subnet) || !bg_record_u32(&r, "prefix", &ret->prefix) ||
        !bg_record_u32(&r, "ifindex", &ret->ifindex) ||
        !bg_private_subnet(ret->subnet, ret->prefix))
        return damaged(f, "net", -EBADMSG);
    bg_net_names(&ret->names, h->instance, ret->subnet, 0);
    return 0;
}

int bg_net_save(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    struct bg_record r = {0};
    bg_record_set(&r, "boot", h->boot);
    bg_record_set_u64(&r, "subnet", net->subnet);
    bg_record_set_u64(&r, "prefix", net->prefix);
    bg_record_set_u64(&r, "ifindex", net->ifindex);
    int error = bg_record_write(&r, h->ledger, "net", false);
    errno = -error;
    return error < 0 ? bg_sys(f, "write the network's ledger entry") : 0;
}

int bg_net_forget(struct bg_helper *h, struct bg_reply *f)
{
    return forget(h, "net", f);
}

static void port_name(char ret[static 24], uint32_t proto, uint32_t host_port)
{
    snprintf(ret, 24, "port-%s-%05u", proto == BG_V_udp ? "udp" : "tcp", host_port);
}

static int port_read(struct bg_helper *h, const char *name, struct bg_port *ret)
{
    struct bg_record r;
    int error = bg_record_read(&r, h->ledger, name);
    if (error < 0)
        return error;
    const char *vm = bg_record_get(&r, "vm");
    if (!vm || strlen(vm) != 8 || !bg_record_u32(&r, "proto", &ret->proto) || ret->proto > 1 ||
        !bg_record_u32(&r, "host_port", &ret->host_port) || ret->host_port > 65535 ||
        !bg_record_u32(&r, "guest_port", &ret->guest_port) || ret->guest_port > 65535 ||
        !bg_record_u32(&r, "local_only", &ret->local_only) ||
        !bg_record_u32(&r, "slot", &ret->slot))
        return -EBADMSG;
    snprintf(ret->vm, sizeof(ret->vm), "%.8s", vm);
    return 0;
}

int bg_port_load(struct bg_helper *h, uint32_t proto, uint32_t host_port, struct bg_port *ret,
                 struct bg_reply *f)
{
    char name[24];
    port_name(name, proto, host_port);
    int error = port_read(h, name, ret);
    if (error == -ENOENT)
        return 0;
    return error < 0 ? damaged(f, name, error) : 1;
}

int bg_port_save(struct bg_helper *h, const struct bg_port *p, struct bg_reply *f)
{
    struct bg_record r = {0};
    char name[24];
    port_name(name, p->proto, p->host_port);
    bg_record_set(&r, "vm", p->vm);
    bg_record_set_u64(&r, "slot", p->slot);
    bg_record_set_u64(&r, "proto", p->proto);
    bg_record_set_u64(&r, "host_port", p->host_port);
    bg_record_set_u64(&r, "guest_port", p->guest_port);
    bg_record_set_u64(&r, "local_only", p->local_only);
    int error = bg_record_write(&r, h->ledger, name, false);
    errno = -error;
    return error < 0 ? bg_sys(f, "write the port's ledger entry") : 0;
}

int bg_port_forget(struct bg_helper *h, uint32_t proto, uint32_t host_port, struct bg_reply *f)
{
    char name[24];
    port_name(name, proto, host_port);
    return forget(h, name, f);
}

int bg_port_at(struct bg_helper *h, const char *vm, uint32_t index, struct bg_port *ret,
               struct bg_reply *f)
{
    char last[24] = "", best[24];
    for (;;) {
        DIR *d = entries(h, f);
        if (!d)
            return -1;
        best[0] = 0;
        for (struct dirent *e; (e = readdir(d));)
            if (strncmp(e->d_name, "port-", 5) == 0 && strlen(e->d_name) == 14 &&
                strcmp(e->d_name, last) > 0 && (!best[0] || strcmp(e->d_name, best) < 0))
                snprintf(best, sizeof(best), "%.14s", e->d_name);
        closedir(d);
        if (!best[0])
            return 0;
        memcpy(last, best, sizeof(last));
        int error = port_read(h, best, ret);
        if (error < 0)
            return damaged(f, best, error);
        if ((!vm || strcmp(vm, ret->vm) == 0) && index-- == 0)
            return 1;
    }
}
