/* Entries of a copied tree, and the way to their place. */
#ifndef BG_AGENT_COPY_H
#define BG_AGENT_COPY_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "session.h"

enum { BG_PATH = 4096 };

/* ENTRY's fields by number in docs/agent.md. kind 'd' 'f' 'l', or 'm': a folder whose content is
 * complete gets its mode and time. */
struct bg_entry {
    char path[BG_PATH]; /* below the root of the copy, "" the root itself */
    char kind;
    mode_t mode;
    struct timespec mtime;
    uint64_t size;
    char target[BG_PATH]; /* of a link */
};

/* -EBADMSG when it is none, or the path is not plain (absolute, "..", empty components). */
int bg_entry_parse(const uint8_t *payload, size_t size, struct bg_entry *ret);
int bg_entry_send(struct bg_session *s, const struct bg_entry *entry);

/* What PUT and GET ask for. */
struct bg_copy_request {
    char path[BG_PATH];
    char name[256]; /* PUT: what it is called below path, if that is a folder; "": nothing */
    int follow;     /* GET: path may be a link */
};

/* Also becomes the user that is asked for. -EBADMSG, -ENOENT (user) or another errno. */
int bg_copy_begin(struct bg_session *s, struct bg_copy_request *ret);

#endif
