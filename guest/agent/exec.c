/* EXEC: relays between the client's frames and the command's pipes or terminal.
 *
 * Bounded: output is read only when the last frame has left, stdin is taken only as far as CREDIT was
 * given, which is no more than the buffer holds. The command has ended when its first process has; what
 * that wrote is delivered, what a grandchild that keeps the pipe writes later is not waited for. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../alarm.h"
#include "command.h"

/* TOGETHER_MS: how long the first frames wait for what the command says or how it ends. Each message is
 * a way out of the guest, which a command that has just begun would have to share the processor with. */
enum { GRACE_MS = 2000, NEVER = -1, STATUS_TIMEOUT = 124, TOGETHER_MS = 5, FEW_BYTES = 256 };

struct exec {
    struct bg_session *s;
    const struct bg_command *command;
    struct bg_child child;
    /* frames that leave: the first ones, or the end, and data of both streams */
    uint8_t out[FEW_BYTES + 2 * (BG_FRAME_HEADER + BG_FRAME_DATA)];
    size_t out_at, out_size;
    int64_t held_until;                         /* nothing leaves before; NEVER: at once */
    uint8_t in[BG_FRAME_HEADER + BG_FRAME_MAX]; /* the frame that arrives */
    size_t in_size;
    uint8_t input[BG_STDIN_WINDOW]; /* for the command */
    size_t input_at, input_size;
    bool input_eof, input_ended; /* said by the client; passed on */
    uint32_t taken;              /* by the command, not yet given back as credit */
    bool client_gone, timed_out, ended;
    siginfo_t status;
    int64_t timeout_at, kill_at;
    int last_out, last_err; /* bytes still to read after the end */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool room(const struct exec *x)
{
    return x->out_size == 0 || x->held_until != NEVER;
}

static void queue(struct exec *x, enum bg_frame_type type, const void *payload, size_t n)
{
    if (x->client_gone || sizeof x->out - x->out_size < BG_FRAME_HEADER + n)
        return;
    bg_frame_put_header(x->out + x->out_size, (uint8_t)type, n);
    memcpy(x->out + x->out_size + BG_FRAME_HEADER, payload, n);
    x->out_size += BG_FRAME_HEADER + n;
}

/* Jobs of a terminal have groups of their own: those the terminal's close hangs up. */
static void kill_group(struct exec *x, int signal)
{
    if (kill(-x->child.pid, signal) < 0)
        kill(x->child.pid, signal);
}

static void end_by_force(struct exec *x, int signal)
{
    kill_group(x, signal);
    x->kill_at = bg_now_ms() + GRACE_MS;
}

static void lose_client(struct exec *x)
{
    if (x->client_gone)
        return;
    x->client_gone = true;
    x->out_size = x->out_at = 0;
    x->input_eof = true;
    if (!x->command->detach && !x->ended)
        end_by_force(x, SIGHUP);
}

static void send_out(struct exec *x)
{
    ssize_t n = send(x->s->fd, x->out + x->out_at, x->out_size - x->out_at, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        lose_client(x);
        return;
    }
    x->out_at += (size_t)n;
    if (x->out_at == x->out_size)
        x->out_at = x->out_size = 0;
}

/* ---- from the client ---- */

static bool on_stdin(struct exec *x, const uint8_t *bytes, size_t n)
{
    if (n > sizeof x->input - x->input_size || (x->input_eof && n > 0))
        return false;
    if (n == 0)
        x->input_eof = true;
    if (x->child.in < 0) {
        x->taken += (uint32_t)n;
        return true;
    }
    if (x->input_at > 0) {
        memmove(x->input, x->input + x->input_at, x->input_size);
        x->input_at = 0;
    }
    memcpy(x->input + x->input_size, bytes, n);
    x->input_size += n;
    return true;
}

static bool on_frame(struct exec *x, uint8_t type, const uint8_t *p, size_t n)
{
    if (type == BG_F_STDIN)
        return x->command->stdin_open ? on_stdin(x, p, n) : n == 0;
    if (type == BG_F_RESIZE && n == 4) {
        struct winsize size = {.ws_row = (unsigned short)(p[0] << 8 | p[1]),
                               .ws_col = (unsigned short)(p[2] << 8 | p[3])};
        if (x->command->tty && x->child.in >= 0)
            ioctl(x->child.in, TIOCSWINSZ, &size);
        return true;
    }
    if (type == BG_F_SIGNAL && n == 1 && p[0] > 0 && p[0] < NSIG) {
        if (!x->ended)
            kill_group(x, p[0]);
        return true;
    }
    return false;
}

/* Frames that make no sense end the session as if the client had gone. */
static void read_client(struct exec *x)
{
    ssize_t n = recv(x->s->fd, x->in + x->in_size, sizeof x->in - x->in_size, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lose_client(x);
        return;
    }
    x->in_size += (size_t)n;
    size_t at = 0, length;
    uint8_t type;
    while (x->in_size - at >= BG_FRAME_HEADER) {
        if (!bg_frame_header(x->in + at, &length, &type)) {
            lose_client(x);
            return;
        }
        if (x->in_size - at - BG_FRAME_HEADER < length)
            break;
        if (!on_frame(x, type, x->in + at + BG_FRAME_HEADER, length)) {
            lose_client(x);
            return;
        }
        at += BG_FRAME_HEADER + length;
    }
    memmove(x->in, x->in + at, x->in_size - at);
    x->in_size -= at;
}

/* ---- from and to the command ---- */

static void give_credit(struct exec *x)
{
    uint8_t n[4];
    if (x->taken < BG_STDIN_WINDOW / 2 || !room(x))
        return;
    bg_put_u32(n, x->taken);
    x->taken = 0;
    queue(x, BG_F_CREDIT, n, sizeof n);
}

static void write_input(struct exec *x)
{
    while (x->input_size > 0) {
        ssize_t n = write(x->child.in, x->input + x->input_at, x->input_size);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) { /* the command reads no more; what it was to read counts as read */
            n = (ssize_t)x->input_size;
            if (!x->command->tty)
                close_fd(&x->child.in);
        }
        x->input_at += (size_t)n;
        x->input_size -= (size_t)n;
        x->taken += (uint32_t)n;
    }
    x->input_at = 0;
}

