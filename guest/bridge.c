/* A link is one local connection and, from CONNECT or from the other side's open, one stream. The
 * events that each descriptor waits for follow from the states alone and are brought up to date at
 * the end of each step, so that no handler has to think of the others. */
#include "bridge.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alarm.h"

enum { LINE = 32, EVENTS = 32, FIRST_NUMBER = 1 << 30, ANSWER_MS = 2000 };

enum state {
    GREETING, /* the command line is not whole */
    WAITING,  /* it is, but the other side is not up or has no room */
    OPENING,  /* asked for, not answered */
    RELAYING,
};

struct link {
    struct link *next;
    int fd;
    enum state state;
    uint32_t stream; /* 0: none */
    uint32_t port;
    int64_t answer_by;   /* CLOCK_MONOTONIC ms, while waiting and opening */
    uint32_t waited_for; /* epoll events; 0: not in the set */
    bool read_eof;       /* the local program has said all */
    bool stream_eof;     /* the other side has */
    bool shut;           /* and the local program has been told */
    bool dead;
    size_t line_have;
    char line[LINE];
    size_t head, tail; /* of held */
    uint8_t *held;     /* from the stream, not yet taken by the local program */
};

struct bg_bridge {
    struct bg_mux *mux;
    struct link *links;
    size_t count;
    uint32_t number;
    int epoll, listen_fd, port_fd;
    struct bg_alarm alarm; /* the next open that stays unanswered */
    uint32_t port_events;
    bool broken, reap;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    uint8_t batch[BG_MUX_BATCH];
};

static struct link *find(struct bg_bridge *b, uint32_t stream)
{
    for (struct link *l = b->links; l; l = l->next)
        if (l->stream == stream && !l->dead)
            return l;
    return NULL;
}

/* Freed at the end of the step: an event may still name it. */
static void kill_link(struct bg_bridge *b, struct link *l)
{
    if (l->dead)
        return;
    if (l->stream)
        bg_mux_reset(b->mux, l->stream);
    close(l->fd);
    l->dead = true;
    b->reap = true;
}

static void reap(struct bg_bridge *b)
{
    for (struct link **at = &b->links; *at;) {
        struct link *l = *at;
        if (!l->dead) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        free(l->held);
        free(l);
        b->count--;
    }
    b->reap = false;
}

/* Takes fd, also on failure. */
static struct link *add_link(struct bg_bridge *b, int fd, enum state state)
{
    struct link *l = b->count < BG_MUX_STREAMS ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        close(fd);
        return NULL;
    }
    l->fd = fd;
    l->state = state;
    l->next = b->links;
    b->links = l;
    b->count++;
    return l;
}

static void open_stream(struct bg_bridge *b, struct link *l)
{
    int r = bg_mux_open(b->mux, l->port, &l->stream);
    if (r == 0)
        l->state = OPENING;
    else if (r == -EMFILE)
        kill_link(b, l);
}

/* ---- what the other side says ---- */

static void on_up(void *arg)
{
    (void)arg; /* waiting links are opened at the end of the step */
}

static void on_open(void *arg, uint32_t stream, uint32_t port)
{
    struct bg_bridge *b = arg;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct link *l = NULL;
    int fd = -1;
    int n = snprintf(to.sun_path, sizeof to.sun_path, "%s_%u", b->path, port);
    if (n > 0 && (size_t)n < sizeof to.sun_path)
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        l = add_link(b, fd, RELAYING);
    else if (fd >= 0)
        close(fd);
    if (!l) {
        bg_mux_reset(b->mux, stream);
        return;
    }
    l->stream = stream;
    bg_mux_accept(b->mux, stream);
}

static void on_accepted(void *arg, uint32_t stream)
{
    struct bg_bridge *b = arg;
    struct link *l = find(b, stream);
    char ok[LINE];
    int n = snprintf(ok, sizeof ok, "OK %u\n", b->number);
    b->number = b->number == INT_MAX ? FIRST_NUMBER : b->number + 1;
    if (!l)
        return;
    l->state = RELAYING;
    if (send(l->fd, ok, (size_t)n, MSG_NOSIGNAL) != n)
        kill_link(b, l);
}

/* The local program cannot be told more. While it still talks, its stream is kept for that. */
static void finish_writing(struct bg_bridge *b, struct link *l)
{
    if (!l->stream_eof || l->shut || l->tail > l->head)
        return;
    shutdown(l->fd, SHUT_WR);
    l->shut = true;
    if (l->read_eof) {
        l->stream = 0;
        kill_link(b, l);
    }
}

static void write_held(struct bg_bridge *b, struct link *l)
{
    while (l->tail > l->head) {
        ssize_t n = send(l->fd, l->held + l->head, l->tail - l->head, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            kill_link(b, l);
            return;
        }
        l->head += (size_t)n;
        bg_mux_consumed(b->mux, l->stream, (size_t)n);
    }
    l->head = l->tail = 0;
    finish_writing(b, l);
}

