/*
 * The form of a signature, decided by code of ours: OpenSSL's own base64 reader takes line
 * breaks, spaces and more.
 */
#include <errno.h>
#include <stdbool.h>

#include "sig.h"

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long bg_base64_decode(const char *text, size_t size, unsigned char *ret_bytes)
{
    long written = 0;

    if (size == 0 || size % 4 != 0)
        return -EPROTO;
    for (size_t at = 0; at < size; at += 4) {
        /* Padding only in the last group. */
        int padding = at + 4 < size ? 0 : text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
        unsigned group = 0;
        for (int i = 0; i < 4; i++) {
            int value = i < 4 - padding ? digit(text[at + (size_t)i]) : 0;
            if (value < 0)
                return -EPROTO;
            group = group << 6 | (unsigned)value;
        }
        /* The bits below the padding must be 0, or two texts would mean the same bytes. */
        if ((group & ((1U << (8 * padding)) - 1)) != 0)
            return -EPROTO;
        for (int i = 0; i < 3 - padding; i++)
            ret_bytes[written++] = (unsigned char)(group >> (16 - 8 * i));
    }
    return written;
}

/* A positive INTEGER of at most 32 bytes in minimal form at *at; advances *at behind it. */
static bool take_integer(const unsigned char *der, size_t size, size_t *at)
{
    size_t length;
    const unsigned char *value;

    if (size - *at < 3 || der[*at] != 0x02)
        return false;
    length = der[*at + 1];
    if (length < 1 || length > 33 || length > size - *at - 2)
        return false;
    value = der + *at + 2;
    *at += 2 + length;
    if ((value[0] & 0x80) != 0) /* negative */
        return false;
    if (value[0] == 0) /* zero itself, or a leading zero without need */
        return length > 1 && (value[1] & 0x80) != 0;
    return length <= 32;
}

int bg_der_signature(const unsigned char *der, size_t size)
{
    size_t at = 2;

    /* Two integers of at most 33 bytes: the length fits in one byte below 0x80. */
    if (size < 8 || size > 72 || der[0] != 0x30 || der[1] != size - 2)
        return -EPROTO;
    return take_integer(der, size, &at) && take_integer(der, size, &at) && at == size ? 0 : -EPROTO;
}
