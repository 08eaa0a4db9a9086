/*
 * The asking end of helper/wire.h: requests out, replies in, and the names that people use for types, values and codes.
 * The helper itself has none of this.
 */
#ifndef BG_WIRE_CLIENT_H
#define BG_WIRE_CLIENT_H

#include "../helper/wire.h"

struct bg_code_row {
    const char *symbol; /* "VM_ABSENT" */
    uint32_t number;
    const char *name; /* "vm.not_admitted" */
};
extern const struct bg_code_row bg_codes[];
extern const size_t bg_codes_count;
const char *bg_code_name(uint32_t number); /* NULL when unknown */

struct bg_op_text {
    const char *doc, *safe;
};
extern const struct bg_op_text bg_op_texts[]; /* in the order of bg_ops */
const struct bg_op_row *bg_op_by_name(const char *name);

struct bg_enum_value {
    const char *name;
    uint32_t number;
};
const char *bg_type_name(enum bg_type type); /* "VMID", "E_kind" */
const struct bg_enum_value *bg_type_values(enum bg_type type,
                                           size_t *ret_count); /* NULL: not an enum */

/* A whole message into w, which bg_wire_init() has emptied. False as bg_encode(). */
bool bg_encode_request(struct bg_wire *w, const struct bg_op_row *op, uint32_t id,
                       const union bg_args *args);

/* After bg_decode_header(). ret_results only when the code is BG_OK. False as bg_decode(). */
bool bg_decode_reply(struct bg_wire *w, const struct bg_op_row *op, struct bg_reply *ret,
                     union bg_results *ret_results);

#endif
