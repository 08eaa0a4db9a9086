/* Pure knowledge of Firecracker's jailer (docs/engine.md). No I/O. */
#ifndef BG_JAIL_H
#define BG_JAIL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What the jailer takes as --id: 1 to 64 of [A-Za-z0-9-]. (It takes non-ASCII letters too; we
 * do not.)
 */
bool bg_jail_valid_id(const char *id, size_t size);

/* "<base>/<exec_name>/<id>/root". Length without NUL, or -1 when it does not fit. */
int bg_jail_root(const char *base, const char *exec_name, const char *id, char *ret_path,
                 size_t capacity);

/*
 * What an end of the VMM means: its exit code, or the signal that ended it (0: none). Never
 * NULL.
 */
void bg_jail_describe_exit(int code, int signal, char ret_text[static 160]);

#endif
