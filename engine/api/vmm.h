/* What the API front asks of a VMM backend. Exactly one backend is linked in: engine/qemu or
 * engine/scripted. All calls come from the loop's thread, one at a time; a call may block until its
 * own deadline, as Firecracker's do.
 *
 * Failure is -1 with error->text, which the client gets after the front's own prefix. */
#ifndef BG_ENGINE_VMM_H
#define BG_ENGINE_VMM_H

#include "config.h"
#include "http.h"
#include "loop.h"
#include "server.h"

struct bg_vmm;

struct bg_vmm_error {
    char text[512];
};

/* Told once, from the loop, when the guest has ended the VMM (reboot, panic with reboot) or the VMM
 * broke: status is the exit status of this process. */
typedef void (*bg_vmm_exit_fn)(void *arg, int status);

struct bg_vmm_params {
    struct bg_loop *loop;
    const char *id;
    const struct bg_config *config; /* outlives the VMM */
    int serial_fd;                  /* the guest's first serial port is written there */
    bg_vmm_exit_fn on_exit;
    void *arg;
};

/* The program's start, before any request: whatever must be read or opened early. 0 or -errno. */
int bg_vmm_init(void);

/* Seam for tests: the scripted backend may answer a request itself (true), or never return. */
bool bg_vmm_intercept(const struct bg_request *request, struct bg_answer *answer);

/* Builds the machine from the config and lets it run. The config's descriptors stay the front's. */
int bg_vmm_start(const struct bg_vmm_params *params, struct bg_vmm **ret,
                 struct bg_vmm_error *error);
int bg_vmm_pause(struct bg_vmm *vmm, struct bg_vmm_error *error);
int bg_vmm_resume(struct bg_vmm *vmm, struct bg_vmm_error *error);
/* Presses Ctrl-Alt-Del; no proof that the guest listens. */
int bg_vmm_ctrl_alt_del(struct bg_vmm *vmm, struct bg_vmm_error *error);
/* The drive at `index` has another file (its fd is the new one). */
int bg_vmm_drive_changed(struct bg_vmm *vmm, size_t index, struct bg_vmm_error *error);

/* Writes device state to state_fd and guest memory to mem_fd; the VM is paused and stays so. */
int bg_vmm_save(struct bg_vmm *vmm, int state_fd, int mem_fd, struct bg_vmm_error *error);
/* As bg_vmm_start, from what bg_vmm_save wrote; the VM comes up paused. The file at mem_path (open as
 * mem_fd) may be mapped privately, so it must not change while the VM lives. */
int bg_vmm_load(const struct bg_vmm_params *params, int state_fd, int mem_fd, const char *mem_path,
                struct bg_vmm **ret, struct bg_vmm_error *error);

/* Ends the machine at once. NULL is fine. */
void bg_vmm_end(struct bg_vmm *vmm);

#endif