static void on_data(void *arg, uint32_t stream, const void *bytes, size_t n)
{
    struct bg_bridge *b = arg;
    struct link *l = find(b, stream);
    if (!l)
        return;
    if (!l->held)
        l->held = malloc(BG_MUX_WINDOW);
    if (!l->held) {
        kill_link(b, l);
        return;
    }
    if (l->tail + n > BG_MUX_WINDOW) {
        memmove(l->held, l->held + l->head, l->tail - l->head);
        l->tail -= l->head;
        l->head = 0;
    }
    memcpy(l->held + l->tail, bytes, n);
    l->tail += n;
    write_held(b, l);
}

static void on_eof(void *arg, uint32_t stream)
{
    struct bg_bridge *b = arg;
    struct link *l = find(b, stream);
    if (!l)
        return;
    l->stream_eof = true;
    finish_writing(b, l);
}

static void on_gone(void *arg, uint32_t stream)
{
    struct bg_bridge *b = arg;
    struct link *l = find(b, stream);
    if (!l)
        return;
    l->stream = 0;
    kill_link(b, l);
}

static const struct bg_mux_ops mux_ops = {
    .up = on_up,
    .open = on_open,
    .accepted = on_accepted,
    .data = on_data,
    .eof = on_eof,
    .gone = on_gone,
};

/* ---- what local programs say ---- */

static bool parse_connect(const char *line, uint32_t *ret_port)
{
    char *end;
    if (strncasecmp(line, "CONNECT ", 8) != 0 || line[8] < '0' || line[8] > '9')
        return false;
    unsigned long long port = strtoull(line + 8, &end, 10);
    if (*end != '\0' || port > UINT32_MAX)
        return false;
    *ret_port = (uint32_t)port;
    return true;
}

/* Byte by byte, so that what follows the line stays in the socket for the stream. */
static void read_command(struct bg_bridge *b, struct link *l)
{
    for (;;) {
        char c;
        ssize_t n = recv(l->fd, &c, 1, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || l->line_have == sizeof l->line - 1) {
            kill_link(b, l);
            return;
        }
        if (c == '\n')
            break;
        l->line[l->line_have++] = c;
    }
    l->line[l->line_have] = '\0';
    if (!parse_connect(l->line, &l->port)) {
        kill_link(b, l);
        return;
    }
    l->state = WAITING;
    l->answer_by = bg_now_ms() + ANSWER_MS;
}

static void read_local(struct bg_bridge *b, struct link *l)
{
    uint8_t bytes[BG_MUX_PAYLOAD];
    size_t room = bg_mux_room(b->mux, l->stream);
    if (room == 0)
        return;
    ssize_t n = recv(l->fd, bytes, room, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0) {
        kill_link(b, l);
    } else if (n == 0) {
        l->read_eof = true;
        bg_mux_eof(b->mux, l->stream);
        if (l->shut) {
            l->stream = 0;
            kill_link(b, l);
        }
    } else {
        bg_mux_send(b->mux, l->stream, bytes, (size_t)n);
    }
}

static void on_link(struct bg_bridge *b, struct link *l, uint32_t events)
{
    if (l->dead)
        return;
    if (l->state == GREETING)
        read_command(b, l);
    else if (l->state == OPENING && !(events & (EPOLLHUP | EPOLLERR)))
        read_local(b, l);
    else if (l->state != RELAYING || events & EPOLLERR)
        kill_link(b, l);
    else {
        if (events & EPOLLOUT)
            write_held(b, l);
        if (!l->dead && !l->read_eof && events & (EPOLLIN | EPOLLHUP))
            read_local(b, l);
    }
}

