/*
 * The terminal's raw mode. Whatever ends the process by exit() puts a terminal back that was
 * made raw here; after a signal that kills at once, nobody can.
 */
#ifndef BG_TTY_H
#define BG_TTY_H

#include <stdbool.h>
#include <termios.h>

#include "err.h"

struct bg_tty {
    int fd; /* a descriptor of our own, -1 when restored */
    struct termios before;
    struct bg_tty *next; /* list of raw terminals, for exit */
};

/*
 * Make the terminal raw; with keep_output only its input, so that a newline still begins a line.
 * `tty` must stay where it is until bg_tty_restore().
 */
int bg_tty_raw(int fd, bool keep_output, struct bg_tty *tty, struct bg_err *err);

/* Back to what it was; called again it does nothing. */
void bg_tty_restore(struct bg_tty *tty);

#endif
