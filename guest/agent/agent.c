/* banger-agent: listens, forks a process for each connection, keeps the guest's word with the host. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../init/identity.h"
#include "../init/programs.h"
#include "../init/seed.h"
#include "../transport.h"
#include "halt.h"
#include "hold.h"
#include "notify.h"
#include "session.h"
#include "spare.h"

/* SPARE_MS: how long nothing has to happen before the next session is made ready, which a command
 * that just began would have to share the processor with. */
enum { SESSIONS = 256, LISTENERS = 2, SPARE_MS = 30, SETTLE_MS = 100 };

struct agent {
    int listeners[LISTENERS]; /* -1: none of this kind */
    int signals;
    int sessions; /* with the spare one */
    struct bg_spare spare;
    struct bg_notify notify;
};

/* A session has a descriptor table with nothing of ours but its connection. */
static void leave(void *arg)
{
    struct agent *a = arg;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < LISTENERS; i++)
        if (a->listeners[i] >= 0)
            close(a->listeners[i]);
    close(a->signals);
    if (a->notify.fd >= 0)
        close(a->notify.fd);
    prctl(PR_SET_NAME, "agent-session");
}

static void start_session(struct agent *a, int fd)
{
    pid_t pid = -1;
    if (!bg_spare_give(&a->spare, fd) && a->sessions < SESSIONS) {
        pid = fork();
        if (pid == 0) {
            leave(a);
            _exit(bg_session_main(fd));
        }
    }
    if (pid > 0)
        a->sessions++;
    close(fd);
}

static bool wants_spare(const struct agent *a)
{
    return a->spare.pid < 0 && a->sessions < SESSIONS;
}

static void make_spare(struct agent *a)
{
    bg_spare_make(&a->spare, leave, a);
    if (a->spare.pid > 0)
        a->sessions++;
}

static void reap(struct agent *a)
{
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        a->sessions--;
        if (pid == a->spare.pid) {
            close(a->spare.fd);
            a->spare.pid = -1;
        }
    }
}

/* A machine that is held says nothing: it may be a copy that does not know yet who it is. */
static void try_notify(struct agent *a)
{
    if (!bg_hold_is())
        bg_notify_try(&a->notify);
}

/* Returns true when we are to end. The kind comes with the signal when process 1 is ours. */
static bool on_signal(struct agent *a)
{
    struct signalfd_siginfo s;
    if (read(a->signals, &s, sizeof s) != sizeof s)
        return false;
    if (s.ssi_signo == SIGCHLD) {
        reap(a);
        return false;
    }
    if (s.ssi_signo == SIGHUP) { /* the hold has ended */
        if (a->notify.state == BG_NOTIFY_AWAY)
            try_notify(a);
        return false;
    }
    if (s.ssi_code == SI_QUEUE)
        bg_notify_halting(&a->notify, bg_halt_name(s.ssi_int));
    return true;
}

static void step(struct agent *a, bool *end)
{
    enum { SIGNALS = LISTENERS, NOTIFY, COUNT };
    bool away = a->notify.state == BG_NOTIFY_AWAY;
    struct pollfd p[COUNT] = {
        [SIGNALS] = {.fd = a->signals, .events = POLLIN},
        [NOTIFY] = {.fd = a->notify.fd, .events = bg_notify_events(&a->notify)},
    };
    for (int i = 0; i < LISTENERS; i++)
        p[i] = (struct pollfd){.fd = a->listeners[i], .events = POLLIN};
    bool waits = away && !bg_hold_is();
    int n = poll(p, COUNT, wants_spare(a) ? SPARE_MS : waits ? a->notify.retry_ms : -1);
    if (n == 0 && wants_spare(a))
        make_spare(a);
    else if (n == 0 && away)
        try_notify(a);
    for (int i = 0; i < LISTENERS; i++) {
        int fd = p[i].revents ? accept4(a->listeners[i], NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0)
            start_session(a, fd);
    }
    if (p[NOTIFY].revents)
        bg_notify_handle(&a->notify, p[NOTIFY].revents);
    if (p[SIGNALS].revents)
        *end = on_signal(a);
}

static int listen_all(struct agent *a)
{
    mkdir(BG_RUN_DIR, 0755);
    a->listeners[0] = bg_transport_listen_unix(BG_VSOCK_PATH "_1025");
    a->listeners[1] = bg_transport_listen_vsock(BG_PORT_AGENT);
    return a->listeners[0] < 0 && a->listeners[1] < 0 ? a->listeners[0] : 0;
}

static void apply_seed(void)
{
    char *archive;
    size_t size;
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0 && bg_seed_read_drive(&archive, &size) == 0) {
        bg_identity_apply(archive, size, root, 1);
        free(archive);
    }
    close(root);
    int r = bg_identity_grow();
    if (r < 0)
        fprintf(stderr, "banger-agent: grow: %s\n", strerror(-r));
}

/* Until the disk has grown, which process 1 has begun: the kernel refuses a second one meanwhile, and
 * tells nobody when it is done. */
static int settle(void)
{
    int r;
    while ((r = bg_identity_grow()) == -EBUSY)
        poll(NULL, 0, SETTLE_MS);
    if (r < 0)
        fprintf(stderr, "banger-agent: grow: %s\n", strerror(-r));
    return r < 0;
}

int bg_agent_main(int argc, char **argv)
{
    struct agent a = {.signals = -1, .spare = {.pid = -1}};
    sigset_t mask;
    bool end = false;
    if (argc > 1 && strcmp(argv[1], "--identity") == 0) {
        apply_seed();
        return 0;
    }
    for (int n = 1; n < NSIG; n++)
        signal(n, SIG_DFL); /* commands inherit what whoever started us had changed */
    if (argc > 1 && strcmp(argv[1], "--settle") == 0)
        return settle();
    bg_notify_init(&a.notify);
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    a.signals = signalfd(-1, &mask, SFD_CLOEXEC);
    int r = a.signals < 0 ? -errno : listen_all(&a);
    if (r < 0) {
        fprintf(stderr, "banger-agent: %s\n", strerror(-r));
        return 1;
    }
    try_notify(&a);
    while (!end)
        step(&a, &end);
    return 0;
}
