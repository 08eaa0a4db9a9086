/* See fail.h. */
#include "fail.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

void bg_die(const char *text, const char *debug)
{
    fprintf(stderr, "%s\nError: %s\n", text, debug);
    exit(1);
}

void bg_die_os(const char *what, const char *name, int error)
{
    fprintf(stderr, "%s: %s\n", what, bg_os_error(error));
    fprintf(stderr, "Error: %s(%s)\n", name, bg_os_error_debug(error));
    exit(1);
}

void bg_die_path(const char *what, const char *name, const char *path, int error)
{
    fprintf(stderr, "%s %s: %s\n", what, path, bg_os_error(error));
    fprintf(stderr, "Error: %s(\"%s\", %s)\n", name, path, bg_os_error_debug(error));
    exit(1);
}
