/* The shim's event loop: one thread, one epoll set, callbacks that never block.
 *
 * A file descriptor is watched at most once. The loop never owns a descriptor: whoever adds it
 * removes it (bg_loop_del) before closing it. Callbacks may add, change and delete any descriptor
 * or timer, their own too; an event already fetched for a deleted descriptor is not delivered, not
 * even when its number is in use again.
 *
 * All functions return 0 or a negative errno unless said otherwise. */
#ifndef BG_ENGINE_LOOP_H
#define BG_ENGINE_LOOP_H

#include <stdint.h>

struct bg_loop;
struct bg_timer;

/* `events` are EPOLL* bits. */
typedef void (*bg_io_fn)(void *arg, int fd, uint32_t events);
typedef void (*bg_timer_fn)(void *arg);

int bg_loop_new(struct bg_loop **ret);
void bg_loop_free(struct bg_loop *loop); /* NULL is fine; leaves watched descriptors open */

/* Watches fd (level-triggered unless EPOLLET is given). -EEXIST when it is already watched. */
int bg_loop_add(struct bg_loop *loop, int fd, uint32_t events, bg_io_fn fn, void *arg);
/* Replaces the events waited for; 0 keeps the descriptor but only HUP and ERR are reported. */
int bg_loop_mod(struct bg_loop *loop, int fd, uint32_t events);
/* Forgets fd. Not watched: nothing happens. */
void bg_loop_del(struct bg_loop *loop, int fd);

/* A timer that is not armed. Freed by its owner, also from its own callback. */
int bg_timer_new(struct bg_loop *loop, bg_timer_fn fn, void *arg, struct bg_timer **ret);
void bg_timer_free(struct bg_timer *timer); /* NULL is fine */
/* Fires once, `ms` from now (0: in the next round); arming again replaces the earlier time. */
int bg_timer_arm(struct bg_timer *timer, uint32_t ms);
void bg_timer_stop(struct bg_timer *timer);

/* Runs callbacks until bg_loop_stop; returns the status given there, or a negative errno. */
int bg_loop_run(struct bg_loop *loop);
/* One wait of at most `ms` (-1: no limit) and its callbacks; for waiting for one answer inside a
 * request. Returns 0, also when nothing happened. */
int bg_loop_step(struct bg_loop *loop, int ms);
void bg_loop_stop(struct bg_loop *loop, int status);

#endif
