/*
 * The messages between the runtime and the helper, as ops.def describes them.
 *
 * One SOCK_SEQPACKET packet is one message: a header of BG_WIRE_HEADER bytes, then the fields in
 * the order of ops.def, without padding, little-endian. A reply's body starts with code (u32) and
 * errno (u32); results follow when the code is BG_OK, else one length byte and that many bytes of
 * printable text (at most BG_MESSAGE_MAX).
 *
 * Both ends compile wire.c and walk the same tables (bg_ops); it depends on nothing else in
 * helper/. Nothing here allocates, blocks or logs.
 */
#ifndef BANGER_HELPER_WIRE_H
#define BANGER_HELPER_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BG_WIRE_MAGIC = 0x31474e42, /* "BNG1" */
    BG_WIRE_VERSION = 1,
    BG_WIRE_HEADER = 20, /* magic u32, version u16, op u16, id u32, nfds u32, body length u32 */
    BG_WIRE_MAX = 512,
    BG_WIRE_FDS = 4, /* no operation passes more */
    BG_MESSAGE_MAX = 200,
    BG_SLOT_MAX = 4091,
};

/* codes.def: BG_OK, BG_BAD_VERSION, ... */
enum bg_code {
#define CODE(symbol, number, name) BG_##symbol = number,
#include "codes.def"
#undef CODE
};

struct bg_code_row {
    const char *symbol; /* "VM_ABSENT" */
    uint32_t number;
    const char *name; /* "vm.not_admitted" */
};
extern const struct bg_code_row bg_codes[];
extern const size_t bg_codes_count;
const char *bg_code_name(uint32_t number); /* NULL when unknown */

/* The values of ops.def's enums, BG_V_auto and so on: their names are unique over all enums. */
enum bg_value {
#define V(symbol, number)  BG_V_##symbol = number,
#define ENUM(name, values) values
#include "ops.def"
#undef ENUM
#undef V
};

/* One C type per wire type. Text types carry a NUL of their own behind the wire's bytes. */
typedef struct {
    char s[9];
} bg_t_VMID;
typedef struct {
    char s[17];
} bg_t_JAILID;
typedef struct {
    char s[17];
} bg_t_NAME;
typedef struct {
    uint8_t b[32];
} bg_t_DIGEST;
typedef struct {
    uint8_t b[16];
} bg_t_BOOTID;
typedef struct {
    uint8_t b[6];
} bg_t_MAC;
typedef uint32_t bg_t_SLOT;
typedef uint32_t bg_t_U32;
typedef uint64_t bg_t_U64;
typedef int32_t bg_t_I32;
typedef uint32_t bg_t_IPV4; /* host order */
typedef int bg_t_FD;
typedef int bg_t_OPTFD; /* -1: none */
#define ENUM(name, values) typedef uint32_t bg_t_E_##name;
#define V(symbol, number)
#include "ops.def"
#undef ENUM
#undef V

enum bg_type {
    BG_T_VMID,
    BG_T_JAILID,
    BG_T_NAME,
    BG_T_DIGEST,
    BG_T_BOOTID,
    BG_T_MAC,
    BG_T_SLOT,
    BG_T_U32,
    BG_T_U64,
    BG_T_I32,
    BG_T_IPV4,
    BG_T_FD,
    BG_T_OPTFD,
#define ENUM(name, values) BG_T_E_##name,
#define V(symbol, number)
#include "ops.def"
#undef ENUM
#undef V
    BG_T_COUNT
};

/*
 * Arguments and results: struct bg_args_vm_reserve { bg_t_VMID vm; bg_t_SLOT slot; }, struct
 * bg_res_vm_reserve ... The i-th field starts at i * BG_FIELD_STRIDE (bg_field_at), which lets one
 * loop serve every operation.
 */
enum { BG_FIELD_STRIDE = 32 };
#define ARG(name, type) _Alignas(BG_FIELD_STRIDE) bg_t_##type name;
#define RES(name, type) _Alignas(BG_FIELD_STRIDE) bg_t_##type name;
#define OP(name, number, args, results, doc, safe)                                                 \
    struct bg_args_##name {                                                                        \
        args                                                                                       \
    };                                                                                             \
    struct bg_res_##name {                                                                         \
        results                                                                                    \
    };
#include "ops.def"
#undef OP
#define OP(name, number, args, results, doc, safe) struct bg_args_##name name;
union bg_args {
#include "ops.def"
};
#undef OP
#define OP(name, number, args, results, doc, safe) struct bg_res_##name name;
union bg_results {
#include "ops.def"
};
#undef OP
#undef ARG
#undef RES

enum bg_op {
#define OP(name, number, args, results, doc, safe) BG_OP_##name = number,
#include "ops.def"
#undef OP
};

struct bg_enum_value {
    const char *name;
    uint32_t number;
};

struct bg_field {
    const char *name;
    enum bg_type type;
};

/* Where the i-th field lies in a union bg_args or bg_results. */
static inline void *bg_field_at(void *base, size_t i)
{
    return (char *)base + i * BG_FIELD_STRIDE;
}

struct bg_op_row {
    const char *name;
    uint32_t number;
    const struct bg_field *args, *results;
    size_t nargs, nresults;
    const char *doc, *safe;
};
extern const struct bg_op_row bg_ops[]; /* in the order of ops.def */
extern const size_t bg_ops_count;
const struct bg_op_row *bg_op_by_number(uint32_t number);
const struct bg_op_row *bg_op_by_name(const char *name);

const char *bg_type_name(enum bg_type type); /* "VMID", "E_kind" */
const struct bg_enum_value *bg_type_values(enum bg_type type,
                                           size_t *ret_count); /* NULL: not an enum */

/*
 * A message being written or read, and the fds that travel with it. fds belong to the message:
 * whoever takes one out of fds[] sets its place to -1, and bg_wire_close() closes the rest.
 * bg_decode_*() only lends them to the struct.
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
    uint32_t op, id, nfds, length;
};

struct bg_reply {
    uint32_t code; /* enum bg_code */
    uint32_t sys;  /* errno or 0 */
    char message[BG_MESSAGE_MAX + 1];
};

void bg_wire_init(struct bg_wire *w); /* empty, no fds */
void bg_wire_close(struct bg_wire *w);

/* Write a whole message. False when a value does not fit its type (w->field and w->why tell). */
bool bg_encode_request(struct bg_wire *w, const struct bg_op_row *op, uint32_t id,
                       const union bg_args *args);
bool bg_encode_reply(struct bg_wire *w, const struct bg_op_row *op, uint32_t id,
                     const struct bg_reply *reply, const union bg_results *results);

/* Read from w->bytes[0..length) and w->fds[0..nfds): exact lengths and counts, no trailing bytes.
 * False as above. */
bool bg_decode_header(struct bg_wire *w, struct bg_header *ret);
bool bg_decode_args(struct bg_wire *w, const struct bg_op_row *op, union bg_args *ret);
bool bg_decode_reply(struct bg_wire *w, const struct bg_op_row *op, struct bg_reply *ret,
                     union bg_results *ret_results);

/* The syntax of ids, for whoever makes them: len bytes, each [a-z0-9]. */
bool bg_valid_id(const char *s, size_t len);
#endif
