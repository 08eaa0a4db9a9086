/* Shared by http.c (the multi) and http_transfer.c (one request). */
#ifndef BG_HTTP_INTERNAL_H
#define BG_HTTP_INTERNAL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "dl.h"
#include "http.h"

/* The macros of curl.h hide these names; the functions themselves are what we load. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define BG_CURL_FUNCTIONS(X)                                                                       \
    X(curl_global_init)                                                                            \
    X(curl_easy_init)                                                                              \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_strerror)                                                                          \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)                                                                         \
    X(curl_multi_init)                                                                             \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_socket_action)                                                                    \
    X(curl_multi_info_read)                                                                        \
    X(curl_multi_strerror)

struct bg_curl_api {
    BG_CURL_FUNCTIONS(BG_DL_SLOT)
};
extern struct bg_curl_api bg_curl;

/*
 * A connected socket that was handed over, in http->links until it is forgotten or a request on
 * it fails.
 */
struct bg_link {
    struct bg_link *next;
    char *key;
    int fd;
    struct bg_transfer *user; /* whose turn it is, NULL: nobody's */
};

struct bg_transfer {
    struct bg_transfer *next; /* in http->running or http->finished */
    CURL *easy;
    struct curl_slist *headers;
    struct bg_http *http;
    struct bg_link *link; /* borrowed from http->links, NULL: none, or it was dropped */
    bool queued;          /* waits for its turn on the link; libcurl does not know of it yet */
    double deadline;      /* CLOCK_MONOTONIC seconds */
    int placeholder;      /* what libcurl holds in its place until the request starts, else -1 */
    struct bg_http_done done;
    size_t max_body;
    int sink;
    bool too_large;
    int sink_errno;
    char error[CURL_ERROR_SIZE];
};

struct bg_http {
    CURLM *multi;
    struct bg_transfer *running;  /* oldest first */
    struct bg_transfer *finished; /* oldest first */
    struct bg_link *links;
    struct bg_http_interest *interests;
    size_t interest_count, interest_capacity;
    double due; /* CLOCK_MONOTONIC seconds of the next step without a descriptor, negative: none */
    int last_id;
};

/*
 * http_link.c. bg_link_take: give `user` the key's link, made of `fd` (taken over in every
 * case) or the one there is; if that is in use, `user` is queued. bg_link_drop closes it; who
 * has it or waits for it is left without. bg_link_configure: the options that make libcurl use
 * it.
 */
int bg_link_take(struct bg_http *http, const char *key, int fd, struct bg_transfer *user,
                 struct bg_err *err);
void bg_link_drop(struct bg_http *http, struct bg_link *link);
CURLcode bg_link_configure(struct bg_transfer *transfer, const char *key);

/* A transfer ready for curl_multi_add_handle(); takes over request->fd in every case. */
int bg_transfer_new(struct bg_http *http, const struct bg_http_request *request,
                    struct bg_transfer **ret_transfer, struct bg_err *err);

/*
 * Fill transfer->done from what libcurl says of the end, and let go of a link that can serve
 * another request.
 */
void bg_transfer_finish(struct bg_transfer *transfer, CURLcode result);

void bg_transfer_free(struct bg_transfer *transfer);

#endif
