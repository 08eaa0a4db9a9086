/* Files that QEMU is given for the time of its start. */
#ifndef BG_QEMU_SCRATCH_H
#define BG_QEMU_SCRATCH_H

#include "vmm.h"

enum { BG_SCRATCH_MAX = 32 };

/* An empty file of this user's alone: in the current directory, which a jail's root is, else in
 * /tmp. The descriptor, or -1 with the text and an empty path. The caller unlinks it. */
int bg_scratch(char ret_path[BG_SCRATCH_MAX], struct bg_vmm_error *error);

/* A file with the object that runs inside QEMU (inside/memory.c), for the loader; 0, or -1. */
int bg_scratch_inside(char ret_path[BG_SCRATCH_MAX], struct bg_vmm_error *error);

/* A file of holes, which guest memory begins as; 0, or -1 with the text. */
int bg_scratch_memory(uint64_t size, char ret_path[BG_SCRATCH_MAX], struct bg_vmm_error *error);

#endif
