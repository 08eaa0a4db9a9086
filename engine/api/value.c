/* Scalars keep their text, so that a number is printed as it came. */
#include "value.h"

#include <stdlib.h>
#include <string.h>

enum kind { SCALAR, STRING, ARRAY, OBJECT };

struct bg_value {
    enum kind kind;
    char *text;              /* SCALAR: as written; STRING: decoded */
    struct bg_value **items; /* ARRAY, OBJECT */
    char **keys;             /* OBJECT, sorted */
    size_t n;
};

void bg_value_free(struct bg_value *value)
{
    if (!value)
        return;
    for (size_t i = 0; i < value->n; i++) {
        bg_value_free(value->items[i]);
        if (value->keys)
            free(value->keys[i]);
    }
    free(value->items);
    free(value->keys);
    free(value->text);
    free(value);
}

bool bg_value_is_null(const struct bg_value *value)
{
    return value->kind == SCALAR && strcmp(value->text, "null") == 0;
}

static size_t find(const struct bg_value *object, const char *key, bool *found)
{
    size_t i = 0;
    int order = -1;
    while (i < object->n && (order = strcmp(object->keys[i], key)) < 0)
        i++;
    *found = i < object->n && order == 0;
    return i;
}

static void remove_at(struct bg_value *v, size_t i)
{
    bg_value_free(v->items[i]);
    free(v->keys[i]);
    v->n--;
    memmove(v->items + i, v->items + i + 1, (v->n - i) * sizeof *v->items);
    memmove(v->keys + i, v->keys + i + 1, (v->n - i) * sizeof *v->keys);
}

/* Takes key (NULL for an array) and item over, also on failure. */
static int insert(struct bg_value *v, size_t i, char *key, struct bg_value *item)
{
    struct bg_value **items = reallocarray(v->items, v->n + 1, sizeof *items);
    if (items)
        v->items = items;
    char **keys = key && items ? reallocarray(v->keys, v->n + 1, sizeof *keys) : NULL;
    if (keys)
        v->keys = keys;
    if (!items || (key && !keys)) {
        free(key);
        bg_value_free(item);
        return -1;
    }
    memmove(items + i + 1, items + i, (v->n - i) * sizeof *items);
    items[i] = item;
    if (key) {
        memmove(keys + i + 1, keys + i, (v->n - i) * sizeof *keys);
        keys[i] = key;
    }
    v->n++;
    return 0;
}

/* Takes key and item over; an earlier member of that name is replaced. */
static int set_member(struct bg_value *object, char *key, struct bg_value *item)
{
    bool found;
    size_t i = find(object, key, &found);
    if (found)
        remove_at(object, i);
    return insert(object, i, key, item);
}

static int parse(struct bg_json *json, struct bg_value **ret);

static int parse_array(struct bg_json *json, struct bg_value *v)
{
    bool first = true;
    int r = bg_json_enter(json, '[');
    while (r == 0 && (r = bg_json_next_element(json, first)) > 0) {
        struct bg_value *item;
        first = false;
        r = parse(json, &item);
        if (r == 0 && insert(v, v->n, NULL, item) < 0)
            r = bg_json_fail(json, "out of memory");
    }
    return r < 0 ? -1 : bg_json_leave(json, ']');
}

static int parse_object(struct bg_json *json, struct bg_value *v)
{
    bool first = true;
    char *key;
    int r = bg_json_enter(json, '{');
    while (r == 0 && (r = bg_json_next_key(json, first, &key)) > 0) {
        struct bg_value *item;
        first = false;
        r = bg_json_colon(json) < 0 ? -1 : parse(json, &item);
        if (r < 0)
            free(key);
        else if (set_member(v, key, item) < 0)
            r = bg_json_fail(json, "out of memory");
    }
    return r < 0 ? -1 : bg_json_leave(json, '}');
}

static int parse(struct bg_json *json, struct bg_value **ret)
{
    int c = bg_json_peek(json), r;
    struct bg_value *v = calloc(1, sizeof *v);
    if (!v)
        return bg_json_fail(json, "out of memory");
    size_t start = json->pos;
    if (c == '{') {
        v->kind = OBJECT;
        r = parse_object(json, v);
    } else if (c == '[') {
        v->kind = ARRAY;
        r = parse_array(json, v);
    } else if (c == '"') {
        v->kind = STRING;
        r = bg_json_string(json, "a string", &v->text);
    } else {
        r = bg_json_skip(json);
        if (r == 0 && !(v->text = strndup(json->text + start, json->pos - start)))
            r = bg_json_fail(json, "out of memory");
    }
    if (r < 0)
        bg_value_free(v);
    else
        *ret = v;
    return r;
}

int bg_value_parse(struct bg_json *json, struct bg_value **ret)
{
    struct bg_value *v;
    if (parse(json, &v) < 0)
        return -1;
    if (bg_json_end(json) < 0) {
        bg_value_free(v);
        return -1;
    }
    *ret = v;
    return 0;
}

struct bg_value *bg_value_copy(const struct bg_value *value)
{
    struct bg_buf text = {0};
    struct bg_json json;
    struct bg_value *copy = NULL;
    bg_value_print(value, &text);
    bg_json_init(&json, text.data ? text.data : "", text.len);
    int r = bg_buf_ok(&text) ? bg_value_parse(&json, &copy) : -1;
    bg_buf_free(&text);
    return r < 0 ? NULL : copy;
}

void bg_value_merge(struct bg_value **target, struct bg_value *patch)
{
    if (patch->kind != OBJECT) {
        bg_value_free(*target);
        *target = patch;
        return;
    }
    if (!*target || (*target)->kind != OBJECT) {
        struct bg_value *empty = calloc(1, sizeof *empty);
        if (!empty) {
            bg_value_free(patch);
            return;
        }
        empty->kind = OBJECT;
        bg_value_free(*target);
        *target = empty;
    }
    for (size_t k = 0; k < patch->n; k++) {
        bool found;
        size_t i = find(*target, patch->keys[k], &found);
        struct bg_value *old = found ? (*target)->items[i] : NULL;
        if (bg_value_is_null(patch->items[k])) {
            if (found)
                remove_at(*target, i);
            continue;
        }
        if (found)
            (*target)->items[i] = NULL;
        bg_value_merge(&old, patch->items[k]);
        patch->items[k] = NULL;
        if (found)
            (*target)->items[i] = old;
        else {
            (void)insert(*target, i, patch->keys[k], old);
            patch->keys[k] = NULL;
        }
    }
    bg_value_free(patch);
}

void bg_value_print(const struct bg_value *value, struct bg_buf *out)
{
    if (value->kind == SCALAR) {
        bg_buf_str(out, value->text);
        return;
    }
    if (value->kind == STRING) {
        bg_json_quote(out, value->text);
        return;
    }
    bool object = value->kind == OBJECT;
    bg_buf_str(out, object ? "{" : "[");
    for (size_t i = 0; i < value->n; i++) {
        if (i > 0)
            bg_buf_str(out, ",");
        if (object) {
            bg_json_quote(out, value->keys[i]);
            bg_buf_str(out, ":");
        }
        bg_value_print(value->items[i], out);
    }
    bg_buf_str(out, object ? "}" : "]");
}
