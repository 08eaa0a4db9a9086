/* epoll with a table indexed by descriptor. The epoll cookie carries a generation beside the
 * descriptor, so that a stale event never reaches whoever reused the number. Timers are kept in an
 * unsorted list: a shim has a handful. */
#include "loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct watch {
    bg_io_fn fn; /* NULL: not watched */
    void *arg;
    uint32_t generation;
};

struct bg_timer {
    struct bg_loop *loop;
    struct bg_timer *next;
    bg_timer_fn fn;
    void *arg;
    uint64_t due_ms;
    uint64_t armed_in; /* the loop's round: one armed by a timer's callback waits for the next */
    bool armed;
};

struct bg_loop {
    int epoll_fd;
    struct watch *watches;
    size_t n_watches;
    uint32_t generation;
    struct bg_timer *timers;
    uint64_t round;
    bool stopped;
    int status;
};

static uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int bg_loop_new(struct bg_loop **ret)
{
    struct bg_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return -ENOMEM;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        int r = -errno;
        free(loop);
        return r;
    }
    *ret = loop;
    return 0;
}

void bg_loop_free(struct bg_loop *loop)
{
    if (!loop)
        return;
    close(loop->epoll_fd);
    free(loop->watches);
    free(loop);
}

static int grow(struct bg_loop *loop, size_t wanted)
{
    if (wanted <= loop->n_watches)
        return 0;
    size_t n = loop->n_watches ? loop->n_watches : 32;
    while (n < wanted)
        n *= 2;
    struct watch *bigger = reallocarray(loop->watches, n, sizeof *bigger);
    if (!bigger)
        return -ENOMEM;
    memset(bigger + loop->n_watches, 0, (n - loop->n_watches) * sizeof *bigger);
    loop->watches = bigger;
    loop->n_watches = n;
    return 0;
}

static struct watch *find(struct bg_loop *loop, int fd)
{
    if (fd < 0 || (size_t)fd >= loop->n_watches || !loop->watches[fd].fn)
        return NULL;
    return &loop->watches[fd];
}

static struct epoll_event event_for(int fd, uint32_t generation, uint32_t events)
{
    return (struct epoll_event){
        .events = events,
        .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd,
    };
}

int bg_loop_add(struct bg_loop *loop, int fd, uint32_t events, bg_io_fn fn, void *arg)
{
    if (fd < 0 || !fn)
        return -EINVAL;
    int r = grow(loop, (size_t)fd + 1);
    if (r < 0)
        return r;
    if (loop->watches[fd].fn)
        return -EEXIST;
    struct epoll_event ev = event_for(fd, ++loop->generation, events);
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
        return -errno;
    loop->watches[fd] = (struct watch){.fn = fn, .arg = arg, .generation = loop->generation};
    return 0;
}

int bg_loop_mod(struct bg_loop *loop, int fd, uint32_t events)
{
    struct watch *w = find(loop, fd);
    if (!w)
        return -ENOENT;
    struct epoll_event ev = event_for(fd, w->generation, events);
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &ev) < 0 ? -errno : 0;
}

void bg_loop_del(struct bg_loop *loop, int fd)
{
    struct watch *w = find(loop, fd);
    if (!w)
        return;
    w->fn = NULL;
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int bg_timer_new(struct bg_loop *loop, bg_timer_fn fn, void *arg, struct bg_timer **ret)
{
    struct bg_timer *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    *t = (struct bg_timer){.loop = loop, .next = loop->timers, .fn = fn, .arg = arg};
    loop->timers = t;
    *ret = t;
    return 0;
}

void bg_timer_free(struct bg_timer *timer)
{
    if (!timer)
        return;
    struct bg_timer **at = &timer->loop->timers;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    free(timer);
}

int bg_timer_arm(struct bg_timer *timer, uint32_t ms)
{
    timer->due_ms = now_ms() + ms;
    timer->armed = true;
    timer->armed_in = timer->loop->round;
    return 0;
}

void bg_timer_stop(struct bg_timer *timer)
{
    timer->armed = false;
}

/* How long to sleep: until the first timer, at most `limit` (-1: no limit). */
static int wait_ms(const struct bg_loop *loop, int limit)
{
    uint64_t now = now_ms();
    int64_t best = limit;
    for (const struct bg_timer *t = loop->timers; t; t = t->next) {
        if (!t->armed)
            continue;
        int64_t left = t->due_ms > now ? (int64_t)(t->due_ms - now) : 0;
        if (best < 0 || left < best)
            best = left;
    }
    return (int)best;
}

/* A callback may free any timer, so the list is walked from its head after each one. */
static void run_timers(struct bg_loop *loop)
{
    uint64_t now = now_ms(), round = ++loop->round;
    struct bg_timer *t = loop->timers;
    while (t) {
        if (!t->armed || t->due_ms > now || t->armed_in == round) {
            t = t->next;
            continue;
        }
        t->armed = false;
        t->fn(t->arg);
        t = loop->timers;
    }
}

int bg_loop_step(struct bg_loop *loop, int ms)
{
    struct epoll_event events[32];
    int n = epoll_wait(loop->epoll_fd, events, 32, wait_ms(loop, ms));
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        int fd = (int)(uint32_t)events[i].data.u64;
        struct watch *w = find(loop, fd);
        if (w && w->generation == (uint32_t)(events[i].data.u64 >> 32))
            w->fn(w->arg, fd, events[i].events);
    }
    run_timers(loop);
    return 0;
}

int bg_loop_run(struct bg_loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped) {
        int r = bg_loop_step(loop, -1);
        if (r < 0)
            return r;
    }
    return loop->status;
}

void bg_loop_stop(struct bg_loop *loop, int status)
{
    loop->stopped = true;
    loop->status = status;
}
