/* The jail: its folders and files, the mount namespace, the device nodes. */
#ifndef BG_JAILER_JAIL_H
#define BG_JAILER_JAIL_H

#include "plan.h"

/* Makes the root folder and copies the program into it, for the VM's user. */
void bg_jail_fill(const struct bg_plan *plan);
/* Enters a new mount namespace (slave: nothing comes back to the host) with the jail as "/". Then
 * root's folders are given to the VM's user and the device nodes are made. */
void bg_jail_enter(const struct bg_plan *plan);

/* What this engine's program needs besides itself, put into the jail by each engine: called inside
 * the new mount namespace, with the jail as current directory, before it becomes "/". Mounts made
 * here die with the VM. */
void bg_jail_runtime(const struct bg_plan *plan);

#endif
