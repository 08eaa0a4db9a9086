/* The record files of record.h: four bytes of CRC, then the struct. */
#include "record.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the length as well: a file that was cut short to a few zeros is no record. */
static uint32_t crc32(const uint8_t *p, size_t n)
{
    uint32_t crc = ~(uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

int bg_record_read(int dir, const char *name, void *ret, size_t size)
{
    uint8_t bytes[BG_RECORD_MAX + 1];
    uint32_t sum;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
    int error = n < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    if (error < 0)
        return error;
    size_t length = n < (ssize_t)sizeof(sum) ? 0 : (size_t)n - sizeof(sum);
    memcpy(&sum, bytes, sizeof(sum));
    if (length == 0 || n > BG_RECORD_MAX || sum != crc32(bytes + sizeof(sum), length))
        return -EBADMSG;
    memset(ret, 0, size);
    memcpy(ret, bytes + sizeof(sum), length < size ? length : size);
    return 0;
}

int bg_record_write(int dir, const char *name, const void *record, size_t size, bool durable)
{
    uint8_t bytes[BG_RECORD_MAX];
    uint32_t sum = crc32(record, size);
    char beside[64];
    memcpy(bytes, &sum, sizeof(sum));
    memcpy(bytes + sizeof(sum), record, size);
    size += sizeof(sum);
    snprintf(beside, sizeof(beside), ".%.48s.new", name);
    int fd = openat(dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    ssize_t put = write(fd, bytes, size);
    int result = put < 0 ? -errno : put != (ssize_t)size ? -ENOSPC : 0;
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
