/*
 * The messages between the runtime and the helper, as ops.def describes them.
 *
 * One SOCK_SEQPACKET packet is one message: struct bg_header, then the fields in the order of ops.def, without padding,
 * little-endian. A reply's body starts with code (u32) and errno (u32); results follow when the code is BG_OK, else one
 * length byte and that many bytes of printable text (at most BG_MESSAGE_MAX).
 *
 * Both ends compile wire.c; the other end's half is runtime/wire_client.c. Nothing here allocates, blocks or logs.
 */
#ifndef BANGER_HELPER_WIRE_H
#define BANGER_HELPER_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BG_WIRE_MAGIC = 0x31474e42, /* "BNG1" */
    BG_WIRE_VERSION = 1,
    BG_WIRE_MAX = 512,
    BG_WIRE_FDS = 4, /* no operation passes more */
    BG_MESSAGE_MAX = 200,
    BG_SLOT_MAX = 4091,
};

/* codes.def: BG_OK, BG_BAD_VERSION, ... */
#define CODE(symbol, number, name) BG_##symbol = number,
enum bg_code {
#include "codes.def"
};
#undef CODE

/* The values of ops.def's enums, BG_V_auto and so on: their names are unique over all enums. */
#define V(symbol, number)  BG_V_##symbol = number,
#define ENUM(name, values) values
enum bg_value {
#include "ops.def"
};

/* One C type per wire type. Text types carry a NUL of their own behind the wire's bytes. */
#define TYPE(name, ctype, size, spelling, max, wrong) typedef ctype bg_t_##name;
#define ENUM(name, values)                            typedef uint32_t bg_t_E_##name;
#include "ops.def"
#define TYPE(name, ctype, size, spelling, max, wrong) BG_T_##name,
#define ENUM(name, values)                            BG_T_E_##name,
enum bg_type {
#include "ops.def"
    BG_T_COUNT
};

/*
 * Arguments and results: struct bg_args_vm_reserve { bg_t_VMID vm; bg_t_SLOT slot; }, struct bg_res_vm_reserve ... The
 * i-th field starts at i * BG_FIELD_STRIDE (bg_field_at), which lets one loop serve every operation.
 */
enum { BG_FIELD_STRIDE = 32 };
#define ARG(name, type) _Alignas(BG_FIELD_STRIDE) bg_t_##type name;
#define RES             ARG
#define OP(name, number, args, results, doc, safe)                                                 \
    struct bg_args_##name {                                                                        \
        args                                                                                       \
    };                                                                                             \
    struct bg_res_##name {                                                                         \
        results                                                                                    \
    };
#include "ops.def"
#define OP(name, number, args, results, doc, safe) struct bg_args_##name name;
union bg_args {
#include "ops.def"
};
#define OP(name, number, args, results, doc, safe) struct bg_res_##name name;
union bg_results {
#include "ops.def"
};
#define OP(name, number, args, results, doc, safe) BG_OP_##name = number,
enum bg_op {
#include "ops.def"
};

/* Where the i-th field lies in a union bg_args or bg_results. */
static inline void *bg_field_at(const void *base, size_t i)
{
    return (char *)base + i * BG_FIELD_STRIDE;
}

struct bg_field {
    const char *name;
    enum bg_type type;
};
struct bg_op_row {
    const char *name;
    uint32_t number;
    const struct bg_field *args, *results;
    size_t nargs, nresults;
};
extern const struct bg_op_row bg_ops[]; /* in the order of ops.def */
extern const size_t bg_ops_count;
const struct bg_op_row *bg_op_by_number(uint32_t number);

/*
 * A message being written or read, and the fds that travel with it. fds belong to the message: whoever takes one out of
 * fds[] sets its place to -1, and bg_wire_close() closes the rest. Decoding only lends them to the struct.
 */
struct bg_wire {
    uint8_t bytes[BG_WIRE_MAX];
    size_t length, at;
    int fds[BG_WIRE_FDS];
    size_t nfds, fd_at;
    const char *field; /* after a failure: the field's name, or the part of the header */
    const char *why;   /* and what was wrong with it, for a reply's message */
};
struct bg_header {
    uint32_t magic;
    uint16_t version, op;
    uint32_t id, nfds, length; /* of the body */
};
enum { BG_WIRE_HEADER = sizeof(struct bg_header) };
struct bg_reply {
    uint32_t code; /* enum bg_code */
    uint32_t sys;  /* errno or 0 */
    char message[BG_MESSAGE_MAX + 1];
};

void bg_wire_init(struct bg_wire *w); /* empty, no fds */
void bg_wire_close(struct bg_wire *w);

/*
 * Write a message: first what comes before the fields (bg_wire_put, after bg_wire_init), then the n fields and the header.
 * False when a value does not fit its type (w->field and w->why tell).
 */
bool bg_wire_put(struct bg_wire *w, const void *bytes, size_t n);
bool bg_encode(struct bg_wire *w, uint32_t op, uint32_t id, const struct bg_field *fields, size_t n,
               const void *values);
/* op may be NULL for a failure: the request's operation was not known. */
bool bg_encode_reply(struct bg_wire *w, const struct bg_op_row *op, uint32_t id,
                     const struct bg_reply *reply, const union bg_results *results);

/*
 * Read from w->bytes[0..length) and w->fds[0..nfds): exact lengths and counts, no trailing bytes. False as above. Of a
 * header that is cut short, ret has what there is.
 */
bool bg_decode_header(struct bg_wire *w, struct bg_header *ret);
bool bg_wire_get(struct bg_wire *w, void *ret, size_t n);
bool bg_decode(struct bg_wire *w, const struct bg_field *fields, size_t n, void *ret);
bool bg_refuse(struct bg_wire *w, const char *field, const char *why); /* false */

/* The syntax of ids, for whoever makes them: len bytes, each [a-z0-9], of a text that ends with a NUL. */
bool bg_valid_id(const char *s, size_t len);
#endif
