/* The state machine is micro_http's connection.rs, step by step: what it does to the buffer after
 * an error decides what the client gets next, so the steps are kept. */
#include "http.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

static const char *const methods[] = {"GET", "PUT", "PATCH", "DELETE"};

const char *bg_method_name(enum bg_method method)
{
    return methods[method];
}

void bg_http_init(struct bg_http *http, size_t body_limit)
{
    *http = (struct bg_http){.body_limit = body_limit};
}

void bg_request_free(struct bg_request *request)
{
    free(request->path);
    bg_buf_free(&request->body);
    *request = (struct bg_request){0};
}

void bg_http_free(struct bg_http *http)
{
    bg_request_free(&http->pending);
}

static int fail(struct bg_http *http, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int fail(struct bg_http *http, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(http->error, sizeof http->error, format, ap);
    va_end(ap);
    return -1;
}

static bool equals(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && isspace((unsigned char)s.at[0]))
        s = (struct span){s.at + 1, s.len - 1};
    while (s.len > 0 && isspace((unsigned char)s.at[s.len - 1]))
        s.len--;
    return s;
}

/* The part before the first `separator`; *rest gets what follows it. false: there is none. */
static bool cut(struct span s, char separator, struct span *first, struct span *rest)
{
    const char *p = memchr(s.at, separator, s.len);
    if (!p)
        return false;
    size_t n = (size_t)(p - s.at);
    *rest = (struct span){p + 1, s.len - n - 1};
    *first = (struct span){s.at, n};
    return true;
}

/* http://host/path and /path give the path, http://host gives "/", anything else "". */
static struct span absolute_path(struct span uri)
{
    static const char scheme[] = "http://";
    size_t n = sizeof scheme - 1;
    if (uri.len > n && memcmp(uri.at, scheme, n) == 0) {
        const char *slash = memchr(uri.at + n, '/', uri.len - n);
        if (!slash)
            return (struct span){"/", 1};
        return (struct span){slash, uri.len - (size_t)(slash - uri.at)};
    }
    if (uri.at[0] == '/')
        return uri;
    return (struct span){"", 0};
}

static int parse_request_line(struct bg_http *http, struct span line)
{
    struct span method, uri, version, rest;
    if (!cut(line, ' ', &method, &rest) || !cut(rest, ' ', &uri, &version))
        return fail(http, "Invalid request.");
    unsigned m = 0;
    while (m < sizeof methods / sizeof methods[0] && !equals(method, methods[m]))
        m++;
    if (m == sizeof methods / sizeof methods[0])
        return fail(http, "Invalid HTTP Method: Unsupported HTTP method.");
    if (uri.len == 0)
        return fail(http, "Invalid URI: Empty URI not allowed.");
    if (!equals(version, "HTTP/1.1") && !equals(version, "HTTP/1.0"))
        return fail(http, "Invalid HTTP Version: Unsupported HTTP version.");
    struct span path = absolute_path(uri);
    bg_request_free(&http->pending);
    http->pending.method = (enum bg_method)m;
    http->pending.path = strndup(path.at, path.len);
    if (!http->pending.path)
        return fail(http, "Invalid request.");
    http->content_length = 0;
    http->expect = false;
    http->state = BG_HTTP_HEADERS;
    return 0;
}

static int parse_length(struct bg_http *http, struct span value)
{
    struct span digits = trim(value);
    uint64_t n = 0;
    bool ok = digits.len > 0;
    for (size_t i = digits.len > 1 && digits.at[0] == '+'; ok && i < digits.len; i++) {
        ok = isdigit((unsigned char)digits.at[i]);
        n = n * 10 + (uint64_t)(digits.at[i] - '0');
        ok = ok && n <= UINT32_MAX;
    }
    if (!ok)
        return fail(http, "Invalid header. Reason: Invalid value. Key:Content-Length; Value:%.*s",
                    (int)value.len, value.at);
    http->content_length = (uint32_t)n;
    return 0;
}

/* Only a client that forbids "identity" cannot be served: nothing here is ever encoded. */
static int check_encoding(struct bg_http *http, struct span value)
{
    struct span v = trim(value);
    char text[BG_HTTP_BUFFER + 1];
    (void)snprintf(text, sizeof text, "%.*s", (int)v.len, v.at);
    bool identity = strstr(text, "identity") != NULL;
    if (strstr(text, "identity;q=0") || (!identity && strstr(text, "*;q=0")))
        return fail(http, "Invalid header. Reason: Invalid value. Key:Accept-Encoding; Value:%s",
                    text);
    return 0;
}

