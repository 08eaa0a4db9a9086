/* The record files of record.h. */
#include "record.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint32_t crc32(const char *p, size_t n)
{
    uint32_t crc = ~UINT32_C(0);
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint8_t)p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static bool spelled(const char *s, size_t n, size_t max, bool key)
{
    if (n == 0 || n > max)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool letter = s[i] >= 'a' && s[i] <= 'z';
        bool digit = s[i] >= '0' && s[i] <= '9';
        if (!letter && !(key ? s[i] == '_' : digit || s[i] == '-'))
            return false;
    }
    return true;
}

int bg_record_parse(struct bg_record *ret, const char *text, size_t length)
{
    const char *end = text + length, *line = text;
    char sum[16];
    memset(ret, 0, sizeof(*ret));
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const char *space = stop ? memchr(line, ' ', (size_t)(stop - line)) : NULL;
        if (!space)
            return -EBADMSG;
        if (space - line == 3 && memcmp(line, "sum", 3) == 0) {
            snprintf(sum, sizeof(sum), "sum %08x\n", crc32(text, (size_t)(line - text)));
            bool good = stop + 1 == end && (size_t)(end - line) == strlen(sum) &&
                        memcmp(line, sum, strlen(sum)) == 0;
            return good ? 0 : -EBADMSG;
        }
        if (ret->n == BG_RECORD_FIELDS || !spelled(line, (size_t)(space - line), 15, true) ||
            !spelled(space + 1, (size_t)(stop - space - 1), 64, false))
            return -EBADMSG;
        memcpy(ret->f[ret->n].key, line, (size_t)(space - line));
        memcpy(ret->f[ret->n].value, space + 1, (size_t)(stop - space - 1));
        ret->n++;
        line = stop + 1;
    }
    return -EBADMSG;
}

int bg_record_read(struct bg_record *ret, int dir, const char *name)
{
    char text[BG_RECORD_MAX + 1];
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, sizeof(text));
    int result = n < 0               ? -errno
                 : n > BG_RECORD_MAX ? -EBADMSG
                                     : bg_record_parse(ret, text, (size_t)n);
    close(fd);
    return result;
}

static int replace(int dir, const char *name, const char *text, size_t n, bool durable)
{
    char beside[64];
    snprintf(beside, sizeof(beside), ".%.48s.new", name);
    int fd = openat(dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    ssize_t put = write(fd, text, n);
    int result = put < 0 ? -errno : put != (ssize_t)n ? -ENOSPC : 0;
    if (result == 0 && durable && fdatasync(fd) < 0)
        result = -errno;
    close(fd);
    if (result == 0 && renameat(dir, beside, dir, name) < 0)
        result = -errno;
    if (result < 0)
        unlinkat(dir, beside, 0);
    else if (durable && fsync(dir) < 0)
        result = -errno;
    return result;
}

int bg_record_write(const struct bg_record *r, int dir, const char *name, bool durable)
{
    char text[BG_RECORD_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s\n", r->f[i].key, r->f[i].value);
    n += (size_t)snprintf(text + n, sizeof(text) - n, "sum %08x\n", crc32(text, n));
    return replace(dir, name, text, n, durable);
}

void bg_record_set(struct bg_record *r, const char *key, const char *value)
{
    size_t i = 0;
    assert(spelled(key, strlen(key), 15, true) && spelled(value, strlen(value), 64, false));
    while (i < r->n && strcmp(r->f[i].key, key) != 0)
        i++;
    assert(i < BG_RECORD_FIELDS);
    snprintf(r->f[i].key, sizeof(r->f[i].key), "%s", key);
    snprintf(r->f[i].value, sizeof(r->f[i].value), "%s", value);
    if (i == r->n)
        r->n++;
}

void bg_record_set_u64(struct bg_record *r, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    bg_record_set(r, key, text);
}

const char *bg_record_get(const struct bg_record *r, const char *key)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->f[i].key, key) == 0)
            return r->f[i].value;
    return NULL;
}

bool bg_record_u64(const struct bg_record *r, const char *key, uint64_t *ret)
{
    const char *s = bg_record_get(r, key);
    uint64_t v = 0;
    if (!s)
        return false;
    for (; *s; s++)
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return false;
    *ret = v;
    return true;
}

bool bg_record_u32(const struct bg_record *r, const char *key, uint32_t *ret)
{
    uint64_t v;
    if (!bg_record_u64(r, key, &v) || v > UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}
