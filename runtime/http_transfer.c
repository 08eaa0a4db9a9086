/* One HTTP request: its options, and what comes back. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "embed.h"
#include "http_internal.h"

#define HEADERS_MAX    65536
#define ERROR_BODY_MAX 65536 /* of an answer that is not 2xx, when there is a sink */

static bool is_success(struct bg_transfer *transfer)
{
    long status = 0;

    bg_curl.curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static bool write_sink(struct bg_transfer *transfer, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(transfer->sink, bytes, size);
        if (n < 0 && errno != EINTR) {
            transfer->sink_errno = errno;
            return false;
        }
        bytes += n < 0 ? 0 : n;
        size -= n < 0 ? 0 : (size_t)n;
    }
    return true;
}

/* Returning less than was given makes libcurl end the transfer with CURLE_WRITE_ERROR. */
static size_t take_body(char *bytes, size_t one, size_t size, void *userdata)
{
    struct bg_transfer *transfer = userdata;
    bool to_sink = transfer->sink >= 0 && is_success(transfer);
    size_t max = transfer->sink >= 0 && !to_sink ? ERROR_BODY_MAX : transfer->max_body;

    (void)one; /* always 1 */
    if (to_sink) {
        /* max_body is what may still come; the sink may be larger than memory. */
        transfer->too_large = size > transfer->max_body;
        transfer->max_body -= transfer->too_large ? 0 : size;
        return !transfer->too_large && write_sink(transfer, bytes, size) ? size : 0;
    }
    transfer->too_large = size > max - transfer->done.body.size;
    return !transfer->too_large && bg_buf_add(&transfer->done.body, bytes, size) == 0 ? size : 0;
}

/*
 * Header lines of the last answer only: a redirect's or a 100's are thrown away when the next
 * status line comes.
 */
static size_t take_header(char *line, size_t one, size_t size, void *userdata)
{
    struct bg_buf *headers = &((struct bg_transfer *)userdata)->done.headers;
    const char *colon = memchr(line, ':', size);
    const char *value, *end = line + size;
    size_t name_at = headers->size;

    (void)one;
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0)
        headers->size = 0;
    if (colon == NULL || colon == line)
        return size;
    if (headers->size + size > HEADERS_MAX || bg_buf_reserve(headers, size + 2) < 0)
        return 0;
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
        ;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    bg_buf_add(headers, line, (size_t)(colon - line));
    for (char *c = headers->bytes + name_at; c < headers->bytes + headers->size; c++)
        *c = (char)tolower((unsigned char)*c);
    bg_buf_add(headers, "", 1);
    bg_buf_add(headers, value, (size_t)(end - value));
    bg_buf_add(headers, "", 1);
    return size;
}

/* ---- options ------------------------------------------------------------------------------ */

/*
 * Remembers the first option that libcurl refused, so that setting can go on without a check at
 * each.
 */
struct options {
    CURL *easy;
    CURLcode first_failure;
};

static void check(struct options *options, CURLcode result)
{
    if (options->first_failure == CURLE_OK)
        options->first_failure = result;
}

static void set_long(struct options *options, CURLoption option, long value)
{
    check(options, bg_curl.curl_easy_setopt(options->easy, option, value));
}

static void set_text(struct options *options, CURLoption option, const char *value)
{
    check(options, bg_curl.curl_easy_setopt(options->easy, option, value));
}

static void set_pointer(struct options *options, CURLoption option, void *value)
{
    check(options, bg_curl.curl_easy_setopt(options->easy, option, value));
}

