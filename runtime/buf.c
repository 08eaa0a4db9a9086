/* Growth by doubling: appending n bytes costs O(n) in all. */
#include "buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bg_buf_reserve(struct bg_buf *buf, size_t more)
{
    size_t need, capacity;
    char *bytes;

    if (__builtin_add_overflow(buf->size, more, &need))
        return -ENOMEM;
    if (need <= buf->capacity)
        return 0;
    capacity = buf->capacity < 64 ? 64 : buf->capacity;
    while (capacity < need)
        if (__builtin_mul_overflow(capacity, 2, &capacity))
            return -ENOMEM;
    bytes = realloc(buf->bytes, capacity);
    if (bytes == NULL)
        return -ENOMEM;
    buf->bytes = bytes;
    buf->capacity = capacity;
    return 0;
}

int bg_buf_add(struct bg_buf *buf, const void *bytes, size_t size)
{
    int r = bg_buf_reserve(buf, size);

    if (r < 0)
        return r;
    if (size > 0)
        memcpy(buf->bytes + buf->size, bytes, size);
    buf->size += size;
    return 0;
}

void bg_buf_free(struct bg_buf *buf)
{
    free(buf->bytes);
    *buf = (struct bg_buf){0};
}