/* A terminal has no end of input but the character for it. */
static void end_input(struct exec *x)
{
    static const char eot = 4;
    if (!x->input_eof || x->input_ended || x->input_size > 0 || x->child.in < 0)
        return;
    if (!x->command->tty)
        close_fd(&x->child.in);
    else if (write(x->child.in, &eot, 1) < 0)
        return;
    x->input_ended = true;
}

/* At most *left bytes once the command has ended; *left is then what there was. */
static void read_output(struct exec *x, int *fd, enum bg_frame_type type, int *left)
{
    uint8_t bytes[BG_FRAME_DATA];
    size_t want = sizeof bytes;
    if (x->ended && (size_t)*left < want)
        want = (size_t)*left;
    ssize_t n = want > 0 ? read(*fd, bytes, want) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && !x->ended)
        return;
    if (n <= 0) {
        /* A command that ends has closed its terminal a moment before; closed by us as well, it would
         * be hung up instead. The process's end is the terminal's. */
        if (x->command->tty)
            x->child.in = *fd = -1;
        else
            close_fd(fd);
        return;
    }
    if (x->ended)
        *left -= (int)n;
    x->held_until = NEVER;
    queue(x, type, bytes, (size_t)n);
}

/* While the first process is not reaped its group's number cannot be another's. */
static void on_end(struct exec *x)
{
    if (x->timed_out || (x->client_gone && !x->command->detach)) {
        kill(-x->child.pid, SIGKILL);
        bg_family_kill(&x->child.family);
    }
    if (waitid(P_PIDFD, (id_t)x->child.pidfd, &x->status, WEXITED | WNOHANG) < 0 ||
        x->status.si_pid == 0)
        return;
    x->kill_at = x->held_until = NEVER;
    x->ended = true;
    x->last_out = x->last_err = 0;
    if (x->child.out >= 0)
        ioctl(x->child.out, FIONREAD, &x->last_out);
    if (x->child.err >= 0)
        ioctl(x->child.err, FIONREAD, &x->last_err);
    if (x->command->tty && x->last_out == 0)
        x->last_out = BG_FRAME_DATA; /* the line discipline may still hold some; EIO ends it */
}

