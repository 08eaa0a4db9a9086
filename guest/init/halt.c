/* poweroff and its relations, and the last word of systemd guests. */
#include "programs.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../agent/halt.h"
#include "../agent/notify.h"

enum { LAST_WORD_MS = 2000 };

const char *bg_halt_name(int halt)
{
    return halt == BG_HALT_POWEROFF ? "poweroff" : halt == BG_HALT_HALT ? "halt" : "reboot";
}

/* The signals of sysvinit's and busybox's init, which is what bg_init_main listens to. */
int bg_halt_main(const char *name, int argc, char **argv)
{
    int signal = SIGTERM;
    if (strcmp(name, "shutdown") == 0)
        for (int i = 1; i < argc; i++)
            signal = strcmp(argv[i], "-r") == 0   ? SIGTERM
                     : strcmp(argv[i], "-h") == 0 ? SIGUSR2
                     : strcmp(argv[i], "-P") == 0 ? SIGUSR2
                                                  : signal;
    else if (strcmp(name, "poweroff") == 0)
        signal = SIGUSR2;
    else if (strcmp(name, "halt") == 0)
        signal = SIGUSR1;
    else if (strcmp(name, "reboot") != 0) {
        fprintf(stderr, "%s: no such program of banger's guest\n", name);
        return 127;
    }
    if (kill(1, signal) < 0) {
        perror(name);
        return 1;
    }
    return 0;
}

/* systemd-shutdown(8) runs us when every process has been killed and every file system unmounted or
 * read-only. A poweroff would leave Firecracker running on x86: reboot instead, which ends it. */
int bg_last_word_main(const char *kind)
{
    struct bg_notify n;
    pid_t bridge = fork();
    if (bridge == 0)
        _exit(bg_vsockd_main());
    bg_notify_init(&n);
    for (int left = LAST_WORD_MS; left > 0 && n.state != BG_NOTIFY_READY;) {
        if (n.state == BG_NOTIFY_AWAY) {
            poll(NULL, 0, n.retry_ms);
            left -= n.retry_ms;
            bg_notify_try(&n);
            continue;
        }
        struct pollfd p = {.fd = n.fd, .events = bg_notify_events(&n)};
        if (poll(&p, 1, left) <= 0)
            break;
        bg_notify_handle(&n, p.revents);
    }
    bg_notify_halting(&n, kind);
    sync();
    return reboot(RB_AUTOBOOT) < 0;
}
