/* What json.c and json_string.c share; nobody else includes it. */
#ifndef BG_ENGINE_JSON_PARTS_H
#define BG_ENGINE_JSON_PARTS_H

#include "json.h"

/* An error at what was consumed so far. Always -1. */
int bg_json_here(struct bg_json *json, const char *message);
/* An error at the byte that was looked at but not consumed. Always -1. */
int bg_json_peeked(struct bg_json *json, const char *message);

/* The next byte, white space included, or -1 at the end. */
static inline int bg_json_raw(const struct bg_json *json)
{
    return json->pos < json->len ? (unsigned char)json->text[json->pos] : -1;
}

/* The opening quote is next. *ret is malloc'ed. */
int bg_json_parse_string(struct bg_json *json, char **ret);

#endif
