/*
 * The record files in ledger/: vm-<id>, net, port-<proto>-<number>. A record is groups of fields, each there as a
 * whole or not at all.
 */
#include "ledger.h"
#include "record.h"
#include <stddef.h>

enum kind { NUMBER, LARGE, FLAG, TEXT, DIGEST };
struct field {
    const char *key;
    enum kind kind;
    size_t at, size;
};
#define FIELD(type, member, key, kind)                                                             \
    {                                                                                              \
        key, kind, offsetof(struct type, member), sizeof(((struct type *)0)->member)               \
    }
#define GROUP(g) g, sizeof(g) / sizeof((g)[0])

static const struct field vm_fields[] = {FIELD(bg_vm, slot, "slot", NUMBER)},
                          disk_fields[] = {FIELD(bg_vm, disk_kind, "disk_kind", NUMBER),
                                           FIELD(bg_vm, disk_size, "disk_size", LARGE),
                                           FIELD(bg_vm, disk_base, "disk_base", DIGEST),
                                           FIELD(bg_vm, disk_boot, "disk_boot", TEXT),
                                           FIELD(bg_vm, disk_settled, "disk_settled", FLAG)},
                          origin_fields[] = {FIELD(bg_vm, disk_origin, "disk_origin", DIGEST)},
                          tap_fields[] = {FIELD(bg_vm, tap_ifindex, "tap_ifindex", NUMBER),
                                          FIELD(bg_vm, tap_reach, "tap_reach", NUMBER),
                                          FIELD(bg_vm, tap_boot, "tap_boot", TEXT)},
                          jail_fields[] = {FIELD(bg_vm, jail, "jail", TEXT),
                                           FIELD(bg_vm, jail_boot, "jail_boot", TEXT),
                                           FIELD(bg_vm, engine, "engine", NUMBER)},
                          net_fields[] = {FIELD(bg_net, subnet, "subnet", NUMBER),
                                          FIELD(bg_net, prefix, "prefix", NUMBER),
                                          FIELD(bg_net, ifindex, "ifindex", NUMBER),
                                          FIELD(bg_net, boot, "boot", TEXT)},
                          port_fields[] = {FIELD(bg_port, vm, "vm", TEXT),
                                           FIELD(bg_port, slot, "slot", NUMBER),
                                           FIELD(bg_port, proto, "proto", NUMBER),
                                           FIELD(bg_port, host_port, "host_port", NUMBER),
                                           FIELD(bg_port, guest_port, "guest_port", NUMBER),
                                           FIELD(bg_port, local_only, "local_only", NUMBER)};

static void put(struct bg_record *r, const struct field *g, size_t n, const void *from)
{
    char hex[65];
    for (const struct field *f = g; f < g + n; f++) {
        const void *at = (const char *)from + f->at;
        if (f->kind == DIGEST)
            bg_hex(hex, at, 32);
        if (f->kind == TEXT || f->kind == DIGEST)
            bg_record_set(r, f->key, f->kind == TEXT ? at : hex);
        else
            bg_record_set_u64(r, f->key,
                              f->kind == NUMBER  ? *(const uint32_t *)at
                              : f->kind == LARGE ? *(const uint64_t *)at
                                                 : *(const bool *)at);
    }
}

static bool get_field(const struct bg_record *r, const struct field *f, const char *text, void *at)
{
    uint64_t number;
    if (f->kind == DIGEST)
        return bg_unhex(at, text, 32);
    if (f->kind == TEXT)
        return snprintf(at, f->size, "%s", text) < (int)f->size;
    if (!bg_record_u64(r, f->key, &number))
        return false;
    if (f->kind == LARGE)
        *(uint64_t *)at = number;
    else if (f->kind == NUMBER)
        *(uint32_t *)at = (uint32_t)number;
    else
        *(bool *)at = number;
    return number <= (f->kind == LARGE ? UINT64_MAX : f->kind == NUMBER ? UINT32_MAX : 1);
}

/* 1 when all of the group is there, 0 when nothing is, -EBADMSG. */
static int get(const struct bg_record *r, const struct field *g, size_t n, void *to)
{
    size_t found = 0;
    for (const struct field *f = g; f < g + n; f++) {
        const char *text = bg_record_get(r, f->key);
        if (text && !get_field(r, f, text, (char *)to + f->at))
            return -EBADMSG;
        found += text != NULL;
    }
    return found == n ? 1 : found == 0 ? 0 : -EBADMSG;
}

static int damaged(struct bg_reply *f, const char *name, int error)
{
    return bg_fail(f, error == -EBADMSG ? BG_VM_UNPROVEN : BG_SYSTEM, -error,
                   "ledger entry %s cannot be read: %s", name,
                   error == -EBADMSG ? "damaged, so nothing of it is touched" : strerror(-error));
}

static int forget(struct bg_helper *h, const char *name, struct bg_reply *f)
{
    return unlinkat(h->ledger, name, 0) == 0 || errno == ENOENT
               ? 0
               : bg_sys(f, "remove the ledger entry");
}

static void vm_name(char ret[static 24], const char *id)
{
    snprintf(ret, 24, "vm-%.8s", id);
}

