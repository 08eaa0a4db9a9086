#include "alarm.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

int64_t bg_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int bg_alarm_new(struct bg_alarm *ret)
{
    *ret = (struct bg_alarm){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    return ret->fd < 0 ? -errno : 0;
}

void bg_alarm_set(struct bg_alarm *a, int64_t at, int force)
{
    struct itimerspec when = {.it_value = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000}};
    if (at == a->at && !force)
        return;
    if (timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
        a->at = at;
}
