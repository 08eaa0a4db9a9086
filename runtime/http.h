/*
 * HTTP by libcurl's multi interface (loaded at first use), driven from outside: ask what to
 * wait for, wait, step.
 *
 * Two kinds of requests:
 *   - to a VMM's API, over a connected unix socket that somebody handed to us. The socket is
 *     known by a key (the jail's id) and serves the later requests with that key and no others:
 *     it is ours, libcurl only borrows it for one request and pools nothing. Requests with one
 *     key are made in turn. After a failure, or when the peer wants it, the socket is closed:
 *     those that wait for their turn fail, and the key answers http.failed until a request
 *     brings a new one.
 *   - to a server: http or https (TLS >= 1.2, certificates checked); redirects are followed to
 *     https only, and only from there.
 *
 * No function blocks, except for writing the body to a `sink`, which is meant for files. No
 * callback leaves this room.
 */
#ifndef BG_HTTP_H
#define BG_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

struct bg_http;

struct bg_http_request {
    const char *url;
    const char *method;
    const char *body; /* NULL: none; copied */
    size_t body_size;
    const char *const *headers; /* "Name: value"; copied */
    size_t header_count;
    const char *key; /* NULL: a server */
    int fd; /* connected socket for the key in place of the one it has, or -1. Always taken over */
    double timeout;  /* seconds for the whole request, > 0 */
    size_t max_body; /* bytes; more is http.too_large */
    int sink;        /* where the body of a 2xx answer goes, -1: memory. Borrowed until the end */
    const char *ca_file;   /* PEM of the certificates to trust, NULL: the host's */
    long long resume_from; /* ask for the body from this byte on, 0: all of it */
};

/* A finished request. */
struct bg_http_done {
    int id;
    bool failed;
    struct bg_err err;     /* when failed */
    long status;           /* else */
    struct bg_buf headers; /* name NUL value NUL ...; names in lower case, in their order */
    struct bg_buf body;    /* empty when it went to the sink */
};

struct bg_http_interest {
    int fd;
    bool read, write;
};

int bg_http_new(struct bg_http **ret_http, struct bg_err *err);

/* Give up all requests and close all connections. NULL is allowed. */
void bg_http_free(struct bg_http *http);

/* Start a request; its id (> 0). Call bg_http_step(http, -1, ...) next. */
int bg_http_add(struct bg_http *http, const struct bg_http_request *request, struct bg_err *err);

/*
 * Forget a request, done or not; a connection in the middle of an answer is closed. Unknown ids
 * are ignored.
 */
void bg_http_cancel(struct bg_http *http, int id);

/*
 * What to wait for, valid until the next call: descriptors, and seconds until a step without
 * one is due (negative: none). The descriptors may be closed or replaced by any call here, so
 * wait anew after each.
 */
const struct bg_http_interest *bg_http_interests(struct bg_http *http, size_t *ret_count,
                                                 double *ret_seconds);

/* A descriptor is ready, or (fd -1) the time has come. */
void bg_http_step(struct bg_http *http, int fd, bool readable, bool writable);

/* The oldest finished request (NULL: none); it stays until it is released. */
const struct bg_http_done *bg_http_first_done(struct bg_http *http);
void bg_http_release_first(struct bg_http *http);

/* Close the connection with this key; a request on it fails. */
void bg_http_forget(struct bg_http *http, const char *key);

#endif
