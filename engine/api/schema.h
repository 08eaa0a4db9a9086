/* One table describes a JSON object of the API: bg_schema_decode fills a plain C struct from it,
 * bg_schema_encode prints the struct again, bg_schema_free releases what the struct owns. The
 * order of the fields is the order in messages, in arrays by position, and in output.
 *
 * A described struct begins with `uint64_t set`: bit i tells whether field i has a value. A field
 * that was null is not set. Strings are malloc'ed char *, nested objects lie inside the struct,
 * lists are struct bg_list. A zeroed struct is valid and empty. */
#ifndef BG_ENGINE_SCHEMA_H
#define BG_ENGINE_SCHEMA_H

#include "json.h"

enum bg_type {
    BG_BOOL,    /* bool */
    BG_U8,      /* uint8_t */
    BG_U16,     /* uint16_t */
    BG_U32,     /* uint32_t */
    BG_U64,     /* uint64_t */
    BG_USIZE,   /* uint64_t, "usize" in messages */
    BG_STRING,  /* char * */
    BG_PATH,    /* char *, "path string" in messages */
    BG_ENUM,    /* int, index into the names in `of` */
    BG_OBJECT,  /* a struct described by the schema in `of` */
    BG_OBJECTS, /* struct bg_list of structs described by the schema in `of` */
    BG_STRINGS, /* struct bg_list of char * */
    BG_IGNORED, /* any JSON; only its presence is kept */
};

enum {
    BG_REQUIRED = 1, /* must be there and not null */
    BG_DEFAULT = 2,  /* absent: the field's `fallback`; null is an error, as for any other type */
    BG_OMIT = 4,     /* output leaves it out when not set, instead of printing null */
    BG_HIDDEN = 8,   /* never printed */
};

struct bg_field {
    const char *name;
    enum bg_type type;
    unsigned flags; /* without REQUIRED and DEFAULT the field is optional and may be null */
    size_t offset;
    const void *of;
    int64_t fallback;
    /* A string that serde converts (MAC, address, level): false refuses it, with the reader's
     * error set by bg_json_fail. `check_placed`: serde reports it at the string, else at the end
     * of the object. */
    bool (*check)(const char *text, struct bg_json *json);
    bool check_placed;
};

struct bg_schema {
    const char *name; /* Rust's name of the struct, which messages show */
    const struct bg_field *fields;
    unsigned n_fields;
    bool lenient; /* unknown fields are skipped */
    size_t size;
};

struct bg_list {
    void *items;
    size_t n;
};

/* *out must be zeroed; on failure (-1, json's error) it is empty again. */
int bg_schema_decode(const struct bg_schema *schema, struct bg_json *json, void *out);
void bg_schema_encode(const struct bg_schema *schema, const void *object, struct bg_buf *out);
/* Releases what the struct owns and zeroes it. */
void bg_schema_free(const struct bg_schema *schema, void *object);

static inline bool bg_is_set(const void *object, unsigned field)
{
    return *(const uint64_t *)object >> field & 1;
}

#endif
