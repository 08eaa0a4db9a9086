/* See args.h. */
#include "args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int fail(struct bg_args_error *e, const char *debug, const char *name, const char *format)
{
    /* Every text has the name exactly once; `format` is one of the literals below. */
    const char *at = strstr(format, "{}");
    (void)snprintf(e->text, sizeof e->text, "%.*s%s%s", (int)(at - format), format, name, at + 2);
    (void)snprintf(e->debug, sizeof e->debug, "%s(\"%s\")", debug, name);
    return -1;
}

static struct bg_arg *find(struct bg_arg *args, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(args[i].name, name) == 0)
            return &args[i];
    }
    return NULL;
}

const struct bg_arg *bg_arg(const struct bg_arg *args, size_t n, const char *name)
{
    return find((struct bg_arg *)args, n, name);
}

const char *bg_arg_value(const struct bg_arg *args, size_t n, const char *name)
{
    const struct bg_arg *a = bg_arg(args, n, name);
    return a->n > 0 ? a->values[0] : NULL;
}

bool bg_arg_given(const struct bg_arg *args, size_t n, const char *name)
{
    return bg_arg(args, n, name)->n > 0;
}

static int parse_all(struct bg_arg *args, size_t n, int end, char **argv, struct bg_args_error *e)
{
    for (int i = 1; i < end; i++) {
        const char *name = strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : argv[i];
        struct bg_arg *a = name == argv[i] ? NULL : find(args, n, name);
        if (!a)
            return fail(e, "UnexpectedArgument", name,
                        "Found argument '{}' which wasn't expected, or isn't valid in this "
                        "context.");
        if (a->n > 0 && (!a->many || a->n == BG_ARG_MANY))
            return fail(e, "DuplicateArgument", name,
                        "The argument '{}' was provided more than once.");
        const char *value = "";
        if (a->takes_value) {
            if (i + 1 == end || strncmp(argv[i + 1], "--", 2) == 0)
                return fail(e, "MissingValue", name,
                            "The argument '{}' requires a value, but none was supplied.");
            value = argv[++i];
        }
        a->values[a->n++] = value;
    }
    return 0;
}

static int check_rules(struct bg_arg *args, size_t n, struct bg_args_error *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct bg_arg *a = &args[i];
        if (a->required && a->n == 0)
            return fail(e, "MissingArgument", a->name, "Argument '{}' required, but not found.");
        if (a->n == 0)
            continue;
        if (a->needs && !bg_arg_given(args, n, a->needs))
            return fail(e, "MissingArgument", a->needs, "Argument '{}' required, but not found.");
        if (a->forbids && bg_arg_given(args, n, a->forbids)) {
            (void)snprintf(e->text, sizeof e->text,
                           "Argument '%s' cannot be used together with argument '%s'.", a->forbids,
                           a->name);
            (void)snprintf(e->debug, sizeof e->debug, "ForbiddenArgument(\"%s\", \"%s\")", a->name,
                           a->forbids);
            return -1;
        }
    }
    return 0;
}

int bg_args_parse(struct bg_arg *args, size_t n, int argc, char **argv, int *ret_rest,
                  struct bg_args_error *error)
{
    int end = 1;
    while (end < argc && strcmp(argv[end], "--") != 0)
        end++;
    *ret_rest = end < argc ? end + 1 : argc;
    static const char *const first[] = {"help", "version"};
    for (size_t k = 0; k < 2; k++) {
        for (int i = 1; i < end; i++) {
            if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, first[k]) == 0) {
                struct bg_arg *a = find(args, n, first[k]);
                a->values[a->n++] = "";
                return 0;
            }
        }
    }
    int r = parse_all(args, n, end, argv, error);
    return r < 0 ? r : check_rules(args, n, error);
}

void bg_args_help(const struct bg_arg *args, size_t n, const char *title)
{
    printf("%s\n\n", title);
    for (int required = 1; required >= 0; required--) {
        printf(required ? "required arguments:\n" : "\noptional arguments:\n");
        for (size_t i = 0; i < n; i++) {
            if (args[i].required == (required == 1))
                printf("  --%s%s%s%s\n      %s\n", args[i].name, args[i].takes_value ? " <" : "",
                       args[i].takes_value ? args[i].name : "", args[i].takes_value ? ">" : "",
                       args[i].help);
        }
    }
}
