/* The record files of record.h: four bytes of CRC, then the struct. */
#include "record.h"
#include "helper.h"

/* Of the length as well: a file that was cut short to a few zeros is no record. */
static uint32_t crc32(const char *p, size_t n)
{
    uint32_t crc = ~(uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint8_t)p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

int bg_record_read(int dir, const char *name, void *ret, size_t size)
{
    char bytes[BG_RECORD_MAX + 2];
    uint32_t sum;
    ssize_t n = bg_read_small(dir, name, bytes, sizeof(bytes));
    if (n < 0)
        return -errno;
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
    char bytes[BG_RECORD_MAX];
    uint32_t sum = crc32(record, size);
    struct bg_name beside = bg_name(".%.48s.new", name);
    memcpy(bytes, &sum, sizeof(sum));
    memcpy(bytes + sizeof(sum), record, size);
    BG_CLOSED int fd = bg_open(dir, beside.s, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    errno = fd < 0 ? errno : ENOSPC; /* a short write sets none */
    if (fd >= 0 && write(fd, bytes, sizeof(sum) + size) == (ssize_t)(sizeof(sum) + size) &&
        (!durable || fdatasync(fd) == 0) && renameat(dir, beside.s, dir, name) == 0 &&
        (!durable || fsync(dir) == 0))
        return 0;
    int error = -errno;
    unlinkat(dir, beside.s, 0);
    return error;
}
