/* Command lines as Firecracker and its jailer take them: only `--name` and `--name value`, each at
 * most once unless `many`. The jailer runs this as root: nothing is allocated, nothing is copied. */
#ifndef BG_ENGINE_ARGS_H
#define BG_ENGINE_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define BG_ARG_MANY 16

struct bg_arg {
    const char *name; /* the table is sorted by it: errors name the first in that order */
    bool takes_value, required, many;
    const char *needs, *forbids; /* another argument's name */
    const char *help;
    /* filled in: */
    const char *values[BG_ARG_MANY]; /* into argv; "" for one without a value */
    unsigned n;
};

struct bg_args_error {
    char text[256];  /* "The argument 'id' was provided more than once." */
    char debug[128]; /* DuplicateArgument("id") */
};

/* Parses argv[1..], up to "--" when there is one; *ret_rest is the index behind it, or argc.
 * "--help" and "--version" anywhere before it win over every error: then only they are set.
 * 0, or -1 with *error. */
int bg_args_parse(struct bg_arg *args, size_t n, int argc, char **argv, int *ret_rest,
                  struct bg_args_error *error);
const struct bg_arg *bg_arg(const struct bg_arg *args, size_t n, const char *name);
/* The value, or NULL when it was not given. */
const char *bg_arg_value(const struct bg_arg *args, size_t n, const char *name);
bool bg_arg_given(const struct bg_arg *args, size_t n, const char *name);
void bg_args_help(const struct bg_arg *args, size_t n, const char *title);

#endif
