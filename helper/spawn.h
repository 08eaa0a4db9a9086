/*
 * Who starts a VM's jailer and keeps its exit status: the service manager where it is PID 1, else banger-monitor.
 * Either way the VMM is no child of the helper's, and outlives it. The facts are in the VM's struct bg_run.
 */
#ifndef BANGER_HELPER_SPAWN_H
#define BANGER_HELPER_SPAWN_H
#include "ledger.h"

enum { BG_TASKS_MAX = 512, BG_SPAWN_ARGS = 18 };

struct bg_spawn {
    const struct bg_vm *vm;
    char *const *argv;   /* the jailer's BG_SPAWN_ARGS, and NULL */
    int console, errors; /* the VMM's stdout and stderr */
    uint64_t memory_max; /* bytes */
};

/* Under a monitor: returns once the jailer was executed and its record is written. */
int bg_spawn_monitored(struct bg_helper *h, const struct bg_spawn *s, struct bg_reply *f);
/* As a transient service. */
int bg_spawn_service(struct bg_helper *h, const struct bg_spawn *s, struct bg_reply *f);

/* Write how an ended service ended into its record, should that be known. */
void bg_service_collect(struct bg_helper *h, const struct bg_vm *vm);
/* Forget an ended unit. */
void bg_service_forget(struct bg_helper *h, const struct bg_vm *vm);

/* Without systemd: where cgroup v2 is, NULL when the host has no usable hierarchy. */
const char *bg_cgroup_root(void);
/* Waits until the kernel has ended the VMM's last child. */
int bg_cgroup_remove(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f);
#endif
