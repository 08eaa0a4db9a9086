/* HTTP/1.1 as Firecracker's micro_http speaks it, its odd sides included: clients have seen them.
 *
 * A parser holds one 1024-byte buffer. Whoever reads the socket puts what one read(2) gave into
 * `space` (bg_http_room tells how much fits) and calls bg_http_feed. A line that does not fit the
 * buffer, a bad header or a body above the limit is an error; after one, the parser keeps its state
 * and its buffer as they were before the read, so that the rest of the stream is parsed as if it
 * were new requests. Only Content-Length frames a body. */
#ifndef BG_ENGINE_HTTP_H
#define BG_ENGINE_HTTP_H

#include "buf.h"

#include <stdint.h>

#define BG_HTTP_BUFFER 1024

enum bg_method { BG_GET, BG_PUT, BG_PATCH, BG_DELETE };

struct bg_request {
    enum bg_method method;
    char *path; /* of the URI, without scheme and host; "" for an odd URI */
    bool has_body;
    struct bg_buf body;
};

struct bg_http {
    char space[BG_HTTP_BUFFER];
    size_t used; /* bytes of an unfinished line at the start of `space` */
    enum { BG_HTTP_LINE, BG_HTTP_HEADERS, BG_HTTP_BODY } state;
    struct bg_request pending;
    uint32_t content_length;
    bool expect;
    size_t body_left, body_limit;
    char error[BG_HTTP_BUFFER + 128]; /* of the last feed that failed */
};

/* Called for each complete request; it owns request afterwards (bg_request_free). */
typedef void (*bg_http_request_fn)(void *arg, struct bg_request *request);
/* Called where the client waits for "100 Continue" before it sends a body. */
typedef void (*bg_http_continue_fn)(void *arg);

void bg_http_init(struct bg_http *http, size_t body_limit);
void bg_http_free(struct bg_http *http);
static inline size_t bg_http_room(const struct bg_http *http)
{
    return BG_HTTP_BUFFER - http->used;
}
/* n > 0 bytes were put at space + used. 0, or -1 with the error's text. */
int bg_http_feed(struct bg_http *http, size_t n, bg_http_request_fn on_request,
                 bg_http_continue_fn on_continue, void *arg);
void bg_request_free(struct bg_request *request);

const char *bg_method_name(enum bg_method method); /* "GET" */

/* Appends a response. body NULL: neither Content-Type nor Content-Length, as with 204. */
void bg_http_response(struct bg_buf *out, int status, bool deprecated, const char *body);

#endif
