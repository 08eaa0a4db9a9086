/* The receiver is one state machine: while lost it looks for the magic, then header, payload and
 * trailer are collected in one buffer and believed together. The sender is one linear queue.
 *
 * Why the queue cannot overrun (QUEUE): data and opens stop at QUEUE_DATA plus one frame; a batch of
 * input, taken only while the queue is short, provokes at most as many bytes of answers as it has;
 * and each of the 1023 streams has at most one ACCEPT, EOF and RESET and two CREDITs to come:
 * 128K + 16K + 64K + 100K. HELLO replaces the queue, so that provoking it over and over fills
 * nothing. */
#include "mux.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 16,
    TRAILER = 4,
    MAGIC = 16,
    HELLO_BYTES = 16,
    FLUSH = HEADER + BG_MUX_PAYLOAD + TRAILER,
    QUEUE = 320 * 1024,
    QUEUE_DATA = 128 * 1024, /* no data or open is queued beyond this; the rest is for answers */
};

enum type { OPEN = 1, ACCEPT, RESET, DATA, END, CREDIT, HELLO };

static const char magic[MAGIC + 1] = "\xff"
                                     "banger.mux.v1\r\n";

struct stream {
    uint32_t id;
    bool offered, opening; /* the peer's OPEN or ours waits for its answer */
    bool sent_eof, got_eof;
    uint32_t send;     /* bytes that we may send */
    uint32_t receive;  /* bytes that the peer may send */
    uint32_t consumed; /* dealt with, not yet given back */
};

struct bg_mux {
    const struct bg_mux_ops *ops;
    void *arg;
    uint64_t epoch, peer; /* peer 0: nothing heard yet */
    uint32_t next;
    bool lost, greeted; /* greeted: the frame after the magic was a HELLO */
    size_t matched;     /* bytes of the magic seen while lost */
    size_t have;        /* bytes of the frame collected */
    size_t count;
    size_t head, tail; /* of queue */
    struct stream streams[BG_MUX_STREAMS];
    uint8_t frame[HEADER + BG_MUX_PAYLOAD + TRAILER];
    uint8_t queue[QUEUE];
};

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* Tells a frame from bytes that only look like one. Not a defence against a peer that lies. */
static uint32_t header_check(const uint8_t *header)
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < HEADER - 4; i++)
        hash = (hash ^ header[i]) * 16777619u;
    return hash;
}

static struct stream *find(struct bg_mux *m, uint32_t id)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->streams[i].id == id)
            return &m->streams[i];
    return NULL;
}

static struct stream *add(struct bg_mux *m, uint32_t id)
{
    struct stream *s = &m->streams[m->count++];
    *s = (struct stream){.id = id, .send = BG_MUX_WINDOW, .receive = BG_MUX_WINDOW};
    return s;
}

static void forget(struct bg_mux *m, struct stream *s)
{
    *s = m->streams[--m->count];
}

static size_t queued(const struct bg_mux *m)
{
    return m->tail - m->head;
}

static void put_frame(struct bg_mux *m, enum type type, uint32_t stream, uint32_t argument,
                      const void *payload, size_t n)
{
    if (m->head > 0 && sizeof m->queue - m->tail < HEADER + n + TRAILER) {
        memmove(m->queue, m->queue + m->head, queued(m));
        m->tail -= m->head;
        m->head = 0;
    }
    assert(sizeof m->queue - m->tail >= HEADER + n + TRAILER);
    uint8_t *p = m->queue + m->tail;
    p[0] = (uint8_t)type;
    p[1] = 0;
    p[2] = (uint8_t)n;
    p[3] = (uint8_t)(n >> 8);
    put32(p + 4, stream);
    put32(p + 8, argument);
    uint32_t check = header_check(p);
    put32(p + 12, check);
    if (n > 0)
        memcpy(p + HEADER, payload, n);
    put32(p + HEADER + n, ~check);
    m->tail += HEADER + n + TRAILER;
}

/* Replaces what is queued: the peer will forget it anyway. */
static void greet(struct bg_mux *m)
{
    uint8_t hello[HELLO_BYTES];
    m->head = 0;
    memset(m->queue, 0, FLUSH);
    memcpy(m->queue + FLUSH, magic, MAGIC);
    m->tail = FLUSH + MAGIC;
    put64(hello, m->epoch);
    put64(hello + 8, m->peer);
    put_frame(m, HELLO, 0, 0, hello, sizeof hello);
}

static void drop_streams(struct bg_mux *m)
{
    while (m->count > 0) {
        uint32_t id = m->streams[m->count - 1].id;
        m->count--;
        m->ops->gone(m->arg, id);
    }
}

static void seek_hello(struct bg_mux *m)
{
    m->lost = true;
    m->greeted = false;
    m->matched = 0;
    m->have = 0;
}

