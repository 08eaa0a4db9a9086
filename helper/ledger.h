/*
 * The ledger: what the helper made, for which VM, and how the kernel knows it. Root-owned, one file per VM, port, and
 * one for the network. An intent is written before its object exists and taken out after the object is gone, so that
 * after a crash the ledger may name too much, never too little; the kernel then decides.
 *
 * Facts of a boot (network, taps, jails) carry the boot id and count as absent under another one.
 * Callers hold the VM's lock (network: BG_LOCK_NET, ports: BG_LOCK_NET).
 */
#ifndef BANGER_HELPER_LEDGER_H
#define BANGER_HELPER_LEDGER_H
#include "helper.h"
#include "record.h"

/* Entries by name (bg_vm_name and its like): 1 found, 0 none, -1 failed; BG_VM_UNPROVEN when it is damaged. */
int bg_load(struct bg_helper *h, struct bg_name entry, void *ret, size_t size, struct bg_reply *f);
int bg_save(struct bg_helper *h, struct bg_name entry, const void *record, size_t size,
            bool durable, struct bg_reply *f);
/* Take the entry of this name (bg_vm_name and its like) out; 0 also when there is none. */
int bg_forget(struct bg_helper *h, struct bg_name entry, struct bg_reply *f);

struct bg_vm {
    char id[9];
    uint32_t slot, uid; /* uid = uid_base + slot */
    bool has_disk;
    bool disk_settled; /* its content is on the medium; else a power cut may have taken it */
    uint32_t disk_kind;
    uint64_t disk_size;
    uint8_t disk_base[32]; /* what it was made of */
    /* What a dm disk stands on, where that is another: it was made of a snapshot. */
    uint8_t disk_origin[32];
    char disk_boot[33];
    bool has_tap;         /* intent or fact of this boot */
    uint32_t tap_ifindex; /* 0: intent */
    uint32_t tap_reach;
    char tap_boot[33];
    char jail[17]; /* "" when none; of this or an earlier boot */
    char jail_boot[33];
    uint32_t engine;
};

/* BG_VM_ABSENT when there is none. */
int bg_vm_load(struct bg_helper *h, const char *id, struct bg_vm *ret, struct bg_reply *f);
int bg_vm_save(struct bg_helper *h, const struct bg_vm *vm, bool durable, struct bg_reply *f);

/* Lock, then load. */
int bg_vm_open(struct bg_helper *h, const char *id, struct bg_vm *ret, struct bg_reply *f);

/*
 * The entry with the least id that is greater than vm->id, loaded into vm: 1 found, 0 none, -1 failed (BG_VM_UNPROVEN:
 * vm->id tells which is damaged). No lock needed.
 */
int bg_vm_next(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f);

/* The record of the VMM in the VM's jail; 0 or negative errno, -ENOENT when there is none of this very jail. */
int bg_run_load(struct bg_helper *h, const struct bg_vm *vm, struct bg_run *ret);
int bg_run_save(struct bg_helper *h, const struct bg_vm *vm, const struct bg_run *run);

struct bg_net {
    uint32_t subnet, prefix;
    uint32_t ifindex;          /* of the bridge; 0: intent */
    char boot[33];             /* set by bg_net_save */
    struct bg_net_names names; /* of slot 0: bridge, table, gateway */
};
int bg_net_load(struct bg_helper *h, struct bg_net *ret, struct bg_reply *f); /* BG_NET_ABSENT */
int bg_net_save(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f);

struct bg_port {
    uint32_t proto, host_port, guest_port, local_only, slot;
    char vm[9];
};
/* The port that follows `port` (from all zeros on) in name order, into it; 1 found, 0 none, -1 failed. Under BG_LOCK_NET. */
int bg_port_next(struct bg_helper *h, struct bg_port *port, struct bg_reply *f);
#endif
