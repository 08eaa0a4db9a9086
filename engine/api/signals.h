/* Signals end the process as Firecracker's do: a line in the log, a metrics line, an exit status
 * of its own per signal. SIGTERM, SIGINT and the like keep their default. */
#ifndef BG_ENGINE_SIGNALS_H
#define BG_ENGINE_SIGNALS_H

int bg_signals_install(void); /* 0 or -errno */

#endif
