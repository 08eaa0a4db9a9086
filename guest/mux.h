/* Streams over one byte pipe: what a virtio-serial port needs to stand in for vsock.
 *
 * Both ends run this code. It does no input or output: bytes from the pipe go in by bg_mux_input,
 * bytes for the pipe come out by bg_mux_output, and what happened is told through callbacks.
 *
 * Wire: frames of a 16-byte header, at most BG_MUX_PAYLOAD bytes, and a 4-byte trailer, all numbers
 * little-endian:
 *     u8 type, u8 0, u16 length, u32 stream, u32 argument, u32 check; payload; u32 ~check
 * The side that opens a stream names it: even numbers by the host, odd ones by the guest, never
 * used twice within one session.
 *     OPEN(port) -> ACCEPT or RESET;  DATA, EOF in either direction;  CREDIT(n) lets the peer send n
 *     more bytes (it starts with BG_MUX_WINDOW);  RESET ends both directions at once.
 * The side that opens may send before the answer; it is for nobody when that is RESET.
 * A side that starts, or has lost its place, sends zeros enough to end any frame that the peer may
 * be in the middle of, a magic, and HELLO(its epoch, the peer's epoch as far as known). A new epoch
 * ends every stream of the old one. Until the peer's HELLO nothing else is sent or believed.
 *
 * Hostile peers: memory is fixed (no allocation after bg_mux_new), every length and number is
 * checked, a frame is believed only when it is whole. One that breaks flow control loses the
 * stream, one that breaks framing loses its place. */
#ifndef BG_GUEST_MUX_H
#define BG_GUEST_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BG_MUX_PAYLOAD = 16 * 1024,
    BG_MUX_WINDOW = 128 * 1024, /* bytes of a stream and direction that may be under way */
    BG_MUX_STREAMS = 1023,      /* as many as Firecracker's vsock takes */
    BG_MUX_BATCH = 64 * 1024,   /* most bytes for one bg_mux_input */
};

struct bg_mux;

/* Callbacks may call any function of this header but bg_mux_input and bg_mux_free. */
struct bg_mux_ops {
    void (*up)(void *arg);                                   /* the peer is there (again) */
    void (*open)(void *arg, uint32_t stream, uint32_t port); /* answer: bg_mux_accept or _reset */
    void (*accepted)(void *arg, uint32_t stream);
    /* At most BG_MUX_WINDOW bytes come before bg_mux_consumed says that they were dealt with. */
    void (*data)(void *arg, uint32_t stream, const void *bytes, size_t n);
    void (*eof)(void *arg, uint32_t stream);
    void (*gone)(void *arg, uint32_t stream); /* reset or lost; the number means nothing any more */
};

enum bg_mux_side { BG_MUX_HOST, BG_MUX_GUEST };

/* epoch: random, not 0, another one for each start. NULL when out of memory. */
struct bg_mux *bg_mux_new(enum bg_mux_side side, uint64_t epoch, const struct bg_mux_ops *ops,
                          void *arg);
void bg_mux_free(struct bg_mux *mux);

bool bg_mux_is_up(const struct bg_mux *mux);
/* False while answers pile up unread: then read nothing from the pipe. */
bool bg_mux_wants_input(const struct bg_mux *mux);
/* n <= BG_MUX_BATCH. */
void bg_mux_input(struct bg_mux *mux, const void *bytes, size_t n);
/* The bytes to write next; 0 when there are none. Valid until any other call. */
size_t bg_mux_output(struct bg_mux *mux, const void **ret_bytes);
void bg_mux_output_done(struct bg_mux *mux, size_t n);

/* 0 and *ret_stream; -ENOTCONN before the peer is up, -EAGAIN when the pipe is full, -EMFILE. */
int bg_mux_open(struct bg_mux *mux, uint32_t port, uint32_t *ret_stream);
/* A stream that is gone is ignored by all of these. After the EOF of both sides it is gone
 * without a word. */
void bg_mux_accept(struct bg_mux *mux, uint32_t stream);
void bg_mux_reset(struct bg_mux *mux, uint32_t stream);
void bg_mux_eof(struct bg_mux *mux, uint32_t stream);
void bg_mux_consumed(struct bg_mux *mux, uint32_t stream, size_t n);
/* How many bytes bg_mux_send takes now. */
size_t bg_mux_room(const struct bg_mux *mux, uint32_t stream);
/* Takes up to bg_mux_room bytes, returns how many. */
size_t bg_mux_send(struct bg_mux *mux, uint32_t stream, const void *bytes, size_t n);

#endif
