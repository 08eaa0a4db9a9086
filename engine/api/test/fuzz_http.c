/* libFuzzer: any byte stream, cut into reads of any size, parses within bounds and leaks nothing. */
#include "http.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *arg, struct bg_request *request)
{
    size_t *count = arg;
    assert(request->path);
    assert(!request->has_body || request->body.len > 0);
    ++*count;
    bg_request_free(request);
}

static void go_on(void *arg)
{
    (void)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bg_http http;
    size_t count = 0;
    if (size < 1)
        return 0;
    size_t step = (size_t)data[0] * 5 + 1;
    bg_http_init(&http, 300);
    for (size_t at = 1; at < size;) {
        size_t n = size - at < step ? size - at : step;
        if (n > bg_http_room(&http))
            n = bg_http_room(&http);
        assert(n > 0);
        memcpy(http.space + http.used, data + at, n);
        (void)bg_http_feed(&http, n, take, go_on, &count);
        assert(http.used < BG_HTTP_BUFFER);
        at += n;
    }
    bg_http_free(&http);
    return 0;
}
