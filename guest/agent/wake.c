#include "wake.h"
#include "hold.h"
#include "session.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../init/identity.h"
#include "../init/net.h"
#include "../init/seed.h"

enum {
    HOLD_SECONDS =
        60, /* nobody has ended the hold: the daemon is gone, or we are a copy that it lost */
    ASK_CLOCK = 6,      /* at most so many questions for the time */
    GOOD_NS = 30000000, /* half of it is the most that the answer can be wrong */
};

static bool is_loopback(const struct sockaddr_storage *a)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
    if (a->ss_family == AF_INET)
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        return six->sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

/* Connecting a TCP socket to nothing aborts what it is connected to (tcp_disconnect): its owner reads
 * ECONNRESET. Those that listen, and those of this guest with itself, are left alone. */
static void drop(int fd)
{
    struct sockaddr_storage from = {0}, to = {0};
    socklen_t from_size = sizeof from, to_size = sizeof to, size = sizeof(int);
    struct sockaddr nothing = {.sa_family = AF_UNSPEC};
    int protocol = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0 || protocol != IPPROTO_TCP ||
        getpeername(fd, (struct sockaddr *)&to, &to_size) < 0 ||
        getsockname(fd, (struct sockaddr *)&from, &from_size) < 0 || is_loopback(&from))
        return;
    connect(fd, &nothing, sizeof nothing);
}

static void drop_of(pid_t pid)
{
    char path[64], target[32];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *fds = opendir(path);
    int process = fds ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    for (struct dirent *e; process >= 0 && (e = readdir(fds));) {
        ssize_t n = readlinkat(dirfd(fds), e->d_name, target, sizeof target);
        if (n < 7 || memcmp(target, "socket:", 7) != 0)
            continue;
        int fd = (int)syscall(SYS_pidfd_getfd, process, atoi(e->d_name), 0);
        if (fd >= 0) {
            drop(fd);
            close(fd);
        }
    }
    if (process >= 0)
        close(process);
    if (fds)
        closedir(fds);
}

static void drop_connections(void)
{
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc && (e = readdir(proc));)
        if (isdigit((unsigned char)e->d_name[0]) && !bg_hold_is_spared(atoi(e->d_name)))
            drop_of(atoi(e->d_name));
    if (proc)
        closedir(proc);
}

/* An sshd that stays has its host keys in memory. sshd(8): SIGHUP reads them again. */
static void reload_sshd(void)
{
    pid_t pid = 0;
    FILE *f = fopen("/run/sshd.pid", "re");
    if (f && fscanf(f, "%d", &pid) == 1 && pid > 1)
        kill(pid, SIGHUP);
    if (f)
        fclose(f);
}

int bg_wake_identity(bool *ret_other)
{
    char *archive;
    size_t size;
    int r = bg_seed_read_drive(&archive, &size);
    int root = r < 0 ? r : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && root < 0) {
        r = -errno;
        free(archive);
    }
    if (r < 0)
        return r;
    bool other = bg_identity_is_other(archive, size, root);
    if (other) {
        bg_net_down();
        drop_connections();
    }
    r = bg_identity_apply(archive, size, root, 1);
    if (other)
        reload_sshd();
    *ret_other = other;
    close(root);
    free(archive);
    return r;
}

/* ---- HOLD ---- */

/* Whoever waits for a host that never comes goes on in the end, as whoever it is. */
static _Noreturn void guard(void)
{
    struct timespec t = {.tv_sec = HOLD_SECONDS};
    bool other;
    prctl(PR_SET_NAME, "agent-hold");
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
        ;
    struct bg_hold who = bg_hold_who();
    if (who.guard == getpid()) {
        bg_wake_identity(&other);
        bg_hold_end();
        kill(who.agent, SIGHUP);
    }
    _exit(0);
}

static void end_guard(pid_t pid)
{
    if (pid > 1 && bg_hold_is_spared(pid))
        kill(pid, SIGKILL);
}

