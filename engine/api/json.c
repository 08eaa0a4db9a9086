/* Follows serde_json 1.0's slice reader (read.rs, de.rs): which error, and whether its column counts
 * the byte that was looked at ("peek") or stops before it, decide what the client sees. */
#include "json_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 127

void bg_json_init(struct bg_json *json, const char *text, size_t len)
{
    *json = (struct bg_json){.text = text, .len = len};
}

int bg_json_fail(struct bg_json *json, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(json->error, sizeof json->error, format, ap);
    va_end(ap);
    json->failed = true;
    json->placed = false;
    return -1;
}

static int place_at(struct bg_json *json, size_t pos)
{
    size_t line = 1, start = 0;
    for (size_t i = 0; i < pos; i++) {
        if (json->text[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    json->line = line;
    json->column = pos - start;
    json->placed = true;
    return -1;
}

int bg_json_place(struct bg_json *json)
{
    return json->placed ? -1 : place_at(json, json->pos);
}

/* The error is at what was consumed. */
int bg_json_here(struct bg_json *json, const char *message)
{
    (void)bg_json_fail(json, "%s", message);
    return place_at(json, json->pos);
}

/* The error is at the byte looked at but not consumed. */
int bg_json_peeked(struct bg_json *json, const char *message)
{
    (void)bg_json_fail(json, "%s", message);
    return place_at(json, json->pos < json->len ? json->pos + 1 : json->len);
}

int bg_json_peek(struct bg_json *json)
{
    while (json->pos < json->len) {
        char c = json->text[json->pos];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return (unsigned char)c;
        json->pos++;
    }
    return -1;
}

static int ident(struct bg_json *json, const char *rest)
{
    for (; *rest; rest++) {
        int c = bg_json_raw(json);
        if (c < 0)
            return bg_json_here(json, "EOF while parsing a value");
        json->pos++;
        if (c != *rest)
            return bg_json_here(json, "expected ident");
    }
    return 0;
}

int bg_json_null(struct bg_json *json)
{
    json->pos++;
    return ident(json, "ull");
}

int bg_json_bool(struct bg_json *json, bool *ret)
{
    int c = bg_json_peek(json);
    if (c != 't' && c != 'f')
        return bg_json_wrong_type(json, "a boolean");
    json->pos++;
    if (ident(json, c == 't' ? "rue" : "alse") < 0)
        return -1;
    *ret = c == 't';
    return 0;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int digits(struct bg_json *json)
{
    if (!is_digit(bg_json_raw(json)))
        return bg_json_raw(json) < 0 ? bg_json_here(json, "EOF while parsing a value")
                                     : bg_json_peeked(json, "invalid number");
    while (is_digit(bg_json_raw(json)))
        json->pos++;
    return 0;
}

/* The grammar of a number; *ret_float when it has a fraction or an exponent. */
static int scan_number(struct bg_json *json, bool *ret_float)
{
    *ret_float = false;
    if (bg_json_raw(json) == '-')
        json->pos++;
    if (bg_json_raw(json) == '0') {
        json->pos++;
        if (is_digit(bg_json_raw(json)))
            return bg_json_peeked(json, "invalid number");
    } else if (digits(json) < 0) {
        return -1;
    }
    if (bg_json_raw(json) == '.') {
        *ret_float = true;
        json->pos++;
        if (digits(json) < 0)
            return -1;
    }
    if (bg_json_raw(json) == 'e' || bg_json_raw(json) == 'E') {
        *ret_float = true;
        json->pos++;
        if (bg_json_raw(json) == '+' || bg_json_raw(json) == '-')
            json->pos++;
        if (digits(json) < 0)
            return -1;
    }
    return 0;
}

static int any_number(struct bg_json *json, struct bg_json_number *ret)
{
    size_t start = json->pos;
    bool is_float;
    if (scan_number(json, &is_float) < 0)
        return -1;
    char copy[352];
    size_t n = json->pos - start;
    if (n >= sizeof copy)
        return bg_json_here(json, "number out of range");
    memcpy(copy, json->text + start, n);
    copy[n] = '\0';
    bool negative = copy[0] == '-';
    uint64_t value = 0;
    for (const char *p = copy + negative; !is_float && *p; p++) {
        uint64_t d = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - d) / 10)
            is_float = true;
        else
            value = value * 10 + d;
    }
    if (is_float || (negative && (value == 0 || value > (uint64_t)INT64_MAX + 1))) {
        *ret = (struct bg_json_number){.kind = BG_JSON_F64, .f64 = strtod(copy, NULL)};
        return 0;
    }
    *ret = (struct bg_json_number){.kind = negative ? BG_JSON_I64 : BG_JSON_U64,
                                   .u64 = value,
                                   .i64 = negative ? (int64_t)(0 - value) : 0};
    return 0;
}

int bg_json_number(struct bg_json *json, const char *expected, struct bg_json_number *ret)
{
    int c = bg_json_peek(json);
    if (c != '-' && !is_digit(c))
        return bg_json_wrong_type(json, expected);
    return any_number(json, ret);
}

int bg_json_string(struct bg_json *json, const char *expected, char **ret)
{
    if (bg_json_peek(json) != '"')
        return bg_json_wrong_type(json, expected);
    return bg_json_parse_string(json, ret);
}

int bg_json_variant(struct bg_json *json, char **ret)
{
    int c = bg_json_peek(json);
    if (c < 0)
        return bg_json_peeked(json, "EOF while parsing a value");
    if (c != '"')
        return bg_json_peeked(json, "expected value");
    return bg_json_parse_string(json, ret);
}

/* Rust's {:?} of a string, as far as it differs from the string. */
static void debug_string(const char *s, char *out, size_t size)
{
    size_t n = 0;
    for (; *s && n + 3 < size; s++) {
        char code = *s == '\n' ? 'n' : *s == '\t' ? 't' : *s == '\r' ? 'r' : *s;
        if (code != *s || *s == '"' || *s == '\\')
            out[n++] = '\\';
        out[n++] = code;
    }
    out[n] = '\0';
}

static int wrong_number(struct bg_json *json, const char *expected)
{
    struct bg_json_number v;
    if (any_number(json, &v) < 0)
        return -1;
    if (v.kind == BG_JSON_U64)
        return bg_json_fail(json, "invalid type: integer `%lu`, expected %s", v.u64, expected);
    if (v.kind == BG_JSON_I64)
        return bg_json_fail(json, "invalid type: integer `%ld`, expected %s", v.i64, expected);
    char text[64];
    (void)snprintf(text, sizeof text, "%.17g", v.f64);
    for (int precision = 1; precision < 17; precision++) {
        (void)snprintf(text, sizeof text, "%.*g", precision, v.f64);
        if (strtod(text, NULL) == v.f64)
            break;
    }
    return bg_json_fail(json, "invalid type: floating point `%s%s`, expected %s", text,
                        strpbrk(text, ".e") ? "" : ".0", expected);
}

int bg_json_wrong_type(struct bg_json *json, const char *expected)
{
    int c = bg_json_peek(json);
    bool b;
    char *s, shown[256];
    if (c < 0)
        return bg_json_peeked(json, "EOF while parsing a value");
    if (c == 'n') {
        if (bg_json_null(json) == 0)
            bg_json_fail(json, "invalid type: null, expected %s", expected);
    } else if (c == 't' || c == 'f') {
        if (bg_json_bool(json, &b) == 0)
            bg_json_fail(json, "invalid type: boolean `%s`, expected %s", b ? "true" : "false",
                         expected);
    } else if (c == '-' || is_digit(c)) {
        wrong_number(json, expected);
    } else if (c == '"') {
        if (bg_json_parse_string(json, &s) == 0) {
            debug_string(s, shown, sizeof shown);
            free(s);
            bg_json_fail(json, "invalid type: string \"%s\", expected %s", shown, expected);
        }
    } else if (c == '[' || c == '{') {
        bg_json_fail(json, "invalid type: %s, expected %s", c == '[' ? "sequence" : "map",
                     expected);
    } else {
        return bg_json_peeked(json, "expected value");
    }
    return bg_json_place(json);
}

int bg_json_enter(struct bg_json *json, char bracket)
{
    if (bg_json_peek(json) != bracket)
        return bg_json_peeked(json, "expected value");
    if (json->depth >= MAX_DEPTH)
        return bg_json_peeked(json, "recursion limit exceeded");
    json->depth++;
    json->pos++;
    return 0;
}

int bg_json_next_key(struct bg_json *json, bool first, char **ret_key)
{
    int c = bg_json_peek(json);
    if (c == '}')
        return 0;
    if (c < 0)
        return bg_json_peeked(json, "EOF while parsing an object");
    if (!first) {
        if (c != ',')
            return bg_json_peeked(json, "expected `,` or `}`");
        json->pos++;
        c = bg_json_peek(json);
        if (c == '}')
            return bg_json_peeked(json, "trailing comma");
        if (c < 0)
            return bg_json_peeked(json, "EOF while parsing a value");
    }
    if (c != '"')
        return bg_json_peeked(json, "key must be a string");
    return bg_json_parse_string(json, ret_key) < 0 ? -1 : 1;
}

int bg_json_colon(struct bg_json *json)
{
    int c = bg_json_peek(json);
    if (c < 0)
        return bg_json_peeked(json, "EOF while parsing an object");
    if (c != ':')
        return bg_json_peeked(json, "expected `:`");
    json->pos++;
    return 0;
}

int bg_json_next_element(struct bg_json *json, bool first)
{
    int c = bg_json_peek(json);
    if (c == ']')
        return 0;
    if (c < 0)
        return bg_json_peeked(json, "EOF while parsing a list");
    if (first)
        return 1;
    if (c != ',')
        return bg_json_peeked(json, "expected `,` or `]`");
    json->pos++;
    c = bg_json_peek(json);
    if (c == ']')
        return bg_json_peeked(json, "trailing comma");
    if (c < 0)
        return bg_json_peeked(json, "EOF while parsing a value");
    return 1;
}

int bg_json_leave(struct bg_json *json, char bracket)
{
    int c = bg_json_peek(json);
    json->depth--;
    if (c == bracket) {
        json->pos++;
        return 0;
    }
    if (c < 0)
        return bg_json_peeked(json, bracket == '}' ? "EOF while parsing an object"
                                                   : "EOF while parsing a list");
    return bg_json_peeked(json, "trailing characters");
}

int bg_json_settle(struct bg_json *json, char bracket)
{
    json->depth--;
    if (json->placed)
        return -1;
    if (bg_json_peek(json) == bracket)
        json->pos++;
    return bg_json_place(json);
}

int bg_json_skip(struct bg_json *json)
{
    int c = bg_json_peek(json), r;
    bool first = true;
    char *s;
    struct bg_json_number number;
    bool b;
    switch (c) {
    case 'n':
        return bg_json_null(json);
    case 't':
    case 'f':
        return bg_json_bool(json, &b);
    case '"':
        r = bg_json_parse_string(json, &s);
        if (r == 0)
            free(s);
        return r;
    case '[':
        r = bg_json_enter(json, '[');
        while (r == 0 && (r = bg_json_next_element(json, first)) > 0) {
            first = false;
            r = bg_json_skip(json);
        }
        return r < 0 ? -1 : bg_json_leave(json, ']');
    case '{':
        r = bg_json_enter(json, '{');
        while (r == 0 && (r = bg_json_next_key(json, first, &s)) > 0) {
            free(s);
            first = false;
            r = bg_json_colon(json) < 0 ? -1 : bg_json_skip(json);
        }
        return r < 0 ? -1 : bg_json_leave(json, '}');
    case -1:
        return bg_json_peeked(json, "EOF while parsing a value");
    default:
        if (c == '-' || is_digit(c))
            return any_number(json, &number);
        return bg_json_peeked(json, "expected value");
    }
}

int bg_json_end(struct bg_json *json)
{
    return bg_json_peek(json) < 0 ? 0 : bg_json_peeked(json, "trailing characters");
}

void bg_json_error(const struct bg_json *json, struct bg_buf *out)
{
    bg_buf_str(out, json->error);
    if (json->placed)
        bg_buf_fmt(out, " at line %zu column %zu", json->line, json->column);
}
