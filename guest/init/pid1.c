/* Process 1: makes the system, starts what makes it reachable, in the order in which the user waits for
 * it, then reaps, restarts and, when asked, ends it all in order. */
#include "programs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../agent/halt.h"
#include "identity.h"
#include "mounts.h"
#include "net.h"
#include "seed.h"
#include "ssh.h"

#define PROGRAMS "/usr/lib/banger/"
#define RC       "/etc/banger/rc"

enum { SSH_CONNECTIONS = 64, RESTART_MS = 1000, GRACE_MS = 5000, WORD_MS = 1500 };

enum service { VSOCKD, AGENT, SERVICES };

static const char *const service_names[SERVICES] = {[VSOCKD] = "vsockd", [AGENT] = "agent"};

static struct {
    int signals, ssh;
    pid_t service[SERVICES]; /* 0: not running */
    bool restart;            /* one of them ended and is to be started again */
    pid_t sshd[SSH_CONNECTIONS];
    int sshd_count;
} init = {.ssh = -1};

static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);
    if (fd < 0)
        return;
    for (int i = 0; i < 3; i++)
        if (fd != i)
            dup2(fd, i);
    if (fd > 2)
        close(fd);
}

static void set_environment(void)
{
    clearenv();
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("HOME", "/root", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("TERM", "linux", 1);
}

static void become_ready_to_exec(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
}

static void start_service(enum service which)
{
    char path[64];
    pid_t pid = fork();
    snprintf(path, sizeof path, PROGRAMS "%s", service_names[which]);
    if (pid == 0) {
        become_ready_to_exec();
        execl(path, service_names[which], (char *)NULL);
        fprintf(stderr, "banger: %s: %s\n", path, strerror(errno));
        _exit(127);
    }
    init.service[which] = pid > 0 ? pid : 0;
    init.restart = init.restart || pid < 0;
}

static void start_rc(void)
{
    if (access(RC, X_OK) < 0 || fork() != 0)
        return;
    become_ready_to_exec();
    execl(RC, RC, "start", (char *)NULL);
    fprintf(stderr, "banger: %s: %s\n", RC, strerror(errno));
    _exit(127);
}

/* It takes a while on a large disk, and nothing else has to wait for it. */
static void start_growing(void)
{
    if (fork() != 0)
        return;
    int r = bg_identity_grow();
    if (r < 0)
        fprintf(stderr, "banger: grow the root file system: %s\n", strerror(-r));
    _exit(r < 0);
}

static void take_identity(void)
{
    char *archive;
    size_t size;
    int r = bg_seed_read_drive(&archive, &size);
    if (r < 0) {
        fprintf(stderr, "banger: no seed drive: %s\n", strerror(-r));
        return;
    }
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bg_identity_apply(archive, size, root, 1);
    close(root);
    free(archive);
}

static void block_signals(void)
{
    sigset_t mask;
    sigemptyset(&mask);
    for (const int *s = (const int[]){SIGCHLD, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, 0}; *s; s++)
        sigaddset(&mask, *s);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    init.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del becomes SIGINT */
}

static void forget(pid_t pid)
{
    for (int i = 0; i < SERVICES; i++)
        if (init.service[i] == pid) {
            init.service[i] = 0;
            init.restart = true;
        }
    for (int i = 0; i < init.sshd_count; i++)
        if (init.sshd[i] == pid)
            init.sshd[i] = init.sshd[--init.sshd_count];
}

/* vsockd's 0 says that there is nothing for it to do. */
static void reap(void)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        bool done = pid == init.service[VSOCKD] && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (done)
            init.service[VSOCKD] = -1;
        else
            forget(pid);
    }
}

/* ---- the end ---- */

static bool is_process_to_end(const char *name)
{
    char path[300], first;
    if (!isdigit((unsigned char)name[0]))
        return false;
    pid_t pid = (pid_t)atoi(name);
    if (pid == 1 || pid == init.service[VSOCKD])
        return false;
    snprintf(path, sizeof path, "/proc/%s/cmdline", name); /* empty: kernel's, or a zombie */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool has = read(fd, &first, 1) == 1;
    close(fd);
    return has;
}

/* Sends the signal (0: only counts) to all but us and vsockd, which carries what the others say until
 * the end. */
static int signal_all(int signal)
{
    int count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (struct dirent *e; (e = readdir(proc));)
        if (is_process_to_end(e->d_name)) {
            count++;
            kill((pid_t)atoi(e->d_name), signal);
        }
    closedir(proc);
    return count;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Orphans become our children, so that each end is an event. */
static void await_ends(int ms, bool (*done)(void))
{
    struct signalfd_siginfo s;
    int64_t until = now_ms() + ms;
    for (int64_t left = ms; left > 0 && !done(); left = until - now_ms()) {
        struct pollfd p = {.fd = init.signals, .events = POLLIN};
        poll(&p, 1, (int)left);
        while (read(init.signals, &s, sizeof s) == sizeof s)
            ;
        reap();
    }
}

static bool agent_ended(void)
{
    return init.service[AGENT] <= 0;
}

static bool all_ended(void)
{
    return signal_all(0) == 0;
}

static _Noreturn void end(enum bg_halt kind)
{
    union sigval word = {.sival_int = (int)kind};
    fprintf(stderr, "banger: %s\n", bg_halt_name((int)kind));
    if (init.service[AGENT] > 0 && sigqueue(init.service[AGENT], SIGTERM, word) == 0)
        await_ends(WORD_MS, agent_ended);
    if (signal_all(SIGTERM) > 0) {
        signal_all(SIGCONT);
        await_ends(GRACE_MS, all_ended);
    }
    if (signal_all(SIGKILL) > 0)
        await_ends(GRACE_MS, all_ended);
    bg_mounts_end();
    /* Whatever was asked for: only a reset ends Firecracker on x86, and it ends QEMU too. */
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

/* ---- the loop ---- */

static void on_signals(void)
{
    struct signalfd_siginfo s;
    while (read(init.signals, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGCHLD)
            reap();
        else
            end(s.ssi_signo == SIGUSR1   ? BG_HALT_HALT
                : s.ssi_signo == SIGUSR2 ? BG_HALT_POWEROFF
                                         : BG_HALT_REBOOT);
    }
}

static void restart_services(void)
{
    init.restart = false;
    for (int i = 0; i < SERVICES; i++)
        if (init.service[i] == 0)
            start_service((enum service)i);
}

static void accept_ssh(void)
{
    int pid = bg_ssh_accept(init.ssh);
    if (pid > 0)
        init.sshd[init.sshd_count++] = pid;
}

int bg_init_main(void)
{
    umask(022);
    bg_mounts_make();
    open_console();
    set_environment();
    block_signals();
    bg_net_loopback();
    take_identity();
    init.ssh = bg_ssh_listen();
    start_service(VSOCKD);
    start_service(AGENT);
    start_growing();
    start_rc();
    for (;;) {
        bool more = init.sshd_count < SSH_CONNECTIONS;
        struct pollfd p[2] = {{.fd = init.signals, .events = POLLIN},
                              {.fd = more ? init.ssh : -1, .events = POLLIN}};
        int n = poll(p, 2, init.restart ? RESTART_MS : -1);
        if (n == 0)
            restart_services();
        if (p[1].revents)
            accept_ssh();
        if (p[0].revents)
            on_signals();
    }
}
