/* The metrics file: one JSON line at the start of the guest, each minute, on FlushMetrics and at the
 * end. Counters are since the line before, as in Firecracker. */
#ifndef BG_ENGINE_METRICS_H
#define BG_ENGINE_METRICS_H

#include "http.h"

/* Opens the file (created 0644). -errno; -EALREADY when one is open (the file is created all the
 * same, as Firecracker does). */
int bg_metrics_open(const char *path);
void bg_metrics_count(enum bg_method method, int status);
/* start_us: what --start-time-us said; the time until now is reported as start-up time. */
void bg_metrics_started(uint64_t start_us);
/* Without a file nothing happens. */
void bg_metrics_flush(void);

#endif
