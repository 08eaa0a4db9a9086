#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t bg_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t bg_get_u64(const uint8_t *p)
{
    return (uint64_t)bg_get_u32(p) << 32 | bg_get_u32(p + 4);
}

void bg_put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

void bg_put_u64(uint8_t *p, uint64_t v)
{
    bg_put_u32(p, (uint32_t)(v >> 32));
    bg_put_u32(p + 4, (uint32_t)v);
}

bool bg_frame_header(const uint8_t header[BG_FRAME_HEADER], size_t *ret_length, uint8_t *ret_type)
{
    uint32_t n = bg_get_u32(header);
    if (n > BG_FRAME_MAX)
        return false;
    *ret_length = n;
    *ret_type = header[4];
    return true;
}

void bg_frame_put_header(uint8_t header[BG_FRAME_HEADER], uint8_t type, size_t length)
{
    bg_put_u32(header, (uint32_t)length);
    header[4] = type;
}

int bg_fields_next(struct bg_fields *fields, struct bg_field *ret)
{
    if (fields->left == 0)
        return 0;
    if (fields->left < 5)
        return -EBADMSG;
    size_t n = bg_get_u32(fields->at + 1);
    if (n > fields->left - 5)
        return -EBADMSG;
    *ret = (struct bg_field){.tag = fields->at[0], .bytes = fields->at + 5, .size = n};
    fields->at += 5 + n;
    fields->left -= 5 + n;
    return 1;
}

bool bg_field_number(const struct bg_field *field, uint64_t *ret)
{
    if (field->size == 4)
        *ret = bg_get_u32(field->bytes);
    else if (field->size == 8)
        *ret = bg_get_u64(field->bytes);
    else
        return false;
    return true;
}

char *bg_field_text(const struct bg_field *field)
{
    if (memchr(field->bytes, '\0', field->size)) {
        errno = EINVAL;
        return NULL;
    }
    return strndup((const char *)field->bytes, field->size);
}

void bg_payload_field(struct bg_payload *p, uint8_t tag, const void *bytes, size_t n)
{
    if (p->full || p->max - p->size < 5 || p->max - p->size - 5 < n) {
        p->full = true;
        return;
    }
    uint8_t *at = p->bytes + p->size;
    at[0] = tag;
    bg_put_u32(at + 1, (uint32_t)n);
    memcpy(at + 5, bytes, n);
    p->size += 5 + n;
}

void bg_payload_text(struct bg_payload *p, uint8_t tag, const char *text)
{
    bg_payload_field(p, tag, text, strlen(text));
}

void bg_payload_u32(struct bg_payload *p, uint8_t tag, uint32_t v)
{
    uint8_t b[4];
    bg_put_u32(b, v);
    bg_payload_field(p, tag, b, sizeof b);
}

void bg_payload_u64(struct bg_payload *p, uint8_t tag, uint64_t v)
{
    uint8_t b[8];
    bg_put_u64(b, v);
    bg_payload_field(p, tag, b, sizeof b);
}