static int parse_header(struct bg_http *http, struct span line)
{
    struct span key, value;
    if (!cut(line, ':', &key, &value))
        return fail(http, "Invalid header. Reason: Header is incorrectly formatted. Key: %.*s",
                    (int)line.len, line.at);
    key = trim(key);
    char name[32];
    if (key.len >= sizeof name)
        return 0;
    (void)snprintf(name, sizeof name, "%.*s", (int)key.len, key.at);
    if (strcasecmp(name, "Content-Length") == 0)
        return parse_length(http, value);
    if (strcasecmp(name, "Accept-Encoding") == 0)
        return check_encoding(http, value);
    if (strcasecmp(name, "Expect") == 0 && equals(trim(value), "100-continue"))
        http->expect = true;
    return 0;
}

/* The empty line: 1 when the request has no body and is ready. */
static int end_headers(struct bg_http *http, bg_http_continue_fn on_continue, void *arg)
{
    if (http->content_length == 0)
        return 1;
    if (http->expect)
        on_continue(arg);
    if (http->content_length > http->body_limit)
        return fail(http,
                    "Request payload with size %u is larger than the limit of %zu allowed by "
                    "server.",
                    http->content_length, http->body_limit);
    http->pending.has_body = true;
    http->body_left = http->content_length;
    http->state = BG_HTTP_BODY;
    return 0;
}

/* A line that ends in CRLF, or an error when it never can. false with *r = 0: wait for more. */
static bool next_line(struct bg_http *http, size_t *start, size_t end, struct span *line, int *r)
{
    const char *from = http->space + *start;
    const char *crlf = memmem(from, end - *start, "\r\n", 2);
    *r = 0;
    if (crlf) {
        *line = (struct span){from, (size_t)(crlf - from)};
        *start += line->len + 2;
        return true;
    }
    if (*start == 0 && end == BG_HTTP_BUFFER) {
        *r = http->state == BG_HTTP_LINE
                 ? fail(http, "Invalid request.")
                 : fail(http, "Invalid header. Reason: Invalid content length. Header: %.*s",
                        BG_HTTP_BUFFER, http->space);
        return false;
    }
    memmove(http->space, from, end - *start);
    http->used = end - *start;
    return false;
}

/* 1: the body is complete; 0: more is to come. */
static int take_body(struct bg_http *http, size_t *start, size_t end)
{
    size_t n = end - *start;
    if (http->body_left > n) {
        bg_buf_add(&http->pending.body, http->space + *start, n);
        http->body_left -= n;
        http->used = 0;
        return 0;
    }
    bg_buf_add(&http->pending.body, http->space + *start, http->body_left);
    *start += http->body_left;
    return 1;
}

int bg_http_feed(struct bg_http *http, size_t n, bg_http_request_fn on_request,
                 bg_http_continue_fn on_continue, void *arg)
{
    size_t start = 0, end = http->used + n;
    for (;;) {
        struct span line;
        int r;
        if (http->state == BG_HTTP_BODY) {
            if (take_body(http, &start, end) == 0)
                return 0;
            r = 1;
        } else {
            if (!next_line(http, &start, end, &line, &r))
                return r;
            if (http->state == BG_HTTP_LINE)
                r = parse_request_line(http, line);
            else if (line.len > 0)
                r = parse_header(http, line);
            else
                r = end_headers(http, on_continue, arg);
        }
        if (r < 0)
            return -1;
        if (r > 0) {
            http->state = BG_HTTP_LINE;
            on_request(arg, &http->pending);
            http->pending = (struct bg_request){0};
        }
    }
}

void bg_http_response(struct bg_buf *out, int status, bool deprecated, const char *body)
{
    bg_buf_fmt(out, "HTTP/1.1 %d \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n",
               status);
    if (deprecated)
        bg_buf_str(out, "Deprecation: true\r\n");
    if (body)
        bg_buf_fmt(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    bg_buf_fmt(out, "\r\n%s", body ? body : "");
}
