/*
 * What makes a process the helper of an instance: its config and folders, what it gives up, the connections that it
 * accepts, and what it does beside. Failures are told through f.
 */
#ifndef BANGER_HELPER_SERVER_H
#define BANGER_HELPER_SERVER_H
#include "helper.h"

enum {
    BG_CONNECTIONS = 16, /* of one uid at a time */
    BG_HOUSEKEEPING_S = 10,
    BG_LOG_MAX = 4 << 20,  /* a log that takes more of the disk */
    BG_LOG_KEEP = 1 << 20, /* keeps its last so many bytes */
};

/*
 * h->instance is set. Opens every folder of h, proven to be root's alone, and reads the config that units/helper-config has
 * written: lines "owner <uid>", "group <gid>", "uid_base <n>", "vms <n>" (config.c).
 */
int bg_config_open(struct bg_helper *h, struct bg_reply *f);

/* sandbox.c; README.md tells why each capability is kept. */
/* Capabilities, no_new_privs, not dumpable, no core; orphans of workers become ours. */
int bg_sandbox_main(struct bg_reply *f);
int bg_sandbox_worker(struct bg_reply *f); /* beyond that: a system call filter */
void bg_sandbox_environment(void); /* the environment, but for what the service manager passed */

/*
 * Take the lock, make the socket or adopt the one that the service manager passed, and serve until SIGTERM or SIGINT.
 * Says "ready" on stdout when connections are accepted, and then closes that. BG_SYSTEM EBUSY: another one runs.
 */
int bg_server_run(struct bg_helper *h, struct bg_reply *f);

/* End the running helper of the instance and wait until it is gone; the exit status. */
int bg_server_stop(struct bg_helper *h);

/*
 * What lies before the end of a log that has become too long is given back to the file system, in place: its size stays,
 * so a writer that does not append (Firecracker) loses nothing and goes on where it stands. Who reads begins where the
 * data does (vm_log). Nothing happens to what is not a plain file with one name: a VMM may have put it there.
 */
void bg_log_bound(int dir, const char *name);

/* housekeeping.c: every BG_HOUSEKEEPING_S; and once, at the start: what a crash of ours interrupted. */
void bg_housekeeping(struct bg_helper *h);
void bg_housekeeping_resume(struct bg_helper *h);
#endif