int bg_serve_hold(struct bg_session *s)
{
    pid_t agent = getppid();
    end_guard(bg_hold_who().guard);
    pid_t pid = fork();
    if (pid == 0) {
        close(s->fd);
        setsid();
        guard();
    }
    if (pid < 0)
        return bg_session_fail_errno(s, "hold", errno);
    int r = bg_hold_begin((struct bg_hold){.guard = pid, .agent = agent});
    if (r == 0)
        return bg_session_result(s, "");
    kill(pid, SIGKILL);
    kill(agent, SIGHUP);
    if (r == -ETIMEDOUT)
        return bg_session_fail(s, "failed", "hold",
                               "a process waits for a device and cannot be stopped");
    return bg_session_fail_errno(s, "hold the processes", r);
}

/* ---- WAKE ---- */

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The host's clock less ours, from the answer that came back fastest. */
static int ask_offset(struct bg_session *s, int64_t *ret_offset, int64_t *ret_within)
{
    *ret_within = INT64_MAX;
    for (int i = 0; i<ASK_CLOCK && * ret_within> GOOD_NS; i++) {
        struct bg_field f;
        uint64_t host = 0;
        int64_t began = now_ns(CLOCK_MONOTONIC);
        int r = bg_session_send(s, BG_F_CLOCK, "", 0);
        if (r == 0)
            r = bg_session_read(s);
        int64_t took = now_ns(CLOCK_MONOTONIC) - began;
        struct bg_fields fields = {s->payload, s->size};
        if (r < 0)
            return r;
        if (s->type != BG_F_CLOCK || bg_fields_next(&fields, &f) <= 0 || f.tag != 1 ||
            !bg_field_number(&f, &host))
            return -EBADMSG;
        if (took < *ret_within) {
            *ret_within = took;
            *ret_offset = (int64_t)host + took / 2 - now_ns(CLOCK_REALTIME);
        }
    }
    return 0;
}

static int step_clock(struct bg_session *s, int64_t *ret_within)
{
    int64_t offset = 0;
    int r = ask_offset(s, &offset, ret_within);
    if (r < 0)
        return r;
    int64_t to = now_ns(CLOCK_REALTIME) + offset;
    struct timespec t = {.tv_sec = to / 1000000000, .tv_nsec = to % 1000000000};
    return clock_settime(CLOCK_REALTIME, &t) < 0 ? -errno : 0;
}

static int read_kind(const struct bg_session *s, uint64_t *ret)
{
    struct bg_fields fields = {s->payload, s->size};
    struct bg_field f;
    int r;
    *ret = 0;
    while ((r = bg_fields_next(&fields, &f)) > 0)
        if (f.tag == 1 && !bg_field_number(&f, ret))
            return -EBADMSG;
        else if (f.tag != 1 && f.tag < 128)
            return -EBADMSG;
    return r;
}

int bg_serve_wake(struct bg_session *s)
{
    char text[160], boot_id[33];
    bool other = false;
    uint64_t restored;
    int64_t within = 0;
    int r = read_kind(s, &restored);
    if (r == 0 && restored)
        r = bg_wake_identity(&other);
    if (r < 0)
        return r == -EBADMSG ? r : bg_session_fail_errno(s, "take the identity", r);
    if (restored && (r = step_clock(s, &within)) < 0)
        return r == -EPIPE || r == -EBADMSG ? r : bg_session_fail_errno(s, "clock", r);
    struct bg_hold who = bg_hold_who();
    r = bg_hold_end();
    if (r < 0)
        return bg_session_fail_errno(s, "let the processes go on", r);
    bg_boot_id(boot_id);
    snprintf(text, sizeof text, "boot_id %s\nother %d\nclock_within_us %lld\n", boot_id, other,
             (long long)within / 1000);
    r = bg_session_result(s, text);
    /* Whoever waits for the answer does not wait for these. */
    end_guard(who.guard);
    if (who.agent > 1)
        kill(who.agent, SIGHUP);
    return r;
}
