/* The ways in which a guest goes, as they are named on the notify connection. */
#ifndef BG_AGENT_HALT_H
#define BG_AGENT_HALT_H

enum bg_halt { BG_HALT_REBOOT, BG_HALT_POWEROFF, BG_HALT_HALT };

/* "reboot" for an unknown number. */
const char *bg_halt_name(int halt);

#endif
