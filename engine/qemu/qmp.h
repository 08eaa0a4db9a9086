/* QEMU's control protocol over a socket pair: one command at a time, each waited for with a
 * deadline; events are told as they come, also while a command waits. */
#ifndef BG_QEMU_QMP_H
#define BG_QEMU_QMP_H

#include "loop.h"
#include "vmm.h"

struct bg_qmp;

/* name: "SHUTDOWN", "STOP", …; reason: data.reason or ""; guest: data.guest. */
typedef void (*bg_qmp_event_fn)(void *arg, const char *name, const char *reason, bool guest);

/* Waits for the greeting and negotiates. Takes fd over, also on failure. */
int bg_qmp_open(struct bg_loop *loop, int fd, int timeout_ms, bg_qmp_event_fn on_event, void *arg,
                struct bg_qmp **ret, struct bg_vmm_error *error);
/* QEMU's, as its greeting told. */
void bg_qmp_version(const struct bg_qmp *qmp, unsigned *ret_major, unsigned *ret_minor);
/* command: the whole JSON object. fd >= 0 travels with it ("getfd"). */
int bg_qmp_command(struct bg_qmp *qmp, const char *command, int fd, int timeout_ms,
                   struct bg_vmm_error *error);
/* Waits for the end of a migration (the capability "events" must be on). */
int bg_qmp_wait_migration(struct bg_qmp *qmp, int timeout_ms, struct bg_vmm_error *error);
void bg_qmp_close(struct bg_qmp *qmp); /* NULL is fine */

#endif
