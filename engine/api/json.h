/* A strict JSON reader (RFC 8259) that fails as serde_json does, because clients of Firecracker
 * match on its texts: the same message, and the same "line L column C".
 *
 * A reader walks a text that outlives it and copies what it returns. Every function returns 0, or
 * -1 with the reader's error filled; after an error nothing else may be read, except by
 * bg_json_settle. serde tells two kinds of error apart, and so do we: a placed one knows where it
 * happened; an unplaced one (unknown field, missing field, a value that a conversion refused) gets
 * the position at which the enclosing structure was left (bg_json_settle). */
#ifndef BG_ENGINE_JSON_H
#define BG_ENGINE_JSON_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bg_json {
    const char *text;
    size_t len, pos;
    unsigned depth;
    bool failed, placed;
    size_t line, column; /* of a placed error */
    char error[1024];    /* without the position */
};

enum bg_json_number_kind { BG_JSON_U64, BG_JSON_I64, BG_JSON_F64 };
struct bg_json_number {
    enum bg_json_number_kind kind;
    uint64_t u64;
    int64_t i64; /* negative */
    double f64;
};

void bg_json_init(struct bg_json *json, const char *text, size_t len);

/* The next byte after white space, or -1 at the end; nothing is consumed. */
int bg_json_peek(struct bg_json *json);

int bg_json_bool(struct bg_json *json, bool *ret);
/* `expected` names the wanted type in the message ("u8"). */
int bg_json_number(struct bg_json *json, const char *expected, struct bg_json_number *ret);
/* *ret is malloc'ed, valid UTF-8, and has no NUL inside. */
int bg_json_string(struct bg_json *json, const char *expected, char **ret);
/* null; call only when bg_json_peek says 'n'. */
int bg_json_null(struct bg_json *json);
/* The variant's name of a unit enum; only a string will do. */
int bg_json_variant(struct bg_json *json, char **ret);
/* Consumes one value of any type. */
int bg_json_skip(struct bg_json *json);
/* "invalid type: <what is there>, expected <expected>". Always -1. */
int bg_json_wrong_type(struct bg_json *json, const char *expected);

/* Objects and arrays: enter, then next until 0, then leave. `next` returns 1 when there is another
 * member, whose value must be read before the next call. */
int bg_json_enter(struct bg_json *json, char bracket); /* '{' or '[', which must be next */
int bg_json_next_key(struct bg_json *json, bool first, char **ret_key);
int bg_json_colon(struct bg_json *json);
int bg_json_next_element(struct bg_json *json, bool first);
int bg_json_leave(struct bg_json *json, char bracket); /* '}' or ']' */

/* Nothing but white space may follow. */
int bg_json_end(struct bg_json *json);

/* Sets an unplaced error. Always -1. */
int bg_json_fail(struct bg_json *json, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Places an unplaced error here; one that is placed stays. Always -1. */
int bg_json_place(struct bg_json *json);
/* Leaves a structure in whose inside reading failed: consumes white space and `bracket` if it is
 * next, then places the error. Always -1. */
int bg_json_settle(struct bg_json *json, char bracket);

/* Appends the error as serde prints it: message, and " at line L column C" when placed. */
void bg_json_error(const struct bg_json *json, struct bg_buf *out);
/* Appends text as a JSON string, quotes included. */
void bg_json_quote(struct bg_buf *out, const char *text);

#endif
