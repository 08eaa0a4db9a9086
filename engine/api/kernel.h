/* What can be said of a kernel image without running it. */
#ifndef BG_ENGINE_KERNEL_H
#define BG_ENGINE_KERNEL_H

#include "vmm.h"

/* An ELF image whose segments fit into the memory. 0, or -1 with the loader's text. */
int bg_kernel_check(int fd, uint64_t memory_bytes, struct bg_vmm_error *error);

#endif
