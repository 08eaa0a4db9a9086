/* See server.h. */
#include "server.h"
#include "proc.h"
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>

static struct worker {
    pid_t pid; /* 0: a free place */
    int connection;
} workers[2 * BG_CONNECTIONS]; /* the owner's, then root's */
static int lock = -1, listener = -1;
enum { WORKERS = sizeof(workers) / sizeof(workers[0]), STOP_WAIT_MS = 35000 };

/* helper.pid is locked while its writer lives; the text says who that is. */
static int take_lock(struct bg_helper *h, struct bg_reply *f)
{
    struct bg_proc self;
    BG_CLOSED int fd = bg_open(h->run, "helper.pid", O_RDWR | O_CREAT, 0644);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return bg_fail(f, BG_SYSTEM, EBUSY, "a helper of instance %s runs already", h->instance);
    if (fd < 0 || bg_proc_read(getpid(), &self) < 0 || ftruncate(fd, 0) < 0 ||
        dprintf(fd, "%d %" PRIu64 "\n", getpid(), self.start) < 0)
        return bg_sys(f, "write helper.pid");
    return bg_steal(&fd);
}

/* Made, or the one that the service manager has passed. */
static int take_socket(struct bg_helper *h, struct bg_reply *f)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    bool passed =
        sd_listen_fds(1) == 1 && sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) > 0;
    BG_CLOSED int fd =
        passed ? SD_LISTEN_FDS_START : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%.80s/helper.sock", bg_run_root(h->instance).s);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
        (!passed &&
         ((unlinkat(h->run, "helper.sock", 0) < 0 && errno != ENOENT) ||
          bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
          fchownat(h->run, "helper.sock", h->owner, h->owner_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
          fchmodat(h->run, "helper.sock", 0600, 0) < 0 || listen(fd, 64) < 0)))
        return bg_sys(f, "make helper.sock");
    return bg_steal(&fd);
}

static void refuse(int connection, uint32_t code, const char *message)
{
    struct bg_reply reply;
    struct bg_wire w;
    bg_wire_init(&w);
    bg_fail(&reply, code, 0, "%s", message);
    if (bg_encode_reply(&w, NULL, 0, &reply, NULL))
        send(connection, w.bytes, w.length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void start_worker(struct bg_helper *h, struct worker *place, int connection)
{
    struct bg_reply f = {0};
    pid_t pid = fork();
    if (pid < 0)
        refuse(connection, BG_BUSY, "the host cannot start another process now; try again");
    if (pid > 0)
        *place = (struct worker){pid, fcntl(connection, F_DUPFD_CLOEXEC, 3)};
    if (pid != 0)
        return;
    close(listener);
    close(lock); /* else the next helper would wait for this worker's end */
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].pid > 0)
            close(workers[i].connection);
    if (bg_sandbox_worker(&f) < 0) {
        dprintf(2, "worker: %s\n", f.message);
        _exit(70);
    }
    bg_worker(h, connection);
}

static void accept_one(struct bg_helper *h)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    BG_CLOSED int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            poll(NULL, 0, 100); /* the connection stays in the queue: do not spin on it */
        return;
    }
    /* Who connected, as the kernel noted it then: denied unless proven to be the owner or root. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
        (peer.uid != h->owner && peer.uid != 0)) {
        refuse(fd, BG_DENIED, "denied");
        return;
    }
    struct worker *place = &workers[peer.uid == 0 ? BG_CONNECTIONS : 0],
                  *end = place + BG_CONNECTIONS;
    while (place < end && place->pid != 0)
        place++;
    if (place == end)
        refuse(fd, BG_BUSY, "too many connections; close one");
    else
        start_worker(h, place, fd);
}

/* Workers, and orphans of theirs: a uid counts as used as long as a zombie has it, and init may take its time. */
static void reap(void)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < WORKERS; i++)
            if (workers[i].pid == pid) {
                workers[i].pid = 0;
                bg_close(&workers[i].connection);
                if (WIFSIGNALED(status))
                    dprintf(2, "worker %d ended by signal %d\n", pid, WTERMSIG(status));
            }
}

/* Workers finish the request they are at, then there is no other; they have deadlines, so this ends. */
static void stop_workers(void)
{
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].pid > 0)
            shutdown(workers[i].connection, SHUT_RD);
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].pid > 0)
            waitpid(workers[i].pid, NULL, 0);
}

int bg_server_run(struct bg_helper *h, struct bg_reply *f)
{
    struct signalfd_siginfo signal;
    uint64_t ticks;
    sigset_t set;
    struct itimerspec every = {{BG_HOUSEKEEPING_S, 0}, {BG_HOUSEKEEPING_S, 0}};
    if ((lock = take_lock(h, f)) < 0 || (listener = take_socket(h, f)) < 0)
        return -1;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (signals < 0 || timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
        return bg_sys(f, "watch the children and the clock");
    bg_housekeeping_resume(h);
    sd_notify(0, "READY=1");
    dprintf(1, "ready\n");
    dup2(0, 1); /* its reader, if there is one, is done */
    struct pollfd p[3] = {{.fd = listener, .events = POLLIN},
                          {.fd = signals, .events = POLLIN},
                          {.fd = timer, .events = POLLIN}};
    for (;;) {
        if (poll(p, 3, -1) < 0 && errno != EINTR)
            return bg_sys(f, "wait for connections");
        while (read(signals, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
            if (signal.ssi_signo != SIGCHLD) {
                stop_workers();
                return 0;
            }
            reap();
        }
        if (read(timer, &ticks, sizeof(ticks)) > 0) {
            bg_housekeeping(h);
            sd_notify(0, "WATCHDOG=1"); /* three times in the unit's WatchdogSec */
        }
        if (p[0].revents)
            accept_one(h);
    }
}

int bg_server_stop(struct bg_helper *h)
{
    char text[64];
    uint64_t start;
    int pid;
    struct bg_proc now;
    struct bg_name path = bg_name("%s/helper.pid", bg_run_root(h->instance).s);
    BG_CLOSED int fd = open(path.s, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0; /* none runs */
    if (bg_read_small(AT_FDCWD, path.s, text, sizeof(text)) < 0 ||
        sscanf(text, "%d %" SCNu64, &pid, &start) != 2)
        return 1;
    BG_CLOSED int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0 || bg_proc_read(pid, &now) < 0 || now.start != start) {
        dprintf(2, "banger-helper: the process of %s cannot be proven\n", path.s);
        return 1;
    }
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
    return poll(&p, 1, STOP_WAIT_MS) == 1 ? 0 : 1;
}
