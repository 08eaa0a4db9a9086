/* A JSON value of any shape, for the MMDS store. Objects are sorted by key, as serde_json's are. */
#ifndef BG_ENGINE_VALUE_H
#define BG_ENGINE_VALUE_H

#include "json.h"

struct bg_value;

/* The whole text must be one value. 0, or -1 with json's error. */
int bg_value_parse(struct bg_json *json, struct bg_value **ret);
void bg_value_free(struct bg_value *value); /* NULL is fine */
struct bg_value *bg_value_copy(const struct bg_value *value);
bool bg_value_is_null(const struct bg_value *value);
/* RFC 7386: applies patch to *target. Takes patch over. */
void bg_value_merge(struct bg_value **target, struct bg_value *patch);
void bg_value_print(const struct bg_value *value, struct bg_buf *out);

#endif
