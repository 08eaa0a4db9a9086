/*
 * The codec of wire.h: bg_encode() and bg_decode() walk a list of fields with the table of types, and refuse what a type
 * may not hold, so that neither end can send what the other refuses.
 */
#include "wire.h"
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values travel as they are in memory");

/* Each list ends with an empty row, so that an operation without fields has an array as well. */
#define ARG(name, type) {#name, BG_T_##type},
#define RES             ARG
#define OP(name, number, args, results, doc, safe)                                                 \
    static const struct bg_field args_##name[] = {args{NULL, BG_T_COUNT}};                         \
    static const struct bg_field results_##name[] = {results{NULL, BG_T_COUNT}};
#include "ops.def"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define OP(name, number, args, results, doc, safe)                                                 \
    {#name, number, args_##name, results_##name, COUNT(args_##name) - 1, COUNT(results_##name) - 1},
const struct bg_op_row bg_ops[] = {
#include "ops.def"
};
const size_t bg_ops_count = COUNT(bg_ops);

const struct bg_op_row *bg_op_by_number(uint32_t number)
{
    for (size_t i = 0; i < bg_ops_count; i++)
        if (bg_ops[i].number == number)
            return &bg_ops[i];
    return NULL;
}

/* How a type travels, and what its value may be: a spelling, or a greatest number. */
static const struct type {
    uint8_t size;
    enum { RAW, IDENT, NAME } spelling;
    uint32_t max;
    const char *wrong;
} types[BG_T_COUNT] = {
#define TYPE(name, ctype, size, spelling, max, wrong) [BG_T_##name] = {size, spelling, max, wrong},
#define V(symbol, number)                             number,
#define ENUM(name, values)                                                                         \
    [BG_T_E_##name] = {4, RAW, COUNT(((uint32_t[]){values})) - 1, "is not a known value"},
#include "ops.def"
};

#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"
bool bg_valid_id(const char *s, size_t len)
{
    return strspn(s, LETTERS) >= len;
}

/* [a-z0-9-] then NULs: one spelling for each name. */
static bool valid_name(const char *s, size_t size)
{
    static const char nuls[BG_FIELD_STRIDE];
    size_t len = strspn(s, LETTERS "-");
    return len <= size && memcmp(s + len, nuls, size - len) == 0;
}

static bool good(const struct type *t, const void *v)
{
    uint32_t number = 0;
    if (t->spelling != RAW)
        return t->spelling == IDENT ? bg_valid_id(v, t->size) : valid_name(v, t->size);
    memcpy(&number, v, t->size < 4 ? t->size : 4);
    return number <= t->max;
}

bool bg_refuse(struct bg_wire *w, const char *field, const char *why)
{
    w->field = field;
    w->why = why;
    return false;
}

void bg_wire_init(struct bg_wire *w)
{
    memset(w, 0, sizeof(*w));
    w->length = w->at = BG_WIRE_HEADER;
}

void bg_wire_close(struct bg_wire *w)
{
    for (size_t i = 0; i < w->nfds; i++)
        if (w->fds[i] >= 0)
            close(w->fds[i]);
    w->nfds = w->fd_at = 0;
}

bool bg_wire_put(struct bg_wire *w, const void *bytes, size_t n)
{
    if (n > BG_WIRE_MAX - w->length)
        return bg_refuse(w, "message", "is too long");
    memcpy(w->bytes + w->length, bytes, n);
    w->length += n;
    return true;
}

bool bg_wire_get(struct bg_wire *w, void *ret, size_t n)
{
    if (n > w->length - w->at)
        return false;
    memcpy(ret, w->bytes + w->at, n);
    w->at += n;
    return true;
}

static bool put(struct bg_wire *w, const struct bg_field *f, const void *value)
{
    const struct type *t = &types[f->type];
    bool is_fd = f->type == BG_T_FD || f->type == BG_T_OPTFD;
    uint32_t present = is_fd && *(const int *)value >= 0;
    if (is_fd ? f->type == BG_T_FD && !present : !good(t, value))
        return bg_refuse(w, f->name, t->wrong);
    if (present && w->nfds == BG_WIRE_FDS)
        return bg_refuse(w, "message", "has too many descriptors");
    if (present)
        w->fds[w->nfds++] = *(const int *)value;
    return bg_wire_put(w, is_fd ? &present : value, t->size);
}

static bool get(struct bg_wire *w, const struct bg_field *f, void *ret)
{
    const struct type *t = &types[f->type];
    if (!bg_wire_get(w, ret, t->size))
        return bg_refuse(w, f->name, "is missing or cut short");
    if (!good(t, ret))
        return bg_refuse(w, f->name, t->wrong);
    if (f->type == BG_T_FD || (f->type == BG_T_OPTFD && *(const int *)ret == 1)) {
        if (w->fd_at == w->nfds)
            return bg_refuse(w, f->name, "is missing or cut short");
        *(int *)ret = w->fds[w->fd_at++];
    } else if (f->type == BG_T_OPTFD)
        *(int *)ret = -1;
    return true;
}

bool bg_encode(struct bg_wire *w, uint32_t op, uint32_t id, const struct bg_field *fields, size_t n,
               const void *values)
{
    for (size_t i = 0; i < n; i++)
        if (!put(w, &fields[i], bg_field_at(values, i)))
            return false;
    struct bg_header header = {BG_WIRE_MAGIC,     BG_WIRE_VERSION,
                               (uint16_t)op,      id,
                               (uint32_t)w->nfds, (uint32_t)w->length - BG_WIRE_HEADER};
    memcpy(w->bytes, &header, sizeof(header));
    return true;
}

bool bg_encode_reply(struct bg_wire *w, const struct bg_op_row *op, uint32_t id,
                     const struct bg_reply *reply, const union bg_results *results)
{
    uint8_t n = (uint8_t)strnlen(reply->message, BG_MESSAGE_MAX);
    bg_wire_put(w, &reply->code, 4);
    bg_wire_put(w, &reply->sys, 4);
    if (reply->code == BG_OK)
        return bg_encode(w, op->number, id, op->results, op->nresults, results);
    bg_wire_put(w, &n, 1);
    bg_wire_put(w, reply->message, n);
    return bg_encode(w, op ? op->number : 0, id, NULL, 0, NULL);
}

bool bg_decode_header(struct bg_wire *w, struct bg_header *ret)
{
    memset(ret, 0, sizeof(*ret));
    memcpy(ret, w->bytes, w->length < BG_WIRE_HEADER ? w->length : BG_WIRE_HEADER);
    w->at = BG_WIRE_HEADER;
    w->fd_at = 0;
    if (ret->magic != BG_WIRE_MAGIC)
        return bg_refuse(w, "magic", "is not banger's");
    if (ret->version != BG_WIRE_VERSION)
        return bg_refuse(w, "version", "differs");
    if (w->length < BG_WIRE_HEADER || ret->length != w->length - BG_WIRE_HEADER)
        return bg_refuse(w, "length", "is not the message's");
    return ret->nfds == w->nfds ? true : bg_refuse(w, "fds", "are not as many as announced");
}

bool bg_decode(struct bg_wire *w, const struct bg_field *fields, size_t n, void *ret)
{
    for (size_t i = 0; i < n; i++)
        if (!get(w, &fields[i], bg_field_at(ret, i)))
            return false;
    if (w->at != w->length)
        return bg_refuse(w, "message", "has trailing bytes");
    return w->fd_at == w->nfds ? true : bg_refuse(w, "fds", "are more than the operation takes");
}