static void on_time(struct exec *x)
{
    int64_t now = bg_now_ms();
    if (x->timeout_at != NEVER && now >= x->timeout_at && !x->ended) {
        x->timeout_at = NEVER;
        x->timed_out = true;
        end_by_force(x, SIGTERM);
    }
    if (x->held_until != NEVER && now >= x->held_until)
        x->held_until = NEVER;
    if (x->kill_at != NEVER && now >= x->kill_at) {
        x->kill_at = NEVER;
        kill_group(x, SIGKILL);
        bg_family_kill(&x->child.family);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a == NEVER || (b != NEVER && b < a) ? b : a;
}

static int wait_ms(const struct exec *x)
{
    int64_t at = sooner(sooner(x->timeout_at, x->kill_at), x->held_until);
    if (at == NEVER)
        return -1;
    int64_t left = at - bg_now_ms();
    return left < 0 ? 0 : (int)left;
}

static void step(struct exec *x)
{
    enum { CLIENT, IN, OUT, ERR, PID, COUNT };
    bool read_more = room(x);
    struct pollfd p[COUNT] = {
        [CLIENT] = {.fd = x->client_gone ? -1 : x->s->fd,
                    .events = (short)(POLLIN | (read_more ? 0 : POLLOUT))},
        [IN] = {.fd = x->input_size > 0 ? x->child.in : -1, .events = POLLOUT},
        [OUT] = {.fd = read_more ? x->child.out : -1, .events = POLLIN},
        [ERR] = {.fd = read_more ? x->child.err : -1, .events = POLLIN},
        [PID] = {.fd = x->ended ? -1 : x->child.pidfd, .events = POLLIN},
    };
    poll(p, COUNT, !x->ended ? wait_ms(x) : read_more ? 0 : -1);
    if (p[CLIENT].revents & POLLOUT)
        send_out(x);
    if (p[CLIENT].revents & (POLLIN | POLLHUP | POLLERR))
        read_client(x);
    if (p[IN].revents)
        write_input(x);
    if (p[PID].revents)
        on_end(x);
    if (read_more && x->child.out >= 0 && (p[OUT].revents || x->ended))
        read_output(x, &x->child.out, BG_F_STDOUT, &x->last_out);
    if (read_more && x->child.err >= 0 && (p[ERR].revents || x->ended))
        read_output(x, &x->child.err, BG_F_STDERR, &x->last_err);
    end_input(x);
    on_time(x);
    if (x->out_size > 0 && x->held_until == NEVER && !x->ended)
        send_out(x);
    give_credit(x); /* now that there may be room: nothing else might wake us for it */
}

/* 0-255, or 128 + signal. */
static void queue_exit(struct exec *x)
{
    uint8_t bytes[64];
    struct bg_payload p = {.bytes = bytes, .max = sizeof bytes};
    bool signalled = x->status.si_code != CLD_EXITED;
    int status = x->status.si_status & 0xff;
    bg_payload_u32(&p, 1,
                   (uint32_t)(x->timed_out ? STATUS_TIMEOUT
                              : signalled  ? 128 + status
                                           : status));
    if (signalled)
        bg_payload_u32(&p, 2, (uint32_t)status);
    if (x->timed_out)
        bg_payload_u32(&p, 3, 1);
    queue(x, BG_F_EXIT, bytes, p.size);
}

static int finish(struct exec *x)
{
    close_fd(&x->child.in);
    fcntl(x->s->fd, F_SETFL, 0);
    queue_exit(x);
    while (x->out_size > 0 && !x->client_gone)
        send_out(x);
    x->s->family = x->child.family;
    return x->client_gone ? -EPIPE : 0;
}

static int refuse(struct bg_session *s, const char *what, int error)
{
    uint8_t bytes[512];
    struct bg_payload p = {.bytes = bytes, .max = sizeof bytes};
    if (strcmp(what, "program") != 0)
        return bg_session_fail_errno(s, what, error);
    bg_payload_u32(&p, 1, error == -ENOENT || error == -ENOTDIR ? 127 : 126);
    bg_payload_text(&p, 4, strerror(-error));
    return bg_session_send(s, BG_F_EXIT, bytes, p.size);
}

int bg_serve_exec(struct bg_session *s)
{
    static struct bg_command command;
    static struct exec x;
    uint8_t bytes[16];
    struct bg_payload p = {.bytes = bytes, .max = sizeof bytes};
    const char *what;
    int r = bg_command_parse(s->payload, s->size, &command, &what);
    if (r < 0)
        return bg_session_fail_errno(s, what, r);
    signal(SIGPIPE, SIG_IGN);
    r = bg_command_start(&command, &x.child, &what);
    if (r < 0)
        return refuse(s, what, r);
    x.s = s;
    x.command = &command;
    x.kill_at = NEVER;
    x.held_until = bg_now_ms() + TOGETHER_MS;
    x.timeout_at = command.timeout_ms ? bg_now_ms() + command.timeout_ms : NEVER;
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    if (s->hello_due) {
        uint8_t hello[64];
        queue(&x, BG_F_HELLO, hello, bg_session_hello(hello));
        s->hello_due = false;
    }
    bg_payload_u32(&p, 1, (uint32_t)x.child.pid);
    queue(&x, BG_F_STARTED, bytes, p.size);
    if (command.stdin_open) {
        bg_put_u32(bytes, BG_STDIN_WINDOW);
        queue(&x, BG_F_CREDIT, bytes, 4);
    }
    while (!x.ended || (!x.client_gone && (x.child.out >= 0 || x.child.err >= 0)))
        step(&x);
    return finish(&x);
}
