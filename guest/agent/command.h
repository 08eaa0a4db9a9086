/* A command of the guest as a child process: what EXEC asks for, and its start. */
#ifndef BG_AGENT_COMMAND_H
#define BG_AGENT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "family.h"
#include "user.h"

enum { BG_ARGS = 4096, BG_ENV = 1024 };

struct bg_command {
    char *argv[BG_ARGS + 1];
    char *env[BG_ENV + 1];
    size_t argc, envc;
    char *cwd; /* NULL: the user's home */
    struct bg_user user;
    bool tty, stdin_open, detach;
    uint16_t rows, columns;
    uint32_t timeout_ms; /* 0: none */
};

struct bg_child {
    pid_t pid; /* leads its own session and process group */
    int pidfd;
    struct bg_family family; /* it and all that it starts */
    int in, out, err;        /* ours, non-blocking; in -1: closed; with a tty in is out, err -1 */
};

/* Reads EXEC's fields. Strings are malloc'd and live as long as the process. -EBADMSG, and *ret_what
 * names the field; -ENOENT for an unknown user. */
int bg_command_parse(const uint8_t *payload, size_t size, struct bg_command *ret,
                     const char **ret_what);

/* Starts it. On failure a negative errno and *ret_step: what could not be done; nothing is left. */
int bg_command_start(const struct bg_command *command, struct bg_child *ret, const char **ret_step);

#endif
