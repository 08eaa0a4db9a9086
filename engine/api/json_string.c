/* Strings of JSON: reading with escapes and UTF-8 checked, and writing. */
#include "json_parts.h"

#include <stdlib.h>
#include <string.h>

static int hex4(struct bg_json *json, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int c = bg_json_raw(json);
        if (c < 0)
            return bg_json_here(json, "EOF while parsing a string");
        json->pos++;
        v <<= 4;
        if ((c >= '0' && c <= '9'))
            v |= (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v |= (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            v |= (uint32_t)(c - 'A' + 10);
        else
            return bg_json_here(json, "invalid escape");
    }
    *ret = v;
    return 0;
}

static void put_utf8(struct bg_buf *out, uint32_t c)
{
    unsigned char b[4];
    size_t n;
    if (c < 0x80) {
        b[0] = (unsigned char)c;
        n = 1;
    } else if (c < 0x800) {
        b[0] = (unsigned char)(0xc0 | c >> 6);
        b[1] = (unsigned char)(0x80 | (c & 0x3f));
        n = 2;
    } else if (c < 0x10000) {
        b[0] = (unsigned char)(0xe0 | c >> 12);
        b[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        b[2] = (unsigned char)(0x80 | (c & 0x3f));
        n = 3;
    } else {
        b[0] = (unsigned char)(0xf0 | c >> 18);
        b[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
        b[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        b[3] = (unsigned char)(0x80 | (c & 0x3f));
        n = 4;
    }
    bg_buf_add(out, b, n);
}

static int unicode_escape(struct bg_json *json, struct bg_buf *out)
{
    uint32_t c, low;
    if (hex4(json, &c) < 0)
        return -1;
    if (c >= 0xdc00 && c <= 0xdfff)
        return bg_json_here(json, "lone leading surrogate in hex escape");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (bg_json_raw(json) != '\\' || json->pos + 1 >= json->len ||
            json->text[json->pos + 1] != 'u')
            return bg_json_here(json, "unexpected end of hex escape");
        json->pos += 2;
        if (hex4(json, &low) < 0)
            return -1;
        if (low < 0xdc00 || low > 0xdfff)
            return bg_json_here(json, "lone leading surrogate in hex escape");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    /* serde would take it; no field of ours has a use for it, and C strings end there. */
    if (c == 0)
        return bg_json_here(json, "invalid unicode code point");
    put_utf8(out, c);
    return 0;
}

static int escape(struct bg_json *json, struct bg_buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = bg_json_raw(json);
    if (c < 0)
        return bg_json_here(json, "EOF while parsing a string");
    json->pos++;
    if (c == 'u')
        return unicode_escape(json, out);
    const char *p = memchr(from, c, sizeof from - 1);
    if (!p)
        return bg_json_here(json, "invalid escape");
    bg_buf_add(out, &to[p - from], 1);
    return 0;
}

/* Whether s..s+n is UTF-8 without overlong forms and surrogates. */
static bool is_utf8(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        unsigned char c = s[i++];
        if (c < 0x80)
            continue;
        size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || n - i < more)
            return false;
        uint32_t v = c & (0x3fu >> more);
        for (size_t k = 0; k < more; k++, i++) {
            if ((s[i] & 0xc0) != 0x80)
                return false;
            v = v << 6 | (s[i] & 0x3f);
        }
        if ((more == 2 && v < 0x800) || (more == 3 && (v < 0x10000 || v > 0x10ffff)) ||
            (v >= 0xd800 && v <= 0xdfff))
            return false;
    }
    return true;
}

int bg_json_parse_string(struct bg_json *json, char **ret)
{
    struct bg_buf out = {0};
    int r = -1;
    json->pos++;
    bg_buf_str(&out, "");
    for (;;) {
        int c = bg_json_raw(json);
        if (c < 0) {
            bg_json_here(json, "EOF while parsing a string");
            break;
        }
        json->pos++;
        if (c == '"') {
            r = 0;
            break;
        }
        if (c < 0x20) {
            json->pos--;
            bg_json_here(json, "control character (\\u0000-\\u001F) found while parsing a string");
            break;
        }
        if (c == '\\') {
            if (escape(json, &out) < 0)
                break;
            continue;
        }
        char byte = (char)c;
        bg_buf_add(&out, &byte, 1);
    }
    if (r == 0 && !is_utf8(out.data ? out.data : "", out.len))
        r = bg_json_here(json, "invalid unicode code point");
    if (r == 0 && !bg_buf_ok(&out))
        r = bg_json_here(json, "out of memory");
    if (r < 0) {
        bg_buf_free(&out);
        return -1;
    }
    *ret = out.data;
    return 0;
}

void bg_json_quote(struct bg_buf *out, const char *text)
{
    bg_buf_str(out, "\"");
    for (; *text; text++) {
        static const char plain[] = "\"\\\b\f\n\r\t", code[] = "\"\\bfnrt";
        unsigned char c = (unsigned char)*text;
        const char *p = memchr(plain, c, sizeof plain - 1);
        if (p)
            bg_buf_fmt(out, "\\%c", code[p - plain]);
        else if (c < 0x20)
            bg_buf_fmt(out, "\\u%04x", c);
        else
            bg_buf_add(out, text, 1);
    }
    bg_buf_str(out, "\"");
}
