/* The tables and the two functions of wire_client.h, from the same ops.def and codes.def as the helper's. */
#include "wire_client.h"

#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#define CODE(symbol, number, name) {#symbol, number, name},
const struct bg_code_row bg_codes[] = {
#include "../helper/codes.def"
};
#undef CODE
const size_t bg_codes_count = COUNT(bg_codes);

const char *bg_code_name(uint32_t number)
{
    for (size_t i = 0; i < bg_codes_count; i++)
        if (bg_codes[i].number == number)
            return bg_codes[i].name;
    return NULL;
}

#define OP(name, number, args, results, doc, safe) {doc, safe},
const struct bg_op_text bg_op_texts[] = {
#include "../helper/ops.def"
};

#define V(symbol, number)  {#symbol, number},
#define ENUM(name, values) static const struct bg_enum_value values_##name[] = {values};
#include "../helper/ops.def"

static const struct {
    const char *name;
    const struct bg_enum_value *values; /* enums only */
    size_t count;
} types[BG_T_COUNT] = {
#define TYPE(name, ctype, size, spelling, max, wrong) [BG_T_##name] = {#name, NULL, 0},
#define ENUM(name, values)                            [BG_T_E_##name] = {"E_" #name, values_##name, COUNT(values_##name)},
#include "../helper/ops.def"
};

const struct bg_op_row *bg_op_by_name(const char *name)
{
    for (size_t i = 0; i < bg_ops_count; i++)
        if (strcmp(bg_ops[i].name, name) == 0)
            return &bg_ops[i];
    return NULL;
}

const char *bg_type_name(enum bg_type type)
{
    return types[type].name;
}

const struct bg_enum_value *bg_type_values(enum bg_type type, size_t *ret_count)
{
    *ret_count = types[type].count;
    return types[type].values;
}

bool bg_encode_request(struct bg_wire *w, const struct bg_op_row *op, uint32_t id,
                       const union bg_args *args)
{
    return bg_encode(w, op->number, id, op->args, op->nargs, args);
}

static bool printable(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < ' ' || s[i] > '~')
            return false;
    return true;
}

bool bg_decode_reply(struct bg_wire *w, const struct bg_op_row *op, struct bg_reply *ret,
                     union bg_results *ret_results)
{
    uint8_t n;

    memset(ret, 0, sizeof(*ret));
    memset(ret_results, 0, sizeof(*ret_results));
    if (!bg_wire_get(w, &ret->code, 4) || !bg_wire_get(w, &ret->sys, 4))
        return bg_refuse(w, "code", "is missing or cut short");
    if (ret->code == BG_OK)
        return bg_decode(w, op->results, op->nresults, ret_results);
    if (!bg_wire_get(w, &n, 1) || n > BG_MESSAGE_MAX || !bg_wire_get(w, ret->message, n) ||
        !printable(ret->message, n))
        return bg_refuse(w, "message", "is not one line of text");
    return bg_decode(w, NULL, 0, NULL);
}
