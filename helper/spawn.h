/*
 * Who starts a VM's jailer and keeps its exit status: the service manager where it is PID 1, else banger-monitor.
 * Either way the VMM is no child of the helper's, and outlives it.
 *
 * The facts are in the run folder's record "jail-<vm>": jail, pid, start, and after the end exit and signal.
 */
#ifndef BANGER_HELPER_SPAWN_H
#define BANGER_HELPER_SPAWN_H
#include "ledger.h"

enum { BG_TASKS_MAX = 512 };

struct bg_spawn {
    const struct bg_vm *vm;
    const char *engine;  /* its folder */
    char *const *argv;   /* the jailer's, NULL-terminated */
    int console, errors; /* the VMM's stdout and stderr */
    uint64_t memory_max; /* bytes */
};

/* Under a monitor: returns once the jailer was executed and its record is written. */
int bg_spawn_monitored(struct bg_helper *h, const struct bg_spawn *s, struct bg_reply *f);
/* As a transient service. */
int bg_spawn_service(struct bg_helper *h, const struct bg_spawn *s, struct bg_reply *f);

/* Write exit and signal of an ended service into its record, should they be known. */
void bg_service_collect(struct bg_helper *h, const struct bg_vm *vm);
/* Forget an ended unit. */
void bg_service_forget(struct bg_helper *h, const struct bg_vm *vm);

/* The VM's cgroup v2 folder without systemd; "" when the host has no usable hierarchy. */
void bg_cgroup_path(char ret[static BG_PATH_MAX], struct bg_helper *h, const char *vm);
#endif
