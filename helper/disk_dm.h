/*
 * Disks as device-mapper snapshots, by libdevmapper with udev cookies. Per VM:
 *   banger-<i>-<vm>-origin   linear over the base's loop device, then zero up to the disk's size
 *   banger-<i>-<vm>          snapshot of it, with the persistent exception store disks/<vm> on a loop device
 * The loop device of a base is shared by all its VMs. Everything is removed by what the kernel says of our uuids.
 */
#ifndef BANGER_HELPER_DISK_DM_H
#define BANGER_HELPER_DISK_DM_H
#include "ledger.h"

bool bg_dm_available(void); /* the kernel has the snapshot target */
/* from: the store of a snapshot, to begin with a copy of; -1: an empty one. */
int bg_dm_create(struct bg_helper *h, const struct bg_vm *vm, int from, struct bg_reply *f);
/* Also after a reboot; 0 when it is active. */
int bg_dm_activate(struct bg_helper *h, const struct bg_vm *vm, dev_t *ret, struct bg_reply *f);
/* Devices off, store as large as the new size needs; the caller saves that size and activates. Not while it is open. */
int bg_dm_grow(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f);
int bg_dm_stage(struct bg_helper *h, const struct bg_vm *vm, int jail_root, struct bg_reply *f);
int bg_dm_status(struct bg_helper *h, const struct bg_vm *vm, uint64_t *ret_used,
                 uint32_t *ret_permille, struct bg_reply *f);
int bg_dm_open(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f); /* read-only */
/* The devices alone: the store is a file. */
int bg_dm_remove(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f);
#endif
