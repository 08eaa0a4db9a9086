/* Decoding follows the code that serde's derive makes: keys in any order, each once, missing ones
 * reported in field order after the object's end; an array gives the fields by position. */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

static const char *type_name(const struct bg_field *f)
{
    switch (f->type) {
    case BG_U8:
        return "u8";
    case BG_U16:
        return "u16";
    case BG_U32:
        return "u32";
    case BG_U64:
        return "u64";
    case BG_USIZE:
        return "usize";
    case BG_PATH:
        return "path string";
    default:
        return "a string";
    }
}

static void *member(const struct bg_field *f, void *object)
{
    return (char *)object + f->offset;
}

static const void *cmember(const struct bg_field *f, const void *object)
{
    return (const char *)object + f->offset;
}

static void store_number(const struct bg_field *f, void *at, uint64_t v)
{
    switch (f->type) {
    case BG_BOOL:
        *(bool *)at = v != 0;
        break;
    case BG_U8:
        *(uint8_t *)at = (uint8_t)v;
        break;
    case BG_U16:
        *(uint16_t *)at = (uint16_t)v;
        break;
    case BG_U32:
        *(uint32_t *)at = (uint32_t)v;
        break;
    case BG_ENUM:
        *(int *)at = (int)v;
        break;
    default:
        *(uint64_t *)at = v;
    }
}

static int decode_number(const struct bg_field *f, struct bg_json *json, void *at)
{
    static const uint64_t limits[] = {
        [BG_U8] = UINT8_MAX,   [BG_U16] = UINT16_MAX,   [BG_U32] = UINT32_MAX,
        [BG_U64] = UINT64_MAX, [BG_USIZE] = UINT64_MAX,
    };
    struct bg_json_number v;
    (void)bg_json_peek(json);
    size_t start = json->pos;
    if (bg_json_number(json, type_name(f), &v) < 0)
        return -1;
    if (v.kind == BG_JSON_F64) {
        json->pos = start;
        return bg_json_wrong_type(json, type_name(f));
    }
    if (v.kind == BG_JSON_I64)
        (void)bg_json_fail(json, "invalid value: integer `%ld`, expected %s", v.i64, type_name(f));
    else if (v.u64 > limits[f->type])
        (void)bg_json_fail(json, "invalid value: integer `%lu`, expected %s", v.u64, type_name(f));
    else {
        store_number(f, at, v.u64);
        return 0;
    }
    return bg_json_place(json);
}

/* "`a`", "`a` or `b`", "one of `a`, `b`, `c`". */
static void alternatives(struct bg_buf *out, const char *(*name)(const void *, unsigned),
                         const void *names, unsigned n)
{
    if (n > 2)
        bg_buf_str(out, "one of ");
    for (unsigned i = 0; i < n; i++)
        bg_buf_fmt(out, "%s`%s`", i == 0 ? "" : n == 2 ? " or " : ", ", name(names, i));
}

static const char *enum_name(const void *names, unsigned i)
{
    return ((const char *const *)names)[i];
}

static const char *field_name(const void *schema, unsigned i)
{
    return ((const struct bg_schema *)schema)->fields[i].name;
}

static int fail_unknown(struct bg_json *json, const char *what, const char *name,
                        const char *(*names)(const void *, unsigned), const void *of, unsigned n)
{
    struct bg_buf text = {0};
    alternatives(&text, names, of, n);
    (void)bg_json_fail(json, "unknown %s `%s`, expected %s", what, name,
                       text.data ? text.data : "nothing");
    bg_buf_free(&text);
    return -1;
}

static int decode_enum(const struct bg_field *f, struct bg_json *json, int *at)
{
    const char *const *names = f->of;
    char *text;
    if (bg_json_variant(json, &text) < 0)
        return -1;
    unsigned n = 0;
    int found = -1;
    for (; names[n]; n++) {
        if (strcmp(names[n], text) == 0)
            found = (int)n;
    }
    if (found < 0) {
        (void)fail_unknown(json, "variant", text, enum_name, names, n);
        (void)bg_json_place(json);
    } else {
        *at = found;
    }
    free(text);
    return found < 0 ? -1 : 0;
}

static int decode_text(const struct bg_field *f, struct bg_json *json, char **at)
{
    if (bg_json_string(json, type_name(f), at) < 0)
        return -1;
    if (!f->check || f->check(*at, json))
        return 0;
    free(*at);
    *at = NULL;
    return f->check_placed ? bg_json_place(json) : -1;
}

