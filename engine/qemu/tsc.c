/* Two readings of counter and monotonic clock. Each reading takes the clock between two counters
 * and keeps the tightest of a few, so that an interruption in between does not count. */
#include "tsc.h"

#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

#define ENOUGH_NS 10000000u

struct reading {
    uint64_t ticks, ns;
};

static struct reading beginning;

static struct reading take(void)
{
    struct reading best = {0};
    uint64_t narrowest = UINT64_MAX;
    for (int i = 0; i < 8; i++) {
        struct timespec ts;
        uint64_t before = __rdtsc();
        clock_gettime(CLOCK_MONOTONIC, &ts);
        uint64_t after = __rdtsc();
        if (after - before < narrowest) {
            narrowest = after - before;
            best.ticks = before + narrowest / 2;
            best.ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
        }
    }
    return best;
}

void bg_tsc_begin(void)
{
    beginning = take();
}

unsigned long bg_tsc_khz(void)
{
    struct reading now = take();
    if (now.ns - beginning.ns < ENOUGH_NS) {
        uint64_t left = ENOUGH_NS - (now.ns - beginning.ns);
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)left}, NULL);
        now = take();
    }
    double khz = (double)(now.ticks - beginning.ticks) * 1e6 / (double)(now.ns - beginning.ns);
    return (unsigned long)(khz + 0.5);
}
