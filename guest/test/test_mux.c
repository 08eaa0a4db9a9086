/* Two muxes and a pipe that delivers in odd pieces. Seeded: the same order of events each time. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../mux.h"

enum { STREAMS = 40, TOTAL = 400000 };

struct side {
    struct bg_mux *mux;
    uint8_t pipe[1 << 20]; /* what it sent and the other has not read */
    size_t pipe_size;
    int ups, gones, eofs, accepts;
    uint32_t opened, last_stream; /* the last port asked for, and its stream */
    uint32_t received[1024];      /* by stream: bytes so far; each is the stream's pattern */
    size_t held[1024];            /* not yet consumed */
};

static unsigned random_state = 12345;

static unsigned roll(unsigned n)
{
    random_state = random_state * 1103515245u + 12345u;
    return (random_state >> 8) % n;
}

static uint8_t pattern(uint32_t stream, uint32_t at)
{
    return (uint8_t)(stream * 31 + at * 7 + (at >> 8));
}

static void on_up(void *arg)
{
    ((struct side *)arg)->ups++;
}

static void on_open(void *arg, uint32_t stream, uint32_t port)
{
    struct side *s = arg;
    s->opened = port;
    s->last_stream = stream;
    if (port == 13)
        bg_mux_reset(s->mux, stream);
    else
        bg_mux_accept(s->mux, stream);
}

static void on_accepted(void *arg, uint32_t stream)
{
    (void)stream;
    ((struct side *)arg)->accepts++;
}

static void on_data(void *arg, uint32_t stream, const void *bytes, size_t n)
{
    struct side *s = arg;
    assert(stream < 1024);
    for (size_t i = 0; i < n; i++)
        assert(((const uint8_t *)bytes)[i] == pattern(stream, s->received[stream]++));
    s->held[stream] += n;
    assert(s->held[stream] <= BG_MUX_WINDOW);
}

static void on_eof(void *arg, uint32_t stream)
{
    (void)stream;
    ((struct side *)arg)->eofs++;
}

static void on_gone(void *arg, uint32_t stream)
{
    (void)stream;
    ((struct side *)arg)->gones++;
}

static const struct bg_mux_ops ops = {on_up, on_open, on_accepted, on_data, on_eof, on_gone};

static void start(struct side *s, enum bg_mux_side which, uint64_t epoch)
{
    bg_mux_free(s->mux);
    *s = (struct side){0};
    s->mux = bg_mux_new(which, epoch, &ops, s);
    assert(s->mux);
}

/* Moves up to `most` bytes out of the mux into the pipe, and up to `most` from there to the other. */
static size_t move(struct side *from, struct side *to, size_t most)
{
    const void *bytes;
    size_t n = bg_mux_output(from->mux, &bytes), moved = 0;
    if (n > most)
        n = most;
    if (n > sizeof from->pipe - from->pipe_size)
        n = sizeof from->pipe - from->pipe_size;
    memcpy(from->pipe + from->pipe_size, bytes, n);
    from->pipe_size += n;
    bg_mux_output_done(from->mux, n);
    moved = n;
    n = from->pipe_size < most ? from->pipe_size : most;
    if (n > 0 && bg_mux_wants_input(to->mux)) {
        bg_mux_input(to->mux, from->pipe, n);
        memmove(from->pipe, from->pipe + n, from->pipe_size - n);
        from->pipe_size -= n;
        moved += n;
    }
    return moved;
}

static void settle(struct side *a, struct side *b)
{
    size_t moved;
    do {
        moved = move(a, b, 1 + roll(BG_MUX_BATCH)) + move(b, a, 1 + roll(BG_MUX_BATCH));
    } while (moved > 0);
}

static void consume(struct side *s, uint32_t stream)
{
    bg_mux_consumed(s->mux, stream, s->held[stream]);
    s->held[stream] = 0;
}

static void test_hello(struct side *a, struct side *b)
{
    uint32_t stream;
    assert(bg_mux_open(a->mux, 1, &stream) == -ENOTCONN);
    settle(a, b);
    assert(a->ups == 1 && b->ups == 1);
    assert(bg_mux_is_up(a->mux) && bg_mux_is_up(b->mux));
}

static void test_refusal(struct side *a, struct side *b)
{
    uint32_t stream;
    assert(bg_mux_open(a->mux, 13, &stream) == 0);
    settle(a, b);
    assert(b->opened == 13 && a->gones == 1 && a->accepts == 0);
    assert(bg_mux_send(a->mux, stream, "x", 1) == 0);
}

/* Many streams of both sides at once, random pieces, readers that dawdle: every byte arrives once, in
 * its place, and no reader is given more than a window. */
