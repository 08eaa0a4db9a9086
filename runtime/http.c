/* The multi: which requests run, what to wait for, who is done. */
#include "http.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http_internal.h"
#include "util.h"

struct bg_curl_api bg_curl;

static const char *const function_names[] = {BG_CURL_FUNCTIONS(BG_DL_NAME)};

static void initialise_libcurl(void)
{
    bg_curl.curl_global_init(CURL_GLOBAL_DEFAULT);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* CURLMOPT_TIMERFUNCTION */
static int take_timeout(CURLM *multi, long milliseconds, void *userdata)
{
    struct bg_http *http = userdata;

    (void)multi;
    http->due = milliseconds < 0 ? -1 : now() + (double)milliseconds / 1000;
    return 0;
}

static struct bg_http_interest *find_interest(struct bg_http *http, int fd)
{
    for (size_t i = 0; i < http->interest_count; i++)
        if (http->interests[i].fd == fd)
            return &http->interests[i];
    return NULL;
}

/*
 * CURLMOPT_SOCKETFUNCTION; -1 makes libcurl fail all transfers, which is right when memory is
 * out.
 */
static int take_interest(CURL *easy, curl_socket_t fd, int what, void *userdata, void *per_socket)
{
    struct bg_http *http = userdata;
    struct bg_http_interest *interest = find_interest(http, fd);

    (void)easy;
    (void)per_socket;
    if (what == CURL_POLL_REMOVE) {
        if (interest != NULL)
            *interest = http->interests[--http->interest_count];
        return 0;
    }
    if (interest == NULL) {
        if (http->interest_count == http->interest_capacity) {
            size_t capacity = http->interest_capacity * 2 + 4;
            void *more = reallocarray(http->interests, capacity, sizeof(*http->interests));
            if (more == NULL)
                return -1;
            http->interests = more;
            http->interest_capacity = capacity;
        }
        interest = &http->interests[http->interest_count++];
    }
    *interest = (struct bg_http_interest){
        .fd = fd, .read = (what & CURL_POLL_IN) != 0, .write = (what & CURL_POLL_OUT) != 0};
    return 0;
}

int bg_http_new(struct bg_http **ret_http, struct bg_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct bg_http *http;
    int r = bg_dl_load("libcurl.so.4", function_names, BG_COUNT(function_names), &bg_curl, err);

    if (r < 0)
        return r;
    pthread_once(&once, initialise_libcurl);
    http = calloc(1, sizeof(*http));
    if (http == NULL || (http->multi = bg_curl.curl_multi_init()) == NULL) {
        free(http);
        return bg_fail_sys(err, ENOMEM, "make an HTTP client");
    }
    http->due = -1;
    bg_curl.curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, take_timeout);
    bg_curl.curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    bg_curl.curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, take_interest);
    bg_curl.curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    *ret_http = http;
    return 0;
}

static void append(struct bg_transfer **list, struct bg_transfer *transfer)
{
    while (*list != NULL)
        list = &(*list)->next;
    *list = transfer;
    transfer->next = NULL;
}

static void free_all(struct bg_http *http, struct bg_transfer *list, bool running)
{
    while (list != NULL) {
        struct bg_transfer *next = list->next;
        if (running && !list->queued)
            bg_curl.curl_multi_remove_handle(http->multi, list->easy);
        bg_transfer_free(list);
        list = next;
    }
}

void bg_http_free(struct bg_http *http)
{
    if (http == NULL)
        return;
    free_all(http, http->running, true);
    free_all(http, http->finished, false);
    while (http->links != NULL)
        bg_link_drop(http, http->links);
    bg_curl.curl_multi_cleanup(http->multi);
    free(http->interests);
    free(http);
}

int bg_http_add(struct bg_http *http, const struct bg_http_request *request, struct bg_err *err)
{
    struct bg_transfer *transfer;
    CURLMcode result;
    int r = bg_transfer_new(http, request, &transfer, err);

    if (r < 0)
        return r;
    if (!transfer->queued &&
        (result = bg_curl.curl_multi_add_handle(http->multi, transfer->easy)) != CURLM_OK) {
        bg_transfer_free(transfer);
        return bg_fail(err, "http.failed", "%s", bg_curl.curl_multi_strerror(result));
    }
    http->last_id = http->last_id % 0x7fffffff + 1;
    transfer->done.id = http->last_id;
    transfer->deadline = now() + request->timeout;
    append(&http->running, transfer);
    return transfer->done.id;
}