/* Room for one more item of `size` bytes, zeroed; NULL without memory. */
static void *append(struct bg_list *list, size_t size)
{
    void *bigger = reallocarray(list->items, list->n + 1, size);
    if (!bigger)
        return NULL;
    list->items = bigger;
    return memset((char *)bigger + list->n++ * size, 0, size);
}

static int decode_list(const struct bg_field *f, struct bg_json *json, struct bg_list *list)
{
    const struct bg_schema *of = f->of;
    bool first = true;
    int r;
    if (bg_json_peek(json) != '[')
        return bg_json_wrong_type(json, "a sequence");
    if (bg_json_enter(json, '[') < 0)
        return -1;
    while ((r = bg_json_next_element(json, first)) > 0) {
        first = false;
        void *item = append(list, f->type == BG_STRINGS ? sizeof(char *) : of->size);
        if (!item)
            r = bg_json_fail(json, "out of memory");
        else if (f->type == BG_STRINGS)
            r = bg_json_string(json, "a string", item);
        else
            r = bg_schema_decode(of, json, item);
        if (r < 0)
            break;
    }
    return r < 0 ? bg_json_settle(json, ']') : bg_json_leave(json, ']');
}

static int decode_value(const struct bg_field *f, struct bg_json *json, void *at)
{
    switch (f->type) {
    case BG_BOOL:
        return bg_json_bool(json, at);
    case BG_STRING:
    case BG_PATH:
        return decode_text(f, json, at);
    case BG_ENUM:
        return decode_enum(f, json, at);
    case BG_OBJECT:
        return bg_schema_decode(f->of, json, at);
    case BG_OBJECTS:
    case BG_STRINGS:
        return decode_list(f, json, at);
    case BG_IGNORED:
        return bg_json_skip(json);
    default:
        return decode_number(f, json, at);
    }
}

static int decode_field(const struct bg_schema *schema, unsigned i, struct bg_json *json, void *out)
{
    const struct bg_field *f = &schema->fields[i];
    if (!(f->flags & (BG_REQUIRED | BG_DEFAULT)) && bg_json_peek(json) == 'n')
        return bg_json_null(json);
    if (decode_value(f, json, member(f, out)) < 0)
        return -1;
    *(uint64_t *)out |= (uint64_t)1 << i;
    return 0;
}

static int decode_members(const struct bg_schema *schema, struct bg_json *json, void *out)
{
    uint64_t seen = 0;
    char *key;
    bool first = true;
    int r;
    while ((r = bg_json_next_key(json, first, &key)) > 0) {
        unsigned i = 0;
        first = false;
        while (i < schema->n_fields && strcmp(schema->fields[i].name, key) != 0)
            i++;
        bool unknown = i == schema->n_fields;
        if (unknown && !schema->lenient)
            r = fail_unknown(json, "field", key, field_name, schema, schema->n_fields);
        else if (!unknown && (seen >> i & 1))
            r = bg_json_fail(json, "duplicate field `%s`", key);
        else
            r = bg_json_colon(json);
        free(key);
        if (r == 0)
            r = unknown ? bg_json_skip(json) : decode_field(schema, i, json, out);
        if (r < 0)
            return -1;
        if (!unknown)
            seen |= (uint64_t)1 << i;
    }
    return r;
}

static int decode_elements(const struct bg_schema *schema, struct bg_json *json, void *out)
{
    unsigned i = 0;
    int r = 0;
    for (; i < schema->n_fields && (r = bg_json_next_element(json, i == 0)) > 0; i++) {
        if (decode_field(schema, i, json, out) < 0)
            return -1;
    }
    if (r == 0 && i < schema->n_fields && (schema->fields[i].flags & BG_REQUIRED))
        return bg_json_fail(json, "invalid length %u, expected struct %s with %u elements", i,
                            schema->name, schema->n_fields);
    return r < 0 ? -1 : 0;
}

/* Gives absent fields their fallback; -1 for the first that has none. */
static int complete(const struct bg_schema *schema, struct bg_json *json, void *out)
{
    for (unsigned i = 0; i < schema->n_fields; i++) {
        const struct bg_field *f = &schema->fields[i];
        if (bg_is_set(out, i))
            continue;
        if (f->flags & BG_REQUIRED)
            return bg_json_fail(json, "missing field `%s`", f->name);
        if (f->flags & BG_DEFAULT) {
            store_number(f, member(f, out), (uint64_t)f->fallback);
            *(uint64_t *)out |= (uint64_t)1 << i;
        }
    }
    return 0;
}

