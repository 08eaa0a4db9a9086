/* Guest memory: anonymous in QEMU, or the privately mapped memory file of a snapshot (inside/memory.c
 * makes it so), and read out of QEMU's process when it is saved. In the file pages of zeros are
 * holes. */
#ifndef BG_QEMU_MEMORY_H
#define BG_QEMU_MEMORY_H

#include <sys/types.h>

#include "vmm.h"

/* Writes the memory of the stopped process, which is at `from` there, to the empty file fd. */
int bg_memory_save(pid_t pid, uint64_t from, uint64_t size, int fd, uint64_t *ret_sum,
                   struct bg_vmm_error *error);
/* The sum that bg_memory_save told, of what the file holds now. */
int bg_memory_sum(int fd, uint64_t size, uint64_t *ret_sum, struct bg_vmm_error *error);

#endif
