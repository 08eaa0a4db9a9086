/* Everything that the command line says, checked, before anything on the host is changed. */
#ifndef BG_JAILER_PLAN_H
#define BG_JAILER_PLAN_H

#include "args.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bg_plan {
    const char *id;
    char exec_path[PATH_MAX]; /* canonical */
    const char *exec_name;    /* its last component */
    char root[PATH_MAX];      /* <base>/<exec name>/<id>/root */
    uid_t uid;
    gid_t gid;
    const char *netns; /* NULL: the launcher's */
    const char *parent_cgroup;
    const char *cgroups[BG_ARG_MANY]; /* "file=value", format checked */
    unsigned n_cgroups;
    uint64_t limit_files, limit_size; /* limit_size 0: none */
    bool cgroup_v2, daemonize, new_pid_ns;
    char **extra; /* arguments for the program, NULL-terminated */
};

/* Ends the process with the reason when the command line is wrong, or with 0 after --help and
 * --version. argv outlives the plan. */
void bg_plan_make(struct bg_plan *plan, int argc, char **argv);

#endif
