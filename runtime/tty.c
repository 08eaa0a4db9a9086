/*
 * Raw terminals are in a list, which atexit() walks. Runtimes of several threads may each have
 * one, hence the mutex.
 */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bg_tty *raw_terminals;

/* Restore and unlink; with the lock held. */
static void restore(struct bg_tty *tty)
{
    struct bg_tty **at = &raw_terminals;

    while (*at != tty)
        at = &(*at)->next;
    *at = tty->next;
    tcsetattr(tty->fd, TCSADRAIN, &tty->before);
    close(tty->fd);
    tty->fd = -1;
}

static void restore_all(void)
{
    pthread_mutex_lock(&list_lock);
    while (raw_terminals != NULL)
        restore(raw_terminals);
    pthread_mutex_unlock(&list_lock);
}

static void at_exit(void)
{
    atexit(restore_all);
}

int bg_tty_raw(int fd, bool keep_output, struct bg_tty *tty, struct bg_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct termios raw;

    tty->fd = -1;
    if (tcgetattr(fd, &tty->before) < 0)
        return bg_fail_sys(err, errno, "make the terminal raw");
    raw = tty->before;
    cfmakeraw(&raw);
    if (keep_output)
        raw.c_oflag = tty->before.c_oflag;
    /* Our own descriptor: the caller may close its own before the restore. */
    tty->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (tty->fd < 0)
        return bg_fail_sys(err, errno, "make the terminal raw");
    pthread_once(&once, at_exit);
    pthread_mutex_lock(&list_lock);
    tty->next = raw_terminals;
    raw_terminals = tty;
    pthread_mutex_unlock(&list_lock);
    if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
        int sys = errno;
        bg_tty_restore(tty);
        return bg_fail_sys(err, sys, "make the terminal raw");
    }
    return 0;
}

void bg_tty_restore(struct bg_tty *tty)
{
    pthread_mutex_lock(&list_lock);
    if (tty->fd >= 0)
        restore(tty);
    pthread_mutex_unlock(&list_lock);
}
