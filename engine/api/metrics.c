/* The line has every top-level key of Firecracker's; a group that this engine cannot count is
 * empty rather than zero, so that nobody takes silence for "no errors". */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static int file = -1;
static uint64_t startup_us;
static struct {
    uint64_t count, fails;
} counted[4];

static uint64_t now_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int bg_metrics_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    if (file >= 0) {
        close(fd);
        return -EALREADY;
    }
    file = fd;
    return 0;
}

void bg_metrics_count(enum bg_method method, int status)
{
    counted[method].count++;
    counted[method].fails += status >= 400;
}

void bg_metrics_started(uint64_t start_us)
{
    uint64_t now = now_us(CLOCK_MONOTONIC);
    if (start_us > 0 && start_us < now)
        startup_us = now - start_us;
}

void bg_metrics_flush(void)
{
    static const char *const groups[] = {"get_api_requests", "put_api_requests",
                                         "patch_api_requests"};
    static const char *const uncounted[] = {
        "balloon",      "block",          "deprecated_api", "entropy",
        "i8042",        "interrupts",     "logger",         "mmds",
        "net",          "pmem",           "seccomp",        "signals",
        "latencies_us", "memory_hotplug", "uart",           "vcpu",
        "vmm",          "vsock"};
    struct bg_buf line = {0};
    if (file < 0)
        return;
    bg_buf_fmt(&line, "{\"utc_timestamp_ms\":%lu,\"api_server\":{\"process_startup_time_us\":%lu}",
               now_us(CLOCK_REALTIME) / 1000, startup_us);
    for (unsigned i = 0; i < 3; i++) {
        bg_buf_fmt(&line, ",\"%s\":{\"count\":%lu,\"fails\":%lu}", groups[i], counted[i].count,
                   counted[i].fails);
        counted[i].count = counted[i].fails = 0;
    }
    for (size_t i = 0; i < sizeof uncounted / sizeof uncounted[0]; i++)
        bg_buf_fmt(&line, ",\"%s\":{}", uncounted[i]);
    bg_buf_str(&line, "}\n");
    ssize_t written = write(file, line.data, line.len);
    (void)written;
    bg_buf_free(&line);
}