int bg_schema_decode(const struct bg_schema *schema, struct bg_json *json, void *out)
{
    int c = bg_json_peek(json), r;
    if (c != '{' && c != '[') {
        char expected[96] = "struct ";
        return bg_json_wrong_type(json, strncat(expected, schema->name, 80));
    }
    char closing = c == '{' ? '}' : ']';
    if (bg_json_enter(json, (char)c) < 0)
        return -1;
    r = c == '{' ? decode_members(schema, json, out) : decode_elements(schema, json, out);
    if (r == 0)
        r = complete(schema, json, out);
    if (r == 0)
        r = bg_json_leave(json, closing);
    else
        r = bg_json_settle(json, closing);
    if (r < 0)
        bg_schema_free(schema, out);
    return r;
}

static void encode_list(const struct bg_field *f, const struct bg_list *list, struct bg_buf *out)
{
    const struct bg_schema *of = f->of;
    bg_buf_str(out, "[");
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            bg_buf_str(out, ",");
        if (f->type == BG_STRINGS)
            bg_json_quote(out, ((char **)list->items)[i]);
        else
            bg_schema_encode(of, (const char *)list->items + i * of->size, out);
    }
    bg_buf_str(out, "]");
}

static void encode_value(const struct bg_field *f, const void *at, struct bg_buf *out)
{
    switch (f->type) {
    case BG_BOOL:
        bg_buf_str(out, *(const bool *)at ? "true" : "false");
        break;
    case BG_U8:
        bg_buf_fmt(out, "%u", *(const uint8_t *)at);
        break;
    case BG_U16:
        bg_buf_fmt(out, "%u", *(const uint16_t *)at);
        break;
    case BG_U32:
        bg_buf_fmt(out, "%u", *(const uint32_t *)at);
        break;
    case BG_U64:
    case BG_USIZE:
        bg_buf_fmt(out, "%lu", *(const uint64_t *)at);
        break;
    case BG_STRING:
    case BG_PATH:
        bg_json_quote(out, *(char *const *)at);
        break;
    case BG_ENUM:
        bg_json_quote(out, enum_name(f->of, (unsigned)*(const int *)at));
        break;
    case BG_OBJECT:
        bg_schema_encode(f->of, at, out);
        break;
    case BG_OBJECTS:
    case BG_STRINGS:
        encode_list(f, at, out);
        break;
    case BG_IGNORED:
        bg_buf_str(out, "null");
    }
}

void bg_schema_encode(const struct bg_schema *schema, const void *object, struct bg_buf *out)
{
    const char *separator = "{";
    for (unsigned i = 0; i < schema->n_fields; i++) {
        const struct bg_field *f = &schema->fields[i];
        bool set = bg_is_set(object, i);
        if ((f->flags & BG_HIDDEN) || (!set && (f->flags & BG_OMIT)))
            continue;
        bg_buf_fmt(out, "%s\"%s\":", separator, f->name);
        separator = ",";
        if (set)
            encode_value(f, cmember(f, object), out);
        else
            bg_buf_str(out, "null");
    }
    bg_buf_str(out, *separator == '{' ? "{}" : "}");
}

static void free_list(const struct bg_field *f, struct bg_list *list)
{
    const struct bg_schema *of = f->of;
    for (size_t i = 0; i < list->n; i++) {
        if (f->type == BG_STRINGS)
            free(((char **)list->items)[i]);
        else
            bg_schema_free(of, (char *)list->items + i * of->size);
    }
    free(list->items);
}

void bg_schema_free(const struct bg_schema *schema, void *object)
{
    for (unsigned i = 0; i < schema->n_fields; i++) {
        const struct bg_field *f = &schema->fields[i];
        void *at = member(f, object);
        if (f->type == BG_STRING || f->type == BG_PATH)
            free(*(char **)at);
        else if (f->type == BG_OBJECT)
            bg_schema_free(f->of, at);
        else if (f->type == BG_OBJECTS || f->type == BG_STRINGS)
            free_list(f, at);
    }
    memset(object, 0, schema->size);
}
