/* What the op_*.c files lend each other, mostly for vm_teardown and vm_list. Same rules as act functions (helper.h). */
#ifndef BANGER_HELPER_OP_H
#define BANGER_HELPER_OP_H
#include "ledger.h"

/* op_net.c: 0 also when there is none; clears the VM's fields, the caller saves. */
int bg_tap_remove(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f);
int bg_ports_remove(struct bg_helper *h, const char *vm, struct bg_reply *f);

/*
 * beside.c. firewalld: the bridge is in zone "trusted", because what may pass is decided in our own tables.
 * systemd-resolved: names below our zone, and no others, are asked of the bridge's address. `wanted` false takes the
 * zone's entry back; resolved forgets with the link. Neither is started for us, and what one refuses goes to the log: VMs
 * do not depend on it.
 */
void bg_beside(struct bg_helper *h, const struct bg_net *net, bool wanted);

/* For bg_later, now and then: puts back what other programs took out, and follows the uplink. */
void bg_net_restore(struct bg_helper *h, const char *none);

/* op_base.c: refuse what is no regular file open for reading, of 1 to max bytes, on a file system that cannot stall. */
int bg_check_file(int fd, const char *field, uint64_t max, uint64_t *ret_size, struct bg_reply *f);
/* The store: bases/<64 hex digits of the digest> and what is said behind, as "/disk". */
struct bg_name bg_store_name(const uint8_t digest[32], const char *behind);
/* What lies in the store under a name of 64 hex digits. */
struct bg_entry {
    uint32_t kind;      /* E_entry */
    uint32_t links;     /* jails that have its file, a snapshot's memory */
    uint64_t size;      /* of the base, or of the disk that was saved */
    uint64_t used[3];   /* bytes: base or disk, memory, state */
    uint32_t disk_kind; /* of a snapshot, E_kind; dm: its file is a store over origin */
    uint8_t origin[32]; /* what the content stands on: a base on itself, a file on nothing */
};
/* 0, or a negative errno with nothing in ret; -ENOENT: there is none. */
int bg_entry_load(struct bg_helper *h, const char *name, struct bg_entry *ret);
/* An fd of an admitted base, or BG_BASE_ABSENT. With ret also of a snapshot's disk. */
int bg_base_open(struct bg_helper *h, const uint8_t digest[32], struct bg_entry *ret,
                 struct bg_reply *f);

/*
 * A disk made ahead for each base. Where the file system cannot share blocks, copying the image is the longest step of
 * a create by far; the copy is taken off its path. <digest>.spare is complete and on the medium. Who claims it renames
 * it, so that one wins, and a crash costs no more than the spare. The next one is made in the background, while the
 * disk has plenty of room. It goes with its base.
 */
/* For bg_later; `base` is the digest in hex. A failure is no loss: the next disk is copied on demand. */
void bg_spare_fill(struct bg_helper *h, const char *base);

/* op_snap.c: memory and state into a jail's root. */
int bg_snap_stage(struct bg_helper *h, const uint8_t digest[32], int jail_root, struct bg_reply *f);

/* op_disk.c: what a start needs, and the end of a disk. */
/* Else BG_DISK_ABSENT. */
int bg_disk_need(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f);
/* As "disk". */
int bg_disk_stage(struct bg_helper *h, const struct bg_vm *vm, int jail_root, struct bg_reply *f);
int bg_disk_remove(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f);
void bg_disk_settle(struct bg_helper *h, const char *vm);
/* 1: the content may have been lost with the power; such a disk counts as absent. */
bool bg_disk_lost(struct bg_helper *h, const struct bg_vm *vm);

/* op_jail.c */
struct bg_jail_state {
    uint32_t state;    /* E_jail */
    struct bg_run run; /* without a jail: of 16 zeros */
    int watch;         /* pidfd of a running VMM, the caller's to close; else -1 */
};
int bg_jail_look(struct bg_helper *h, const struct bg_vm *vm, struct bg_jail_state *ret,
                 struct bg_reply *f);
/* As bg_vm_open, and the pidfd of its running VMM; else BG_VM_UNPROVEN or BG_JAIL_ABSENT. ret is filled all the same. */
int bg_jail_open(struct bg_helper *h, const char *id, struct bg_vm *ret_vm,
                 struct bg_jail_state *ret, struct bg_reply *f);
/* 0 when no VMM runs, else BG_VM_ALIVE. */
int bg_jail_idle(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f);
/* Kills, waits, cleans. */
int bg_jail_remove(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f);

/* The results that tell of a VMM. */
#define BG_RUN_RESULT(r, now)                                                                      \
    do {                                                                                           \
        memcpy((r)->jail.s, (now).run.jail, sizeof((r)->jail.s));                                  \
        (r)->pid = (now).run.pid;                                                                  \
        (r)->start = (now).run.start;                                                              \
    } while (0)

/* op_connect.c: the listening socket <vsock>_1024; as the VM's uid when its jail may be live. */
int bg_notify_listen(const struct bg_vm *vm, int jail_root, struct bg_reply *f);
/*
 * One event of the folder makes h->notes readable. The inotify is the worker's for good: closing one waits for a grace
 * period of the kernel, some 10 ms, also at the worker's end; so who need not wait for anything makes none.
 */
int bg_watch(struct bg_helper *h, int folder, uint32_t mask);
/* The jail's root folder, opened without following links. */
int bg_jail_root(struct bg_helper *h, const char *jail, struct bg_reply *f);

/* engine.c: open an absolute path whose every folder is root's alone; -1 and errno. */
int bg_open_trusted(const char *path);
/* The engine's folder, opened, proven to be root's alone. */
int bg_engine_open(struct bg_helper *h, uint32_t number, struct bg_name *ret_path,
                   struct bg_reply *f);
#endif
