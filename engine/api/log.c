/* One write(2) per line, so that lines of the VMM and of the guest's console never mix inside. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static const char *instance = "anonymous-instance";
static int target = STDOUT_FILENO;
static enum bg_level limit = BG_INFO;
static bool show_level, show_origin;

void bg_log_id(const char *id)
{
    instance = id;
}

int bg_log_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    if (target != STDOUT_FILENO)
        close(target);
    target = fd;
    return 0;
}

bool bg_log_level(const char *name)
{
    static const struct {
        const char *name;
        enum bg_level level;
    } levels[] = {{"off", BG_OFF},   {"error", BG_ERROR}, {"warn", BG_WARN},  {"warning", BG_WARN},
                  {"info", BG_INFO}, {"debug", BG_DEBUG}, {"trace", BG_TRACE}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcasecmp(levels[i].name, name) == 0) {
            limit = levels[i].level;
            return true;
        }
    }
    return false;
}

void bg_log_show(bool level, bool origin)
{
    show_level = level;
    show_origin = origin;
}

void bg_log_line(enum bg_level level, const char *thread, const char *file, int line,
                 const char *format, ...)
{
    static const char *const names[] = {"", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
    char text[4096], origin[128] = "";
    struct timespec now;
    struct tm local;
    if (level > limit)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    if (show_origin)
        (void)snprintf(origin, sizeof origin, ":%s:%d", file, line);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &local);
    n += (size_t)snprintf(text + n, sizeof text - n, ".%09ld [%s:%s%s%s%s] ", now.tv_nsec, instance,
                          thread, show_level ? ":" : "", show_level ? names[level] : "", origin);
    va_list ap;
    va_start(ap, format);
    int more = vsnprintf(text + n, sizeof text - n - 1, format, ap);
    va_end(ap);
    n += more < 0 ? 0 : (size_t)more;
    if (n > sizeof text - 2)
        n = sizeof text - 2;
    text[n++] = '\n';
    ssize_t written = write(target, text, n);
    (void)written;
}
