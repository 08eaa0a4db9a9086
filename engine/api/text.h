/* Rust's words for what the operating system says, because clients and golden transcripts show
 * them: "No such file or directory (os error 2)". */
#ifndef BG_ENGINE_TEXT_H
#define BG_ENGINE_TEXT_H

#include <stddef.h>

/* error > 0. The text lives until the next call. */
const char *bg_os_error(int error);
/* The same as Rust's Debug prints it: Os { code: 2, kind: NotFound, message: "..." }. */
const char *bg_os_error_debug(int error);

#endif