/* What the peer said is not understood. Its bytes are skipped until its next HELLO, which ours, of a
 * new epoch and without an echo, asks for. Before the first HELLO there is nothing to ask again. */
static void lose(struct bg_mux *m)
{
    bool ask = m->greeted;
    seek_hello(m);
    if (!ask)
        return;
    m->peer = 0;
    m->epoch++;
    drop_streams(m);
    greet(m);
}

static void kill_stream(struct bg_mux *m, struct stream *s)
{
    uint32_t id = s->id;
    forget(m, s);
    put_frame(m, RESET, id, 0, NULL, 0);
    m->ops->gone(m->arg, id);
}

static void on_hello(struct bg_mux *m, const uint8_t *payload, size_t n)
{
    if (n != HELLO_BYTES || get64(payload) == 0) {
        lose(m);
        return;
    }
    uint64_t peer = get64(payload), echo = get64(payload + 8);
    bool fresh = peer != m->peer;
    m->greeted = true;
    m->peer = peer;
    if (fresh)
        drop_streams(m);
    if (echo != m->epoch)
        greet(m);
    if (fresh)
        m->ops->up(m->arg);
}

static void on_open(struct bg_mux *m, uint32_t id, uint32_t port)
{
    bool theirs = (id & 1) != (m->next & 1);
    if (!theirs || find(m, id))
        lose(m);
    else if (m->count == BG_MUX_STREAMS)
        put_frame(m, RESET, id, 0, NULL, 0);
    else {
        add(m, id)->offered = true;
        m->ops->open(m->arg, id, port);
    }
}

static void on_data(struct bg_mux *m, struct stream *s, const uint8_t *payload, size_t n)
{
    if (s->got_eof || s->offered || s->opening || n > s->receive) {
        kill_stream(m, s);
        return;
    }
    s->receive -= (uint32_t)n;
    if (n > 0)
        m->ops->data(m->arg, s->id, payload, n);
}

static void on_end(struct bg_mux *m, struct stream *s)
{
    if (s->got_eof || s->offered || s->opening) {
        kill_stream(m, s);
        return;
    }
    uint32_t id = s->id;
    s->got_eof = true;
    if (s->sent_eof)
        forget(m, s);
    m->ops->eof(m->arg, id);
}

/* A number that we do not know is that of a stream that we have just reset. */
static void on_stream_frame(struct bg_mux *m, enum type type, struct stream *s, uint32_t argument,
                            const uint8_t *payload, size_t n)
{
    uint32_t id = s->id;
    switch (type) {
    case ACCEPT:
        if (!s->opening) {
            kill_stream(m, s);
            return;
        }
        s->opening = false;
        m->ops->accepted(m->arg, id);
        return;
    case RESET:
        forget(m, s);
        m->ops->gone(m->arg, id);
        return;
    case DATA:
        on_data(m, s, payload, n);
        return;
    case END:
        on_end(m, s);
        return;
    case CREDIT:
        if (argument > BG_MUX_WINDOW - s->send)
            kill_stream(m, s);
        else
            s->send += argument;
        return;
    case OPEN:
    case HELLO:
        return;
    }
}

static void on_frame(struct bg_mux *m)
{
    const uint8_t *f = m->frame;
    size_t n = (size_t)f[2] | (size_t)f[3] << 8;
    enum type type = f[0];
    uint32_t id = get32(f + 4), argument = get32(f + 8);
    if (type == HELLO) {
        on_hello(m, f + HEADER, n);
    } else if (!m->greeted || (type != DATA && n > 0)) {
        lose(m);
    } else if (type == OPEN) {
        on_open(m, id, argument);
    } else {
        struct stream *s = find(m, id);
        if (s)
            on_stream_frame(m, type, s, argument, f + HEADER, n);
    }
}

/* How many bytes the frame has in all, as far as is known; 0 when it is none. */
static size_t frame_size(const struct bg_mux *m)
{
    const uint8_t *f = m->frame;
    if (m->have < HEADER)
        return HEADER;
    size_t n = (size_t)f[2] | (size_t)f[3] << 8;
    if (f[0] < OPEN || f[0] > HELLO || f[1] != 0 || n > BG_MUX_PAYLOAD ||
        get32(f + 12) != header_check(f))
        return 0;
    return HEADER + n + TRAILER;
}

/* Bytes taken. The magic's first byte occurs in it only once, so that a mismatch never has to look
 * back further than the byte at hand. */
static size_t seek(struct bg_mux *m, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != (uint8_t)magic[m->matched])
            m->matched = 0;
        if (p[i] == (uint8_t)magic[m->matched] && ++m->matched == MAGIC) {
            m->lost = false;
            m->have = 0;
            return i + 1;
        }
    }
    return n;
}