static void test_traffic(struct side *a, struct side *b)
{
    uint32_t streams[STREAMS], sent[STREAMS] = {0};
    unsigned left = STREAMS;
    int eofs = a->eofs + b->eofs;
    for (int i = 0; i < STREAMS; i++)
        assert(bg_mux_open(i % 2 ? b->mux : a->mux, 7, &streams[i]) == 0);
    settle(a, b);
    while (left > 0) {
        int i = (int)roll(STREAMS);
        struct side *from = i % 2 ? b : a, *to = i % 2 ? a : b;
        uint8_t bytes[BG_MUX_PAYLOAD];
        size_t n = roll(sizeof bytes);
        if (sent[i] + n > TOTAL)
            n = TOTAL - sent[i];
        for (size_t k = 0; k < n; k++)
            bytes[k] = pattern(streams[i], sent[i] + (uint32_t)k);
        if (n > 0)
            sent[i] += (uint32_t)bg_mux_send(from->mux, streams[i], bytes, n);
        move(from, to, 1 + roll(BG_MUX_BATCH));
        move(to, from, 1 + roll(BG_MUX_BATCH));
        if (roll(3) == 0)
            consume(to, streams[i]);
        if (sent[i] == TOTAL && n > 0 && --left > 0)
            continue;
    }
    for (int round = 0; round < 20; round++) {
        settle(a, b);
        for (int i = 0; i < STREAMS; i++)
            consume(i % 2 ? a : b, streams[i]);
    }
    for (int i = 0; i < STREAMS; i++) {
        struct side *from = i % 2 ? b : a, *to = i % 2 ? a : b;
        assert(to->received[streams[i]] == TOTAL);
        bg_mux_eof(from->mux, streams[i]);
        bg_mux_eof(to->mux, streams[i]);
        assert(bg_mux_room(from->mux, streams[i]) == 0);
    }
    settle(a, b);
    assert(a->eofs + b->eofs == eofs + 2 * STREAMS);
}

/* A side that starts again while the other is in the middle of a frame: the old streams end, nothing
 * of the old frame is taken for data, and new streams work. */
static void test_restart(struct side *a, struct side *b, size_t cut)
{
    uint32_t stream;
    uint8_t bytes[1000];
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(0, i);
    assert(bg_mux_open(a->mux, 7, &stream) == 0);
    settle(a, b);
    uint32_t before = b->received[stream];
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(stream, i);
    assert(bg_mux_send(a->mux, stream, bytes, sizeof bytes) == sizeof bytes);
    move(a, b, cut); /* less than the frame */
    int gones = b->gones, ups = b->ups;
    start(a, BG_MUX_HOST, 1000 + cut);
    settle(a, b);
    assert(b->received[stream] == before && b->gones == gones + 1 && b->ups > ups);
    assert(a->ups >= 1 && bg_mux_is_up(a->mux));
    assert(bg_mux_open(b->mux, 7, &stream) == 0);
    settle(a, b);
    assert(b->accepts > 0 && a->opened == 7);
    bg_mux_reset(b->mux, stream);
    settle(a, b);
}

/* Noise in the pipe costs the streams, not the connection. */
static void test_noise(struct side *a, struct side *b)
{
    uint32_t stream;
    uint8_t noise[3000];
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)roll(256);
        noise[0] = 0xee; /* no frame, no zeros */
        assert(bg_mux_open(a->mux, 7, &stream) == 0);
        settle(a, b);
        bg_mux_input(b->mux, noise, 1 + roll(sizeof noise));
        settle(a, b);
        assert(bg_mux_is_up(a->mux) && bg_mux_is_up(b->mux));
    }
    assert(bg_mux_open(b->mux, 9, &stream) == 0);
    settle(a, b);
    assert(a->opened == 9);
}

/* Takes the last whole frame that `from` queued apart, and sends it with another argument. */
static void test_false_credit(struct side *a, struct side *b)
{
    uint32_t stream;
    assert(bg_mux_open(a->mux, 7, &stream) == 0);
    settle(a, b);
    int gones = b->gones;
    /* The peer gives back what it never got: more than a window would be open. */
    bg_mux_consumed(a->mux, stream, BG_MUX_WINDOW);
    settle(a, b);
    assert(b->gones == gones + 1 && bg_mux_send(b->mux, stream, "x", 1) == 0);
}

static void test_limit(struct side *a, struct side *b)
{
    uint32_t stream;
    int r = 0, opened = 0;
    settle(a, b);
    while ((r = bg_mux_open(a->mux, 7, &stream)) == 0) {
        opened++;
        settle(a, b);
    }
    assert(r == -EMFILE && opened <= BG_MUX_STREAMS);
    start(a, BG_MUX_HOST, 77);
    settle(a, b);
    assert(bg_mux_open(a->mux, 7, &stream) == 0);
}

int main(void)
{
    static struct side a, b;
    start(&a, BG_MUX_HOST, 1);
    start(&b, BG_MUX_GUEST, 2);
    test_hello(&a, &b);
    test_refusal(&a, &b);
    test_traffic(&a, &b);
    for (size_t cut = 1; cut < 1000; cut += 37)
        test_restart(&a, &b, cut);
    test_noise(&a, &b);
    test_false_credit(&a, &b);
    test_limit(&a, &b);
    bg_mux_free(a.mux);
    bg_mux_free(b.mux);
    puts("mux: ok");
    return 0;
}
