/* cgroup v2. Version 1 has no controllers here: a --cgroup for it is refused as unavailable, and
 * without one it does nothing, as in Firecracker's jailer. */
#ifndef BG_JAILER_CGROUP_H
#define BG_JAILER_CGROUP_H

#include "plan.h"

/* Checks that the wanted controllers exist; moves into an existing parent when no file is set. */
void bg_cgroup_check(const struct bg_plan *plan);
/* Makes <mount>/<parent>/<id>, writes the values, moves this process there. */
void bg_cgroup_apply(const struct bg_plan *plan);

#endif
