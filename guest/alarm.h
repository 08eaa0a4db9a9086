/* The next deadline of many as one descriptor, for an epoll set. */
#ifndef BG_GUEST_ALARM_H
#define BG_GUEST_ALARM_H

#include <stdint.h>

struct bg_alarm {
    int fd;     /* readable once the time has come, until the alarm is set again */
    int64_t at; /* 0: never */
};

int64_t bg_now_ms(void); /* CLOCK_MONOTONIC */

/* 0, or a negative errno; then fd is -1. The caller closes fd. */
int bg_alarm_new(struct bg_alarm *ret);
/* at: as bg_now_ms has it, 0: never. force: also when that is so already, since it has fired. */
void bg_alarm_set(struct bg_alarm *alarm, int64_t at, int force);

#endif
