/* Guest memory as a file of /dev/shm, so that a snapshot can be taken from outside QEMU: the jailer
 * mounts one for this process alone. Where there is none, memory is anonymous and the VM has no
 * snapshots. */
#ifndef BG_QEMU_MEMORY_H
#define BG_QEMU_MEMORY_H

#include "vmm.h"

struct bg_memory {
    char path[64]; /* "" when memory is anonymous */
    int fd;        /* -1 then */
};

int bg_memory_create(uint64_t size, struct bg_memory *ret, struct bg_vmm_error *error);
/* Removes the name; whoever has the file open keeps it. */
void bg_memory_unname(struct bg_memory *memory);

#endif
