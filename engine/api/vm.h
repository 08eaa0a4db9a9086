/* The microVM as the API sees it: its configuration, its phase, and the VMM behind it. */
#ifndef BG_ENGINE_VM_H
#define BG_ENGINE_VM_H

#include "config.h"
#include "value.h"
#include "vmm.h"

#define BG_VERSION "1.16.1" /* the release whose contract this is */

enum bg_phase { BG_NOT_STARTED, BG_RUNNING, BG_PAUSED };

struct bg_vm {
    struct bg_loop *loop;
    const char *id;
    enum bg_phase phase;
    bool boot_path; /* a call was made that forbids /snapshot/load */
    struct bg_config config;
    struct bg_serial serial;
    struct bg_value *mmds; /* NULL: never set */
    size_t mmds_limit;
    struct bg_vmm *vmm; /* NULL before the start */
};

/* An empty configuration with Firecracker's defaults: 1 vCPU, 128 MiB. 0 or -ENOMEM. */
int bg_vm_init(struct bg_vm *vm, struct bg_loop *loop, const char *id, size_t mmds_limit);
/* Closes what the configuration holds and frees it. */
void bg_config_release(struct bg_config *config);

#endif
