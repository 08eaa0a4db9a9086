/* See buf.h. Capacity doubles; one byte beyond `len` is always the NUL. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bg_buf_free(struct bg_buf *buf)
{
    free(buf->data);
    *buf = (struct bg_buf){0};
}

static bool room(struct bg_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    size_t need = buf->len + more + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap < need)
        cap *= 2;
    char *bigger = realloc(buf->data, cap);
    if (!bigger) {
        buf->failed = true;
        return false;
    }
    buf->data = bigger;
    buf->cap = cap;
    return true;
}

void bg_buf_add(struct bg_buf *buf, const void *data, size_t len)
{
    if (!room(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void bg_buf_str(struct bg_buf *buf, const char *text)
{
    bg_buf_add(buf, text, strlen(text));
}

void bg_buf_fmt(struct bg_buf *buf, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n >= 0 && room(buf, (size_t)n)) {
        vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

void bg_buf_drop(struct bg_buf *buf, size_t n)
{
    if (n == 0)
        return;
    memmove(buf->data, buf->data + n, buf->len - n + 1);
    buf->len -= n;
}

bool bg_buf_ok(const struct bg_buf *buf)
{
    return !buf->failed;
}