static size_t collect(struct bg_mux *m, const uint8_t *p, size_t n)
{
    size_t want = frame_size(m) - m->have;
    if (want > n)
        want = n;
    memcpy(m->frame + m->have, p, want);
    m->have += want;
    size_t whole = frame_size(m);
    if (whole == 0) {
        /* Zeros in a header's place are those before a HELLO: nothing was lost. To ask for one now
         * would be answered with zeros, and so on for ever. */
        static const uint8_t zeros[HEADER];
        if (memcmp(m->frame, zeros, HEADER) == 0)
            seek_hello(m);
        else
            lose(m);
    } else if (m->have >= HEADER + TRAILER && m->have == whole) {
        uint32_t trailer = get32(m->frame + whole - TRAILER);
        m->have = 0;
        if (trailer == ~get32(m->frame + 12))
            on_frame(m);
        else
            lose(m);
    }
    return want;
}

struct bg_mux *bg_mux_new(enum bg_mux_side side, uint64_t epoch, const struct bg_mux_ops *ops,
                          void *arg)
{
    struct bg_mux *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    assert(epoch != 0);
    m->ops = ops;
    m->arg = arg;
    m->epoch = epoch;
    m->next = side == BG_MUX_HOST ? 2 : 1;
    m->lost = true;
    greet(m);
    return m;
}

void bg_mux_free(struct bg_mux *m)
{
    free(m);
}

bool bg_mux_is_up(const struct bg_mux *m)
{
    return m->peer != 0;
}

bool bg_mux_wants_input(const struct bg_mux *m)
{
    return queued(m) < QUEUE_DATA + FLUSH;
}

void bg_mux_input(struct bg_mux *m, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    assert(n <= BG_MUX_BATCH);
    while (n > 0) {
        size_t took = m->lost ? seek(m, p, n) : collect(m, p, n);
        p += took;
        n -= took;
    }
}

size_t bg_mux_output(struct bg_mux *m, const void **ret_bytes)
{
    *ret_bytes = m->queue + m->head;
    return queued(m);
}

void bg_mux_output_done(struct bg_mux *m, size_t n)
{
    assert(n <= queued(m));
    m->head += n;
    if (m->head == m->tail)
        m->head = m->tail = 0;
}

int bg_mux_open(struct bg_mux *m, uint32_t port, uint32_t *ret_stream)
{
    if (m->peer == 0)
        return -ENOTCONN;
    if (m->count == BG_MUX_STREAMS)
        return -EMFILE;
    if (queued(m) > QUEUE_DATA)
        return -EAGAIN;
    uint32_t id = m->next;
    m->next += 2;
    add(m, id)->opening = true;
    put_frame(m, OPEN, id, port, NULL, 0);
    *ret_stream = id;
    return 0;
}

void bg_mux_accept(struct bg_mux *m, uint32_t stream)
{
    struct stream *s = find(m, stream);
    if (!s || !s->offered)
        return;
    s->offered = false;
    put_frame(m, ACCEPT, stream, 0, NULL, 0);
}

void bg_mux_reset(struct bg_mux *m, uint32_t stream)
{
    struct stream *s = find(m, stream);
    if (!s)
        return;
    forget(m, s);
    put_frame(m, RESET, stream, 0, NULL, 0);
}

void bg_mux_eof(struct bg_mux *m, uint32_t stream)
{
    struct stream *s = find(m, stream);
    if (!s || s->sent_eof)
        return;
    s->sent_eof = true;
    if (s->got_eof)
        forget(m, s);
    put_frame(m, END, stream, 0, NULL, 0);
}

void bg_mux_consumed(struct bg_mux *m, uint32_t stream, size_t n)
{
    struct stream *s = find(m, stream);
    if (!s || s->got_eof)
        return;
    s->consumed += (uint32_t)n;
    if (s->consumed < BG_MUX_WINDOW / 2)
        return;
    uint32_t back = s->consumed;
    s->consumed = 0;
    s->receive += back;
    put_frame(m, CREDIT, stream, back, NULL, 0);
}

size_t bg_mux_room(const struct bg_mux *m, uint32_t stream)
{
    const struct stream *s = find((struct bg_mux *)m, stream);
    if (!s || s->offered || s->sent_eof || queued(m) > QUEUE_DATA)
        return 0;
    return s->send < BG_MUX_PAYLOAD ? s->send : BG_MUX_PAYLOAD;
}

size_t bg_mux_send(struct bg_mux *m, uint32_t stream, const void *bytes, size_t n)
{
    size_t room = bg_mux_room(m, stream);
    if (n > room)
        n = room;
    if (n == 0)
        return 0;
    find(m, stream)->send -= (uint32_t)n;
    put_frame(m, DATA, stream, 0, bytes, n);
    return n;
}
