/* The handlers use functions that are not async-signal-safe, as Firecracker's take locks: the
 * process is about to end, and whoever supervises it kills what hangs. */
#include "signals.h"
#include "log.h"
#include "metrics.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const struct {
    int number, status;
} fatal[] = {{SIGBUS, 149}, {SIGSEGV, 150}, {SIGXFSZ, 151}, {SIGXCPU, 154},
             {SIGHUP, 156}, {SIGILL, 157},  {SIGSYS, 2}};

#define SECCOMP_TRAP 1 /* si_code SYS_SECCOMP */

static void on_fatal(int number, siginfo_t *info, void *context)
{
    (void)context;
    bg_error("main", "Shutting down VM after intercepting signal %d, code %d.", number,
             info->si_code);
    bg_metrics_flush();
    if (number == SIGSYS && info->si_code == SECCOMP_TRAP)
        _exit(148);
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        if (fatal[i].number == number)
            _exit(fatal[i].status);
    }
}

static void on_pipe(int number, siginfo_t *info, void *context)
{
    (void)context;
    bg_error("main", "Received signal %d, code %d.", number, info->si_code);
}

int bg_signals_install(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    action.sa_sigaction = on_fatal;
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        if (sigaction(fatal[i].number, &action, NULL) < 0)
            return -errno;
    }
    action.sa_sigaction = on_pipe;
    action.sa_flags |= SA_RESTART;
    return sigaction(SIGPIPE, &action, NULL) < 0 ? -errno : 0;
}
