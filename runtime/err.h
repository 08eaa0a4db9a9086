/*
 * How the C cores report an expected failure.
 *
 * A core function returns 0 (or a non-negative result) on success and a negative errno on
 * failure, fills `err` (never NULL), and leaves its ret_ arguments alone. struct bg_err is a
 * plain value: nothing to free, copy it freely. Cores never print and never exit.
 */
#ifndef BG_ERR_H
#define BG_ERR_H

#include <stddef.h>

struct bg_err {
    const char *code;  /* "area.reason", a literal; see lua/banger/core/codes.lua */
    int sys;           /* errno value, 0 when no syscall failed */
    char message[256]; /* the step that failed and why, one line */
};

/*
 * Fill `err` with a failure that no errno explains. Returns -EPROTO, for `return bg_fail(...)`.
 */
int bg_fail(struct bg_err *err, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Fill `err` from an errno value (> 0): code "sys.failed" ("host.full" for ENOSPC and EDQUOT),
 * message "<step>: <what strerror says>". Returns -sys.
 */
int bg_fail_sys(struct bg_err *err, int sys, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "ENOENT" for an errno value, NULL for 0 or a value without a name. */
const char *bg_errno_name(int sys);

#endif