/* Take a transfer out of a list by id; NULL when it is not in it. */
static struct bg_transfer *take(struct bg_transfer **list, int id)
{
    for (; *list != NULL; list = &(*list)->next) {
        if ((*list)->done.id == id) {
            struct bg_transfer *found = *list;
            *list = found->next;
            found->next = NULL;
            return found;
        }
    }
    return NULL;
}

void bg_http_cancel(struct bg_http *http, int id)
{
    struct bg_transfer *transfer = take(&http->running, id);

    if (transfer != NULL && !transfer->queued)
        bg_curl.curl_multi_remove_handle(http->multi, transfer->easy);
    else if (transfer == NULL)
        transfer = take(&http->finished, id);
    if (transfer != NULL)
        bg_transfer_free(transfer);
}

/* When a queued request needs a look: now if its turn has come or never will. */
static double look_at(const struct bg_transfer *transfer, double time)
{
    return transfer->link == NULL || transfer->link->user == NULL ? time : transfer->deadline;
}

const struct bg_http_interest *bg_http_interests(struct bg_http *http, size_t *ret_count,
                                                 double *ret_seconds)
{
    double time = now();
    double due = http->finished != NULL ? time : http->due;

    for (const struct bg_transfer *t = http->running; t != NULL; t = t->next)
        if (t->queued && (due < 0 || look_at(t, time) < due))
            due = look_at(t, time);
    *ret_seconds = due < 0 ? -1 : due < time ? 0 : due - time;
    *ret_count = http->interest_count;
    return http->interests;
}

/* Move a transfer that libcurl has ended to the finished ones. */
static void finish(struct bg_http *http, CURL *easy, CURLcode result)
{
    struct bg_transfer *transfer;

    bg_curl.curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    bg_transfer_finish(transfer, result);
    bg_curl.curl_multi_remove_handle(http->multi, easy);
    append(&http->finished, take(&http->running, transfer->done.id));
}

/* A queued request fails, or has its turn now, or waits on. */
static void look(struct bg_http *http, struct bg_transfer *transfer)
{
    double left = transfer->deadline - now();

    transfer->queued = false;
    if (transfer->link == NULL) {
        bg_fail(&transfer->done.err, "http.failed", "the connection ended before its turn came");
    } else if (left <= 0) {
        transfer->link = NULL;
        bg_fail(&transfer->done.err, "task.timeout", "its turn on the connection did not come");
    } else if (transfer->link->user == NULL) {
        transfer->link->user = transfer;
        bg_curl.curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)(left * 1000) + 1);
        if (bg_curl.curl_multi_add_handle(http->multi, transfer->easy) == CURLM_OK)
            return;
        bg_fail(&transfer->done.err, "http.failed", "libcurl does not take the request");
    } else {
        transfer->queued = true;
        return;
    }
    transfer->done.failed = true;
    append(&http->finished, take(&http->running, transfer->done.id));
}

static void look_at_queue(struct bg_http *http)
{
    struct bg_transfer *next;

    for (struct bg_transfer *transfer = http->running; transfer != NULL; transfer = next) {
        next = transfer->next;
        if (transfer->queued)
            look(http, transfer);
    }
}

void bg_http_step(struct bg_http *http, int fd, bool readable, bool writable)
{
    int events = (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0);
    int running, left;
    CURLMsg *message;

    if (fd < 0)
        http->due = -1; /* libcurl sets it again if there is more to come */
    bg_curl.curl_multi_socket_action(http->multi, fd < 0 ? CURL_SOCKET_TIMEOUT : fd,
                                     fd < 0 ? 0 : events, &running);
    while ((message = bg_curl.curl_multi_info_read(http->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            finish(http, message->easy_handle, message->data.result);
    look_at_queue(http);
}

const struct bg_http_done *bg_http_first_done(struct bg_http *http)
{
    return http->finished == NULL ? NULL : &http->finished->done;
}

void bg_http_release_first(struct bg_http *http)
{
    struct bg_transfer *first = http->finished;

    http->finished = first->next;
    bg_transfer_free(first);
}