static void accept_all(struct bg_bridge *b)
{
    int fd;
    while ((fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        add_link(b, fd, GREETING);
}

/* ---- the pipe ---- */

static void read_pipe(struct bg_bridge *b)
{
    if (!bg_mux_wants_input(b->mux))
        return;
    ssize_t n = read(b->port_fd, b->batch, sizeof b->batch);
    if (n > 0)
        bg_mux_input(b->mux, b->batch, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        b->broken = true;
}

static void write_pipe(struct bg_bridge *b)
{
    const void *bytes;
    size_t n;
    while (!b->broken && (n = bg_mux_output(b->mux, &bytes)) > 0) {
        ssize_t wrote = write(b->port_fd, bytes, n);
        if (wrote > 0)
            bg_mux_output_done(b->mux, (size_t)wrote);
        else if (wrote < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        else
            b->broken = true;
    }
}

static uint32_t wanted(const struct bg_bridge *b, const struct link *l)
{
    uint32_t events = 0;
    if (l->state == GREETING)
        return EPOLLIN;
    if (l->state == WAITING)
        return EPOLLRDHUP; /* a program that gives up takes its wait with it */
    if (!l->read_eof && bg_mux_room(b->mux, l->stream) > 0)
        events |= EPOLLIN;
    if (l->tail > l->head)
        events |= EPOLLOUT;
    return events;
}

/* A descriptor that waits for nothing is taken out: epoll would report its hang-up over and over,
 * while bytes that its program wrote before are still to be read. */
static void watch(struct bg_bridge *b, int fd, void *what, uint32_t events, uint32_t *registered)
{
    struct epoll_event ev = {.events = events, .data.ptr = what};
    if (events == *registered)
        return;
    int how = EPOLL_CTL_MOD;
    if (events == 0)
        how = EPOLL_CTL_DEL;
    else if (*registered == 0)
        how = EPOLL_CTL_ADD;
    if (epoll_ctl(b->epoll, how, fd, &ev) == 0)
        *registered = events;
}

static bool is_unanswered(const struct link *l)
{
    return !l->dead && (l->state == WAITING || l->state == OPENING);
}

static void set_alarm(struct bg_bridge *b, bool force)
{
    int64_t at = 0;
    for (struct link *l = b->links; l; l = l->next)
        if (is_unanswered(l) && (at == 0 || l->answer_by < at))
            at = l->answer_by;
    bg_alarm_set(&b->alarm, at, force);
}

static void give_up_old(struct bg_bridge *b)
{
    int64_t now = bg_now_ms();
    for (struct link *l = b->links; l; l = l->next)
        if (is_unanswered(l) && now >= l->answer_by)
            kill_link(b, l);
    set_alarm(b, true);
}

static void settle(struct bg_bridge *b)
{
    for (struct link *l = b->links; l; l = l->next)
        if (!l->dead && l->state == WAITING && bg_mux_is_up(b->mux))
            open_stream(b, l);
    write_pipe(b);
    if (b->reap)
        reap(b);
    for (struct link *l = b->links; l; l = l->next)
        watch(b, l->fd, l, wanted(b, l), &l->waited_for);
    const void *bytes;
    uint32_t events = bg_mux_wants_input(b->mux) ? EPOLLIN : 0;
    if (bg_mux_output(b->mux, &bytes) > 0)
        events |= EPOLLOUT;
    watch(b, b->port_fd, &b->port_fd, events, &b->port_events);
    set_alarm(b, false);
}

int bg_bridge_step(struct bg_bridge *b, int timeout_ms)
{
    struct epoll_event ev[EVENTS];
    int n = epoll_wait(b->epoll, ev, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++) {
        if (ev[i].data.ptr == &b->port_fd)
            read_pipe(b);
        else if (ev[i].data.ptr == &b->listen_fd)
            accept_all(b);
        else if (ev[i].data.ptr == &b->alarm)
            give_up_old(b);
        else
            on_link(b, ev[i].data.ptr, ev[i].events);
    }
    settle(b);
    return b->broken ? -EPIPE : 0;
}

int bg_bridge_fd(const struct bg_bridge *b)
{
    return b->epoll;
}

int bg_bridge_new(enum bg_mux_side side, int listen_fd, int port_fd, const char *path,
                  struct bg_bridge **ret)
{
    uint64_t epoch = 0;
    if (strlen(path) >= sizeof((struct bg_bridge *)0)->path)
        return -ENAMETOOLONG;
    if (getrandom(&epoch, sizeof epoch, GRND_INSECURE) != sizeof epoch)
        return -EIO;
    struct bg_bridge *b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    strcpy(b->path, path);
    b->listen_fd = listen_fd;
    b->port_fd = port_fd;
    b->number = FIRST_NUMBER;
    b->alarm.fd = -1;
    b->mux = bg_mux_new(side, epoch | 1, &mux_ops, b);
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event alarm = {.events = EPOLLIN, .data.ptr = &b->alarm};
    struct epoll_event listening = {.events = EPOLLIN, .data.ptr = &b->listen_fd};
    struct epoll_event port = {.events = EPOLLIN | EPOLLOUT, .data.ptr = &b->port_fd};
    b->port_events = port.events;
    if (!b->mux || b->epoll < 0 || bg_alarm_new(&b->alarm) < 0 ||
        epoll_ctl(b->epoll, EPOLL_CTL_ADD, listen_fd, &listening) < 0 ||
        epoll_ctl(b->epoll, EPOLL_CTL_ADD, port_fd, &port) < 0 ||
        epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->alarm.fd, &alarm) < 0) {
        int r = b->mux && errno ? -errno : -ENOMEM;
        bg_bridge_free(b);
        return r;
    }
    *ret = b;
    return 0;
}

void bg_bridge_free(struct bg_bridge *b)
{
    if (!b)
        return;
    for (struct link *l = b->links; l; l = l->next)
        kill_link(b, l);
    reap(b);
    if (b->epoll >= 0)
        close(b->epoll);
    if (b->alarm.fd >= 0)
        close(b->alarm.fd);
    bg_mux_free(b->mux);
    free(b);
}
