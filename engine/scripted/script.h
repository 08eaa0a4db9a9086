/* What the scripted engine was told to do instead of behaving. A script is lines of words:
 *
 *     <METHOD> <path>[@n] fail <status> <text>     answers {"fault_message": text}
 *     <METHOD> <path>[@n] lie <status> <body>      answers the body, and does nothing
 *     <METHOD> <path>[@n] hang                     never answers again, to anybody
 *     <METHOD> <path>[@n] exit <status>            ends the process without an answer
 *     <METHOD> <path>[@n] signal <number>          the same, by a signal
 *     guest ready | silent                         whether the guest says `ready` (default: ready)
 *     guest exit <status> | poweroff               what it does right after it said so
 *     ctrl-alt-del reboot | ignore | poweroff      what it does when asked (default: reboot)
 *
 * A path may end in `*`. `@n` means the n-th request that matches, from 1; without it, each. The
 * first line that matches wins. `#` begins a comment. Lines come from the file `script` beside the
 * executable, and from words `scripted=<line, with commas for blanks>` in the boot arguments. */
#ifndef BG_SCRIPTED_SCRIPT_H
#define BG_SCRIPTED_SCRIPT_H

#include <stdbool.h>

enum script_act { SCRIPT_FAIL, SCRIPT_LIE, SCRIPT_HANG, SCRIPT_EXIT, SCRIPT_SIGNAL };

struct script_step {
    enum script_act act;
    int number;       /* status or signal */
    const char *text; /* of fail and lie */
};

enum script_guest { GUEST_STAY, GUEST_EXIT, GUEST_POWEROFF };

struct script_guest_plan {
    bool silent;
    enum script_guest after_ready, on_ctrl_alt_del; /* GUEST_EXIT with ctrl-alt-del: reboot */
    int exit_status;
};

/* Reads lines out of text; -1 at the first that is not understood, *ret_line is its number. */
int script_add(const char *text, int *ret_line);
/* The same for the boot arguments' words. */
int script_add_boot_args(const char *boot_args);
/* Counts the request; NULL when no line asks for anything. */
const struct script_step *script_match(const char *method, const char *path);
const struct script_guest_plan *script_guest(void);

#endif
