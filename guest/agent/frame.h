/* The agent's frames and fields (docs/agent.md), without any input or output.
 *
 * Frame: u32 length of the payload, u8 type, payload. Fields: u8 tag, u32 length, bytes; repeated to
 * the payload's end. All numbers big-endian. */
#ifndef BG_AGENT_FRAME_H
#define BG_AGENT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BG_FRAME_HEADER = 5,
    BG_FRAME_MAX = 65536,  /* payload */
    BG_FRAME_DATA = 32768, /* most data that the agent puts in one */
    BG_STDIN_WINDOW = 65536,
    BG_PROTOCOL = 1,
};

enum bg_frame_type {
    BG_F_HELLO = 0,
    /* requests */
    BG_F_EXEC = 1,
    BG_F_PUT = 2,
    BG_F_GET = 3,
    BG_F_INFO = 4,
    BG_F_CLOCK = 5,
    BG_F_GROW = 6,
    BG_F_SHUTDOWN = 8,
    BG_F_HOLD = 9,
    BG_F_WAKE = 10,
    /* of an exec */
    BG_F_STDIN = 16,
    BG_F_STDOUT = 17,
    BG_F_STDERR = 18,
    BG_F_CREDIT = 19,
    BG_F_RESIZE = 20,
    BG_F_SIGNAL = 21,
    BG_F_STARTED = 22,
    BG_F_EXIT = 23,
    /* of a copy */
    BG_F_ENTRY = 32,
    BG_F_DATA = 33,
    BG_F_END = 34,
    /* answers */
    BG_F_RESULT = 126,
    BG_F_ERROR = 127,
};

uint32_t bg_get_u32(const uint8_t *p);
uint64_t bg_get_u64(const uint8_t *p);
void bg_put_u32(uint8_t *p, uint32_t v);
void bg_put_u64(uint8_t *p, uint64_t v);

/* A header's payload length and type; false when the length is over BG_FRAME_MAX. */
bool bg_frame_header(const uint8_t header[BG_FRAME_HEADER], size_t *ret_length, uint8_t *ret_type);
void bg_frame_put_header(uint8_t header[BG_FRAME_HEADER], uint8_t type, size_t length);

struct bg_field {
    uint8_t tag;
    const uint8_t *bytes;
    size_t size;
};

struct bg_fields {
    const uint8_t *at;
    size_t left;
};

/* 1 and *ret, 0 at the end, -EBADMSG when the payload is not fields. */
int bg_fields_next(struct bg_fields *fields, struct bg_field *ret);
/* A number field of 4 or 8 bytes; false when it has another size. */
bool bg_field_number(const struct bg_field *field, uint64_t *ret);
/* A copy with a NUL at its end; NULL with errno ENOMEM, or EINVAL when it has one inside. */
char *bg_field_text(const struct bg_field *field);

/* A payload being written. Too much sets `full` and writes nothing. */
struct bg_payload {
    uint8_t *bytes;
    size_t max, size;
    bool full;
};

void bg_payload_field(struct bg_payload *p, uint8_t tag, const void *bytes, size_t n);
void bg_payload_text(struct bg_payload *p, uint8_t tag, const char *text);
void bg_payload_u32(struct bg_payload *p, uint8_t tag, uint32_t v);
void bg_payload_u64(struct bg_payload *p, uint8_t tag, uint64_t v);

#endif
