/* A growing byte buffer. Zero-initialised is empty; bg_buf_free() makes it so again. */
#ifndef BG_BUF_H
#define BG_BUF_H

#include <stddef.h>

struct bg_buf {
    char *bytes;
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
};

/* Make room for `more` bytes after size. 0 or -ENOMEM; the content stays. */
int bg_buf_reserve(struct bg_buf *buf, size_t more);

/* Append; 0 or -ENOMEM. */
int bg_buf_add(struct bg_buf *buf, const void *bytes, size_t size);

void bg_buf_free(struct bg_buf *buf);

#endif
