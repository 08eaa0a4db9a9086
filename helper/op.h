/* What the op_*.c files lend each other, mostly for vm_teardown and vm_list. Same rules as act functions (helper.h). */
#ifndef BANGER_HELPER_OP_H
#define BANGER_HELPER_OP_H
#include "ledger.h"

/* op_net.c: 0 also when there is none; clears the VM's fields, the caller saves. */
int bg_tap_remove(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f);
int bg_ports_remove(struct bg_helper *h, const char *vm, struct bg_reply *f);

/* For bg_later, now and then: puts back what another program took out of its own tables. */
void bg_net_restore(struct bg_helper *h, const char *unused);

/* op_base.c: refuse what is no regular file open for reading, of 1 to max bytes, on a file system that cannot stall. */
int bg_check_file(int fd, const char *field, uint64_t max, uint64_t *ret_size, struct bg_reply *f);
/* An fd of an admitted base, or BG_BASE_ABSENT. Its size where asked for. */
int bg_base_open(struct bg_helper *h, const uint8_t digest[32], uint64_t *ret_size,
                 struct bg_reply *f);

/* op_disk.c: what a start needs, and the end of a disk. */
int bg_disk_stage(struct bg_helper *h, const struct bg_vm *vm, int jail_root,
                  struct bg_reply *f); /* as "disk" */
int bg_disk_remove(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f);
void bg_disk_settle(struct bg_helper *h, const char *vm);
/* 1: the content may have been lost with the power; such a disk counts as absent. */
bool bg_disk_lost(struct bg_helper *h, const struct bg_vm *vm);

/* op_jail.c */
struct bg_jail_state {
    uint32_t state; /* E_jail */
    char jail[17];
    uint32_t pid;
    uint64_t start;
    int32_t exit_code;
    uint32_t exit_signal;
    int watch; /* pidfd of a running VMM, the caller's to close; else -1 */
};
int bg_jail_look(struct bg_helper *h, const struct bg_vm *vm, struct bg_jail_state *ret,
                 struct bg_reply *f);
int bg_jail_remove(struct bg_helper *h, struct bg_vm *vm,
                   struct bg_reply *f); /* kills, waits, cleans */

/* op_connect.c: the listening socket <vsock>_1024; as the VM's uid when its jail may be live. */
int bg_notify_listen(struct bg_helper *h, const struct bg_vm *vm, int jail_root,
                     struct bg_reply *f);
/* The jail's root folder, opened without following links. */
int bg_jail_root(struct bg_helper *h, const char *jail, struct bg_reply *f);

/* engine.c: open an absolute path whose every folder is root's alone; -1 and errno. */
int bg_open_trusted(const char *path);
/* The engine's folder, opened, proven to be root's alone. */
int bg_engine_open(struct bg_helper *h, uint32_t number, char ret_path[static BG_PATH_MAX],
                   struct bg_reply *f);
#endif
