/* The programs of the one binary, picked by the name it is called by. Each returns its exit status.
 */
#ifndef BG_GUEST_PROGRAMS_H
#define BG_GUEST_PROGRAMS_H

/* /usr/lib/banger/init: process 1 of the images that banger builds. Never returns. */
int bg_init_main(void);
/* /usr/lib/banger/agent: docs/agent.md. `agent --identity`, for images with another init: applies the
 * seed, grows the disk, returns. `agent --settle`: returns when the disk has grown. */
int bg_agent_main(int argc, char **argv);
/* /usr/lib/banger/vsockd: returns 0 at once where the VM has no port for it. */
int bg_vsockd_main(void);
/* poweroff, reboot, halt, shutdown: ask process 1. */
int bg_halt_main(const char *name, int argc, char **argv);
/* /usr/lib/systemd/system-shutdown/banger KIND: the last thing that systemd runs. */
int bg_last_word_main(const char *kind);

#endif
