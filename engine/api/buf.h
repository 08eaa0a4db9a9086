/* A growing byte string. Failure to allocate is remembered, so that a writer checks once at the
 * end (bg_buf_ok) instead of after every call. */
#ifndef BG_ENGINE_BUF_H
#define BG_ENGINE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct bg_buf {
    char *data; /* NUL-terminated once anything was written */
    size_t len, cap;
    bool failed;
};

void bg_buf_free(struct bg_buf *buf);
void bg_buf_add(struct bg_buf *buf, const void *data, size_t len);
void bg_buf_str(struct bg_buf *buf, const char *text);
void bg_buf_fmt(struct bg_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Forgets the first n bytes. */
void bg_buf_drop(struct bg_buf *buf, size_t n);
bool bg_buf_ok(const struct bg_buf *buf);

#endif
