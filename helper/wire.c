/*
 * The codec of wire.h. Three tables are built from ops.def (enums, fields, operations). put() and
 * get() know how each type travels and refuse what it may not hold, so that neither end can send
 * what the other refuses.
 */
#include "wire.h"
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct bg_code_row bg_codes[] = {
#define CODE(symbol, number, name) {#symbol, number, name},
#include "codes.def"
#undef CODE
};
const size_t bg_codes_count = COUNT(bg_codes);

#define V(symbol, number)  {#symbol, number},
#define ENUM(name, values) static const struct bg_enum_value values_##name[] = {values};
#include "ops.def"
#undef ENUM
#undef V

/* Each list ends with an empty row, so that an operation without fields has an array as well. */
#define ARG(name, type) {#name, BG_T_##type},
#define RES(name, type) {#name, BG_T_##type},
#define OP(name, number, args, results, doc, safe)                                                 \
    static const struct bg_field args_##name[] = {args{NULL, BG_T_COUNT}};                         \
    static const struct bg_field results_##name[] = {results{NULL, BG_T_COUNT}};
#include "ops.def"
#undef OP
#undef ARG
#undef RES

const struct bg_op_row bg_ops[] = {
#define OP(name, number, args, results, doc, safe)                                                 \
    {                                                                                              \
        #name,                                                                                     \
        number,                                                                                    \
        args_##name,                                                                               \
        results_##name,                                                                            \
        COUNT(args_##name) - 1,                                                                    \
        COUNT(results_##name) - 1,                                                                 \
        doc,                                                                                       \
        safe},
#include "ops.def"
#undef OP
};
const size_t bg_ops_count = COUNT(bg_ops);

static const struct type_row {
    const char *name;
    const struct bg_enum_value *values; /* enums only */
    size_t count;
} types[BG_T_COUNT] = {
    [BG_T_VMID] = {"VMID", NULL, 0},     [BG_T_JAILID] = {"JAILID", NULL, 0},
    [BG_T_NAME] = {"NAME", NULL, 0},     [BG_T_DIGEST] = {"DIGEST", NULL, 0},
    [BG_T_BOOTID] = {"BOOTID", NULL, 0}, [BG_T_MAC] = {"MAC", NULL, 0},
    [BG_T_SLOT] = {"SLOT", NULL, 0},     [BG_T_U32] = {"U32", NULL, 0},
    [BG_T_U64] = {"U64", NULL, 0},       [BG_T_I32] = {"I32", NULL, 0},
    [BG_T_IPV4] = {"IPV4", NULL, 0},     [BG_T_FD] = {"FD", NULL, 0},
    [BG_T_OPTFD] = {"OPTFD", NULL, 0},
#define ENUM(name, values) [BG_T_E_##name] = {"E_" #name, values_##name, COUNT(values_##name)},
#define V(symbol, number)
#include "ops.def"
#undef ENUM
#undef V
};

const char *bg_code_name(uint32_t number)
{
    for (size_t i = 0; i < bg_codes_count; i++)
        if (bg_codes[i].number == number)
            return bg_codes[i].name;
    return NULL;
}

const struct bg_op_row *bg_op_by_number(uint32_t number)
{
    for (size_t i = 0; i < bg_ops_count; i++)
        if (bg_ops[i].number == number)
            return &bg_ops[i];
    return NULL;
}

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

bool bg_valid_id(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9')))
            return false;
    return true;
}

/* [a-z0-9-] then NULs up to 16 bytes: one spelling for each name. */
static bool valid_name(const char *s)
{
    size_t len = strnlen(s, 16);
    for (size_t i = 0; i < len; i++)
        if (!bg_valid_id(s + i, 1) && s[i] != '-')
            return false;
    for (size_t i = len; i < 16; i++)
        if (s[i] != 0)
            return false;
    return true;
}

static bool valid_enum(enum bg_type type, uint32_t value)
{
    for (size_t i = 0; i < types[type].count; i++)
        if (types[type].values[i].number == value)
            return true;
    return false;
}

/* What the value of a type may not be; NULL when it is good. */
static const char *wrong(enum bg_type type, const void *v)
{
    switch (type) {
    case BG_T_VMID:
        return bg_valid_id(v, 8) ? NULL : "must be 8 characters of a-z and 0-9";
    case BG_T_JAILID:
        return bg_valid_id(v, 16) ? NULL : "must be 16 characters of a-z and 0-9";
    case BG_T_NAME:
        return valid_name(v) ? NULL : "must be at most 16 characters of a-z, 0-9 and -";
    case BG_T_SLOT:
        return *(const uint32_t *)v <= BG_SLOT_MAX ? NULL : "must be 0 to 4091";
    default:
        return types[type].values && !valid_enum(type, *(const uint32_t *)v)
                   ? "is not a known value"
                   : NULL;
    }
}

static bool refuse(struct bg_wire *w, const char *field, const char *why)
{
    w->field = field;
    w->why = why;
    return false;
}

static void put_bytes(struct bg_wire *w, const void *p, size_t n)
{
    if (n <= BG_WIRE_MAX - w->length)
        memcpy(w->bytes + w->length, p, n);
    w->length += n; /* beyond the maximum: finish() refuses the message */
}

static void put_int(struct bg_wire *w, uint64_t v, size_t n)
{
    uint8_t b[8];
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)(v >> (8 * i));
    put_bytes(w, b, n);
}

static bool get_bytes(struct bg_wire *w, void *p, size_t n)
{
    if (n > w->length - w->at)
        return false;
    memcpy(p, w->bytes + w->at, n);
    w->at += n;
    return true;
}

static bool get_int(struct bg_wire *w, uint64_t *v, size_t n)
{
    uint8_t b[8];
    if (!get_bytes(w, b, n))
        return false;
    *v = 0;
    for (size_t i = 0; i < n; i++)
        *v |= (uint64_t)b[i] << (8 * i);
    return true;
}

static bool get_u32(struct bg_wire *w, uint32_t *v)
{
    uint64_t wide;
    if (!get_int(w, &wide, 4))
        return false;
    *v = (uint32_t)wide;
    return true;
}

/* Bytes of a type that travels as they are; 0 for numbers and fds. */
static size_t raw_size(enum bg_type type)
{
    switch (type) {
    case BG_T_VMID:
        return 8;
    case BG_T_JAILID:
    case BG_T_NAME:
    case BG_T_BOOTID:
        return 16;
    case BG_T_DIGEST:
        return 32;
    case BG_T_MAC:
        return 6;
    default:
        return 0;
    }
}

static bool put_fd(struct bg_wire *w, int fd)
{
    if (fd < 0 || w->nfds == BG_WIRE_FDS)
        return false;
    w->fds[w->nfds++] = fd;
    return true;
}

static bool put(struct bg_wire *w, const struct bg_field *f, const void *v)
{
    const char *why = wrong(f->type, v);
    if (why)
        return refuse(w, f->name, why);
    if (raw_size(f->type))
        put_bytes(w, v, raw_size(f->type));
    else if (f->type == BG_T_U64)
        put_int(w, *(const uint64_t *)v, 8);
    else if (f->type == BG_T_OPTFD && *(const int *)v < 0)
        put_int(w, 0, 4);
    else if (f->type == BG_T_OPTFD || f->type == BG_T_FD) {
        if (f->type == BG_T_OPTFD)
            put_int(w, 1, 4);
        if (!put_fd(w, *(const int *)v))
            return refuse(w, f->name, "must be an open file descriptor");
    } else
        put_int(w, *(const uint32_t *)v, 4);
    return true;
}

static bool get_fd(struct bg_wire *w, int *ret)
{
    if (w->fd_at == w->nfds)
        return false;
    *ret = w->fds[w->fd_at++];
    return true;
}

static bool get(struct bg_wire *w, const struct bg_field *f, void *v)
{
    uint32_t present = 0;
    bool complete;
    if (raw_size(f->type))
        complete = get_bytes(w, v, raw_size(f->type));
    else if (f->type == BG_T_U64)
        complete = get_int(w, v, 8);
    else if (f->type == BG_T_FD)
        complete = get_fd(w, v);
    else if (f->type == BG_T_OPTFD) {
        *(int *)v = -1;
        complete = get_u32(w, &present) && (present == 0 || (present == 1 && get_fd(w, v)));
    } else
        complete = get_u32(w, v);
    if (!complete)
        return refuse(w, f->name, "is missing or cut short");
    const char *why = wrong(f->type, v);
    return why ? refuse(w, f->name, why) : true;
}

void bg_wire_init(struct bg_wire *w)
{
    memset(w, 0, sizeof(*w));
}

void bg_wire_close(struct bg_wire *w)
{
    for (size_t i = 0; i < w->nfds; i++)
        if (w->fds[i] >= 0)
            close(w->fds[i]);
    w->nfds = w->fd_at = 0;
}

static void start(struct bg_wire *w, const struct bg_op_row *op, uint32_t id)
{
    put_int(w, BG_WIRE_MAGIC, 4);
    put_int(w, BG_WIRE_VERSION, 2);
    put_int(w, op ? op->number : 0, 2);
    put_int(w, id, 4);
    put_int(w, 0, 4);
    put_int(w, 0, 4);
}

static bool finish(struct bg_wire *w)
{
    size_t end = w->length;
    if (end > BG_WIRE_MAX)
        return refuse(w, "message", "is too long");
    w->length = 12;
    put_int(w, w->nfds, 4);
    put_int(w, end - BG_WIRE_HEADER, 4);
    w->length = end;
    return true;
}

bool bg_encode_request(struct bg_wire *w, const struct bg_op_row *op, uint32_t id,
                       const union bg_args *args)
{
    start(w, op, id);
    for (size_t i = 0; i < op->nargs; i++)
        if (!put(w, &op->args[i], bg_field_at((void *)args, i)))
            return false;
    return finish(w);
}

/* op may be NULL for a failure: the request's operation was not known. */
bool bg_encode_reply(struct bg_wire *w, const struct bg_op_row *op, uint32_t id,
                     const struct bg_reply *reply, const union bg_results *results)
{
    start(w, op, id);
    put_int(w, reply->code, 4);
    put_int(w, reply->sys, 4);
    if (reply->code == BG_OK) {
        for (size_t i = 0; i < op->nresults; i++)
            if (!put(w, &op->results[i], bg_field_at((void *)results, i)))
                return false;
    } else {
        size_t n = strnlen(reply->message, BG_MESSAGE_MAX);
        put_int(w, n, 1);
        put_bytes(w, reply->message, n);
    }
    return finish(w);
}

bool bg_decode_header(struct bg_wire *w, struct bg_header *ret)
{
    uint64_t magic, version, op;
    w->at = w->fd_at = 0;
    if (!get_int(w, &magic, 4) || magic != BG_WIRE_MAGIC)
        return refuse(w, "magic", "is not banger's");
    if (!get_int(w, &version, 2) || version != BG_WIRE_VERSION)
        return refuse(w, "version", "differs");
    if (!get_int(w, &op, 2) || !get_u32(w, &ret->id) || !get_u32(w, &ret->nfds) ||
        !get_u32(w, &ret->length))
        return refuse(w, "header", "is cut short");
    ret->op = (uint32_t)op;
    if (ret->length != w->length - w->at)
        return refuse(w, "length", "is not the message's");
    return ret->nfds == w->nfds ? true : refuse(w, "fds", "are not as many as announced");
}

static bool get_fields(struct bg_wire *w, const struct bg_field *fields, size_t n, void *ret)
{
    for (size_t i = 0; i < n; i++)
        if (!get(w, &fields[i], bg_field_at(ret, i)))
            return false;
    if (w->at != w->length)
        return refuse(w, "message", "has trailing bytes");
    return w->fd_at == w->nfds ? true : refuse(w, "fds", "are more than the operation takes");
}

bool bg_decode_args(struct bg_wire *w, const struct bg_op_row *op, union bg_args *ret)
{
    memset(ret, 0, sizeof(*ret));
    return get_fields(w, op->args, op->nargs, ret);
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
    uint64_t n;
    memset(ret, 0, sizeof(*ret));
    memset(ret_results, 0, sizeof(*ret_results));
    if (!get_u32(w, &ret->code) || !get_u32(w, &ret->sys))
        return refuse(w, "code", "is missing or cut short");
    if (ret->code == BG_OK)
        return get_fields(w, op->results, op->nresults, ret_results);
    if (!get_int(w, &n, 1) || n > BG_MESSAGE_MAX || !get_bytes(w, ret->message, n) ||
        !printable(ret->message, n))
        return refuse(w, "message", "is not one line of text");
    return get_fields(w, NULL, 0, NULL);
}
