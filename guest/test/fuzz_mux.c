/* A peer that says anything, to a bridge's kind of user: answers, sends, resets, all from callbacks.
 * The input begins in sync, or most of it would be spent on the magic. */
#include <stdlib.h>
#include <string.h>

#include "../mux.h"

static struct bg_mux *mux;
static size_t held[64];

static void on_up(void *arg)
{
    uint32_t stream;
    (void)arg;
    bg_mux_open(mux, 1, &stream);
}

static void on_open(void *arg, uint32_t stream, uint32_t port)
{
    (void)arg;
    if (port % 3 == 0)
        bg_mux_reset(mux, stream);
    else if (port % 3 == 1)
        bg_mux_accept(mux, stream);
}

static void on_accepted(void *arg, uint32_t stream)
{
    (void)arg;
    bg_mux_send(mux, stream, "hello", 5);
}

static void on_data(void *arg, uint32_t stream, const void *bytes, size_t n)
{
    volatile uint8_t sum = 0;
    (void)arg;
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
    held[stream % 64] += n;
    if (n % 2)
        bg_mux_consumed(mux, stream, n);
    bg_mux_send(mux, stream, bytes, n);
}

static void on_eof(void *arg, uint32_t stream)
{
    (void)arg;
    bg_mux_eof(mux, stream);
}

static void on_gone(void *arg, uint32_t stream)
{
    (void)arg;
    bg_mux_reset(mux, stream);
}

static const struct bg_mux_ops ops = {on_up, on_open, on_accepted, on_data, on_eof, on_gone};

static uint32_t check(const uint8_t *header)
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < 12; i++)
        hash = (hash ^ header[i]) * 16777619u;
    return hash;
}

/* Frames: type, stream, argument, length from the input, checks made right (or left wrong by a bit
 * of the type), so that the fuzzer need not guess sums. */
static size_t build(uint8_t *out, const uint8_t *in, size_t n)
{
    size_t made = 0, at = 0;
    static const char hello[] = "\xff"
                                "banger.mux.v1\r\n";
    memcpy(out, hello, 16);
    made = 16;
    while (n - at >= 5 && made < 60000) {
        uint8_t *f = out + made;
        size_t size = in[at] == 7 ? 16 : in[at + 3] % 64;
        if (size > n - at - 5)
            size = n - at - 5;
        memset(f, 0, 16);
        f[0] = in[at] & 0x7f;
        f[2] = (uint8_t)size;
        f[4] = in[at + 1];
        f[8] = in[at + 2];
        f[9] = in[at + 4];
        uint32_t sum = check(f), not ;
        if (in[at] & 0x80)
            sum ^= 1;
        not = ~sum;
        memcpy(f + 12, &sum, 4);
        memcpy(f + 16, in + at + 5, size);
        memcpy(f + 16 + size, &not, 4);
        made += 20 + size;
        at += 5 + size;
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[BG_MUX_BATCH];
    const void *out;
    mux = bg_mux_new(BG_MUX_HOST, 1, &ops, NULL);
    if (!mux || size > 20000) {
        bg_mux_free(mux);
        return 0;
    }
    size_t n = build(bytes, data, size);
    for (size_t at = 0; at < n; at += 777)
        if (bg_mux_wants_input(mux))
            bg_mux_input(mux, bytes + at, n - at < 777 ? n - at : 777);
    if (bg_mux_wants_input(mux))
        bg_mux_input(mux, data, size);
    bg_mux_output_done(mux, bg_mux_output(mux, &out));
    bg_mux_free(mux);
    return 0;
}