static void set_server(struct options *options, const struct bg_http_request *request)
{
    bool secure = strncmp(request->url, "https:", 6) == 0;

    set_long(options, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    set_long(options, CURLOPT_FOLLOWLOCATION, secure);
    set_long(options, CURLOPT_MAXREDIRS, 8);
    set_text(options, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    if (request->ca_file != NULL)
        set_text(options, CURLOPT_CAINFO, request->ca_file);
}

static void set_method(struct options *options, const struct bg_http_request *request)
{
    if (request->body != NULL) {
        set_pointer(options, CURLOPT_POSTFIELDS, NULL);
        check(options, bg_curl.curl_easy_setopt(options->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                                (curl_off_t)request->body_size));
        set_text(options, CURLOPT_COPYPOSTFIELDS, request->body);
    } else if (strcmp(request->method, "HEAD") == 0) {
        set_long(options, CURLOPT_NOBODY, 1);
        return;
    }
    if (request->body != NULL || strcmp(request->method, "GET") != 0)
        set_text(options, CURLOPT_CUSTOMREQUEST, request->method);
}

/*
 * "Expect:" alone removes the header: no VMM answers 100-continue, and libcurl would wait a
 * second for it.
 */
static int set_headers(struct options *options, struct bg_transfer *transfer,
                       const struct bg_http_request *request)
{
    struct curl_slist *list = bg_curl.curl_slist_append(NULL, "Expect:");

    for (size_t i = 0; list != NULL && i < request->header_count; i++) {
        struct curl_slist *longer = bg_curl.curl_slist_append(list, request->headers[i]);
        if (longer == NULL)
            bg_curl.curl_slist_free_all(list);
        list = longer;
    }
    transfer->headers = list;
    set_pointer(options, CURLOPT_HTTPHEADER, list);
    return list == NULL ? -ENOMEM : 0;
}

static int configure(struct bg_transfer *transfer, const struct bg_http_request *request,
                     struct bg_err *err)
{
    struct options options = {.easy = transfer->easy};
    char agent[64];

    snprintf(agent, sizeof(agent), "banger/%s", bg_version);
    set_pointer(&options, CURLOPT_ERRORBUFFER, transfer->error);
    set_pointer(&options, CURLOPT_PRIVATE, transfer);
    set_long(&options, CURLOPT_NOSIGNAL, 1);
    set_text(&options, CURLOPT_PROTOCOLS_STR, "http,https");
    set_text(&options, CURLOPT_URL, request->url);
    set_text(&options, CURLOPT_USERAGENT, agent);
    set_long(&options, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_long(&options, CURLOPT_TIMEOUT_MS, (long)(request->timeout * 1000) + 1);
    check(&options, bg_curl.curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, take_body));
    set_pointer(&options, CURLOPT_WRITEDATA, transfer);
    check(&options, bg_curl.curl_easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, take_header));
    set_pointer(&options, CURLOPT_HEADERDATA, transfer);
    if (request->resume_from > 0)
        check(&options, bg_curl.curl_easy_setopt(transfer->easy, CURLOPT_RESUME_FROM_LARGE,
                                                 (curl_off_t)request->resume_from));
    set_method(&options, request);
    if (request->key != NULL)
        check(&options, bg_link_configure(transfer, request->key));
    else
        set_server(&options, request);
    if (set_headers(&options, transfer, request) < 0)
        return bg_fail_sys(err, ENOMEM, "%s %s", request->method, request->url);
    if (options.first_failure != CURLE_OK)
        return bg_fail(err, "http.failed", "%s %s: %s", request->method, request->url,
                       bg_curl.curl_easy_strerror(options.first_failure));
    return 0;
}

int bg_transfer_new(struct bg_http *http, const struct bg_http_request *request,
                    struct bg_transfer **ret_transfer, struct bg_err *err)
{
    struct bg_transfer *transfer = calloc(1, sizeof(*transfer));
    int r = 0;

    if (transfer == NULL) {
        if (request->fd >= 0)
            close(request->fd);
        return bg_fail_sys(err, ENOMEM, "%s %s", request->method, request->url);
    }
    *transfer = (struct bg_transfer){
        .http = http, .placeholder = -1, .sink = request->sink, .max_body = request->max_body};
    if (request->key != NULL)
        r = bg_link_take(http, request->key, request->fd, transfer, err);
    if (r == 0) {
        transfer->easy = bg_curl.curl_easy_init();
        r = transfer->easy == NULL
                ? bg_fail_sys(err, ENOMEM, "%s %s", request->method, request->url)
                : configure(transfer, request, err);
    }
    if (r < 0) {
        bg_transfer_free(transfer);
        return r;
    }
    *ret_transfer = transfer;
    return 0;
}

/* ---- the end ------------------------------------------------------------------------------ */

static const char *code_of(CURLcode result, long status)
{
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        return "task.timeout";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return "http.insecure";
    case CURLE_UNSUPPORTED_PROTOCOL: /* also what an answer that is no HTTP gives */
        return status >= 300 && status < 400 ? "http.insecure" : "http.failed";
    default:
        return "http.failed";
    }
}

/* Whether another request may follow on the same connection (RFC 9112 §9.3). */
static bool is_reusable(struct bg_transfer *transfer)
{
    const char *at = transfer->done.headers.bytes, *end = at + transfer->done.headers.size;
    long version = 0;

    bg_curl.curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, "connection") == 0 && strcasecmp(value, "close") == 0)
            return false;
        at = value + strlen(value) + 1;
    }
    return version == CURL_HTTP_VERSION_1_1;
}

void bg_transfer_finish(struct bg_transfer *transfer, CURLcode result)
{
    struct bg_http_done *done = &transfer->done;

    bg_curl.curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &done->status);
    if (result == CURLE_OK) {
        if (transfer->link != NULL && is_reusable(transfer)) {
            transfer->link->user = NULL;
            transfer->link = NULL;
        }
        return;
    }
    done->failed = true;
    if (transfer->too_large)
        bg_fail(&done->err, "http.too_large", "the answer is larger than it may be");
    else if (transfer->sink_errno != 0)
        bg_fail_sys(&done->err, transfer->sink_errno, "write the answer's body");
    else
        bg_fail(&done->err, code_of(result, done->status), "%s",
                transfer->error[0] != '\0' ? transfer->error : bg_curl.curl_easy_strerror(result));
}

void bg_transfer_free(struct bg_transfer *transfer)
{
    if (transfer->easy != NULL)
        bg_curl.curl_easy_cleanup(transfer->easy);
    bg_curl.curl_slist_free_all(transfer->headers);
    /* Still ours: the request failed or was given up, and nobody knows what is left on the wire. */
    if (transfer->link != NULL && transfer->link->user == transfer)
        bg_link_drop(transfer->http, transfer->link);
    bg_buf_free(&transfer->done.headers);
    bg_buf_free(&transfer->done.body);
    free(transfer);
}
