/* /logger, /metrics, /serial. */
#include "api.h"
#include "log.h"
#include "metrics.h"
#include "text.h"

#include <errno.h>
#include <string.h>

int bg_set_logger(struct bg_logger *logger, struct bg_answer *answer)
{
    int r = logger->log_path ? bg_log_open(logger->log_path) : 0;
    if (r < 0) {
        (void)bg_fault(answer, "Logger error: Failed to open target file: %s", bg_os_error(-r));
        return -1;
    }
    if (logger->level)
        (void)bg_log_level(logger->level);
    if (bg_is_set(logger, BG_LOGGER_SHOW_LEVEL) || bg_is_set(logger, BG_LOGGER_SHOW_ORIGIN))
        bg_log_show(logger->show_level, logger->show_log_origin);
    return 0;
}

void bg_put_logger(struct bg_call *call)
{
    (void)bg_set_logger(call->body, call->answer);
}

int bg_set_metrics(struct bg_metrics_config *metrics, struct bg_answer *answer)
{
    int r = bg_metrics_open(metrics->metrics_path);
    if (r == 0)
        return 0;
    (void)bg_fault(answer,
                   "Metrics error: Cannot initialize the metrics system due to bad user input: %s",
                   r == -EALREADY ? "Reinitialization of metrics not allowed." : bg_os_error(-r));
    return -1;
}

void bg_put_metrics(struct bg_call *call)
{
    (void)bg_set_metrics(call->body, call->answer);
}

/* The file is opened at the start, not here. */
void bg_put_serial(struct bg_call *call)
{
    bg_schema_free(&bg_serial_schema, &call->vm->serial);
    call->vm->serial = *(struct bg_serial *)call->body;
    memset(call->body, 0, sizeof(struct bg_serial));
}
