/* What vmm.c and snapshot.c share; nobody else includes it. */
#ifndef BG_QEMU_PARTS_H
#define BG_QEMU_PARTS_H

#include "command.h"
#include "process.h"
#include "qmp.h"
#include "vmm.h"
#include "vsock.h"

struct bg_vmm {
    struct bg_vmm_params params;
    struct bg_process process; /* pid 0: not running */
    struct bg_qmp *qmp;
    struct bg_vsock *vsock;
    int port_fd;           /* our end of the vsock port; -1: none */
    size_t drive_changes;  /* numbers the nodes that they make */
    unsigned long tsc_khz; /* what the guest was told of its counter */
    uint64_t memory_at;    /* where QEMU's process has the guest's memory */
    int state_fd; /* the device state of the last save, until the guest runs again; -1: none */
    char last_words[256]; /* QEMU's last line on stderr */
    bool ended;
};

/* A VMM without a process; NULL with the text. */
struct bg_vmm *bg_vmm_create(const struct bg_vmm_params *params, struct bg_vmm_error *error);
/* Starts QEMU with the inputs (its sockets are made here), up to a stopped machine that answers.
 * 0, or -1 with the text; bg_vmm_fail ends what there is. */
int bg_vmm_launch(struct bg_vmm *vmm, struct bg_command_inputs *inputs, struct bg_vmm_error *error);
/* The guest is about to run: what was saved is no longer its state. */
void bg_vmm_forget_state(struct bg_vmm *vmm);
/* Ends and frees vmm; adds QEMU's own last words to the text. Always -1. */
int bg_vmm_fail(struct bg_vmm *vmm, struct bg_vmm_error *error);

#endif
