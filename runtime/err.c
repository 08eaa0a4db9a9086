/* Errors of the C cores: fixed buffers, so that reporting a failure cannot fail. */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int bg_fail(struct bg_err *err, const char *code, const char *format, ...)
{
    va_list args;

    err->code = code;
    err->sys = 0;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return -EPROTO;
}

int bg_fail_sys(struct bg_err *err, int sys, const char *format, ...)
{
    va_list args;
    int used;
    const char *reason;

    err->code = sys == ENOSPC || sys == EDQUOT ? "host.full" : "sys.failed";
    err->sys = sys;
    va_start(args, format);
    used = vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    if (used < 0)
        used = 0;
    /* A long path must not push the reason out of the message. */
    reason = strerrordesc_np(sys);
    if ((size_t)used > sizeof(err->message) - 64)
        used = sizeof(err->message) - 64;
    snprintf(err->message + used, sizeof(err->message) - (size_t)used, ": %s",
             reason != NULL ? reason : "unknown error");
    return -sys;
}

const char *bg_errno_name(int sys)
{
    return sys == 0 ? NULL : strerrorname_np(sys);
}