int bg_vm_load(struct bg_helper *h, const char *id, struct bg_vm *ret, struct bg_reply *f)
{
    struct bg_record r;
    struct bg_vm vm = {0};
    char name[24];
    vm_name(name, id);
    int error = bg_record_read(&r, h->ledger, name), disk = 0, origin = 0, tap = 0, jail = 0;
    if (error == -ENOENT)
        return bg_fail(f, BG_VM_ABSENT, 0, "vm %s has no ledger entry; reserve it first", id);
    if (error < 0)
        return damaged(f, name, error);
    snprintf(vm.id, sizeof(vm.id), "%.8s", id);
    if (get(&r, GROUP(vm_fields), &vm) != 1 || vm.slot > BG_SLOT_MAX ||
        (disk = get(&r, GROUP(disk_fields), &vm)) < 0 ||
        (origin = get(&r, GROUP(origin_fields), &vm)) < 0 ||
        (tap = get(&r, GROUP(tap_fields), &vm)) < 0 ||
        (jail = get(&r, GROUP(jail_fields), &vm)) < 0 ||
        (jail && (strlen(vm.jail) != 16 || !bg_valid_id(vm.jail, 16))))
        return damaged(f, name, -EBADMSG);
    vm.has_disk = disk;
    if (!origin)
        memcpy(vm.disk_origin, vm.disk_base, 32);
    vm.has_tap = tap && strcmp(vm.tap_boot, h->boot) == 0;
    if (!vm.has_tap)
        vm.tap_ifindex = 0;
    vm.uid = h->uid_base + vm.slot;
    *ret = vm;
    return 0;
}

int bg_vm_save(struct bg_helper *h, const struct bg_vm *vm, bool durable, struct bg_reply *f)
{
    struct bg_record r = {0};
    struct bg_vm now = *vm;
    char name[24];
    vm_name(name, vm->id);
    memcpy(now.tap_boot, h->boot, sizeof(now.tap_boot));
    put(&r, GROUP(vm_fields), &now);
    if (vm->has_disk)
        put(&r, GROUP(disk_fields), &now);
    if (vm->has_disk && memcmp(vm->disk_origin, vm->disk_base, 32) != 0)
        put(&r, GROUP(origin_fields), &now);
    if (vm->has_tap)
        put(&r, GROUP(tap_fields), &now);
    if (vm->jail[0])
        put(&r, GROUP(jail_fields), &now);
    return bg_step(f, "write the vm's ledger entry", bg_record_write(&r, h->ledger, name, durable));
}

int bg_vm_forget(struct bg_helper *h, const char *id, struct bg_reply *f)
{
    char name[24];
    vm_name(name, id);
    return forget(h, name, f);
}

int bg_vm_open(struct bg_helper *h, const char *id, struct bg_vm *ret, struct bg_reply *f)
{
    return bg_lock_vm(h, id, f) < 0 ? -1 : bg_vm_load(h, id, ret, f);
}

int bg_vm_next(struct bg_helper *h, const char *previous, char ret[static 9], struct bg_reply *f)
{
    char after[24], name[24];
    vm_name(after, previous);
    int found = bg_next_name(h->ledger, "vm-", 11, after, name);
    if (found == 1)
        memcpy(ret, name + 3, 9);
    return found < 0 ? bg_sys(f, "list the ledger") : found;
}

int bg_net_load(struct bg_helper *h, struct bg_net *ret, struct bg_reply *f)
{
    struct bg_record r;
    int error = bg_record_read(&r, h->ledger, "net");
    if (error == 0)
        error = get(&r, GROUP(net_fields), ret);
    if (error == -ENOENT || (error == 1 && strcmp(ret->boot, h->boot) != 0))
        return bg_fail(f, BG_NET_ABSENT, 0,
                       "the instance's network is not up; ask for net_up first");
    if (error != 1 || !bg_private_subnet(ret->subnet, ret->prefix))
        return damaged(f, "net", error < 0 ? error : -EBADMSG);
    bg_net_names(&ret->names, h->instance, ret->subnet, 0);
    return 0;
}

int bg_net_save(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    struct bg_record r = {0};
    struct bg_net now = *net;
    memcpy(now.boot, h->boot, sizeof(now.boot));
    put(&r, GROUP(net_fields), &now);
    return bg_step(f, "write the network's ledger entry",
                   bg_record_write(&r, h->ledger, "net", false));
}

int bg_net_forget(struct bg_helper *h, struct bg_reply *f)
{
    return forget(h, "net", f);
}

static void port_name(char ret[static 24], uint32_t proto, uint32_t host_port)
{
    snprintf(ret, 24, "port-%s-%05u", proto == BG_V_udp ? "udp" : "tcp", host_port);
}

/* 1 found, 0 none, -1 failed */
static int port_read(struct bg_helper *h, const char *name, struct bg_port *ret, struct bg_reply *f)
{
    struct bg_record r;
    int error = bg_record_read(&r, h->ledger, name);
    if (error == -ENOENT)
        return 0;
    if (error == 0 && get(&r, GROUP(port_fields), ret) == 1 && strlen(ret->vm) == 8 &&
        ret->proto <= 1 && ret->host_port <= 65535 && ret->guest_port <= 65535)
        return 1;
    return damaged(f, name, error < 0 ? error : -EBADMSG);
}

int bg_port_load(struct bg_helper *h, uint32_t proto, uint32_t host_port, struct bg_port *ret,
                 struct bg_reply *f)
{
    char name[24];
    port_name(name, proto, host_port);
    return port_read(h, name, ret, f);
}

int bg_port_save(struct bg_helper *h, const struct bg_port *p, struct bg_reply *f)
{
    struct bg_record r = {0};
    char name[24];
    port_name(name, p->proto, p->host_port);
    put(&r, GROUP(port_fields), p);
    return bg_step(f, "write the port's ledger entry", bg_record_write(&r, h->ledger, name, false));
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
    char name[24] = "";
    int found;
    while ((found = bg_next_name(h->ledger, "port-", 14, name, name)) == 1) {
        int there = port_read(h, name, ret, f); /* 0: removed this moment */
        if (there < 0)
            return -1;
        if (there && (!vm || strcmp(vm, ret->vm) == 0) && index-- == 0)
            return 1;
    }
    return found < 0 ? bg_sys(f, "list the ledger") : 0;
}
