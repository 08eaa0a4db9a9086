/* The process's log: `<time> [<id>:<thread>{:LEVEL}{:file:line}] text`, to stdout until a file is
 * set. A log that cannot be written loses lines and nothing else. */
#ifndef BG_ENGINE_LOG_H
#define BG_ENGINE_LOG_H

#include <stdbool.h>

enum bg_level { BG_OFF, BG_ERROR, BG_WARN, BG_INFO, BG_DEBUG, BG_TRACE };

void bg_log_id(const char *id); /* kept, not copied */
/* Opens as Firecracker does: RDWR|NONBLOCK|APPEND, created 0644. -errno keeps the old target. */
int bg_log_open(const char *path);
/* false: not a level's name (any case). */
bool bg_log_level(const char *name);
void bg_log_show(bool level, bool origin);

/* thread: "main" or "fc_api". */
void bg_log_line(enum bg_level level, const char *thread, const char *file, int line,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
#define bg_info(thread, ...)  bg_log_line(BG_INFO, thread, __FILE__, __LINE__, __VA_ARGS__)
#define bg_warn(thread, ...)  bg_log_line(BG_WARN, thread, __FILE__, __LINE__, __VA_ARGS__)
#define bg_error(thread, ...) bg_log_line(BG_ERROR, thread, __FILE__, __LINE__, __VA_ARGS__)

#endif
