#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "frame.h"

enum tag {
    ARG = 1,
    ENV = 2,
    CWD = 3,
    USER = 4,
    TTY = 5,
    STDIN = 6,
    TIMEOUT = 7,
    DETACH = 8,
    IGNORABLE = 128, /* tags from here on may be ignored by an agent that does not know them */
};

static int take_field(struct bg_command *c, const struct bg_field *f, const char **user,
                      const char **ret_what)
{
    uint64_t number;
    char *text = bg_field_text(f);
    if (!text && errno == ENOMEM)
        return -ENOMEM;
    switch ((enum tag)f->tag) {
    case ARG:
        *ret_what = "argument";
        if (!text || c->argc == BG_ARGS)
            return -EBADMSG;
        c->argv[c->argc++] = text;
        return 0;
    case ENV:
        *ret_what = "environment";
        if (!text || c->envc == BG_ENV || !strchr(text, '=') || text[0] == '=')
            return -EBADMSG;
        c->env[c->envc++] = text;
        return 0;
    case CWD:
        *ret_what = "working directory";
        c->cwd = text;
        return text ? 0 : -EBADMSG;
    case USER:
        *ret_what = "user";
        *user = text;
        return text ? 0 : -EBADMSG;
    case TTY:
        *ret_what = "tty size";
        if (f->size != 4)
            return -EBADMSG;
        c->tty = true;
        c->rows = (uint16_t)(f->bytes[0] << 8 | f->bytes[1]);
        c->columns = (uint16_t)(f->bytes[2] << 8 | f->bytes[3]);
        return 0;
    case STDIN:
        c->stdin_open = true;
        return 0;
    case TIMEOUT:
        *ret_what = "timeout";
        if (!bg_field_number(f, &number) || number > UINT32_MAX / 2)
            return -EBADMSG;
        c->timeout_ms = (uint32_t)number;
        return 0;
    case DETACH:
        c->detach = true;
        return 0;
    case IGNORABLE:
        break;
    }
    *ret_what = "a field that this agent does not know";
    return f->tag >= IGNORABLE ? 0 : -EBADMSG;
}

int bg_command_parse(const uint8_t *payload, size_t size, struct bg_command *ret,
                     const char **ret_what)
{
    struct bg_fields fields = {payload, size};
    struct bg_field f;
    const char *user = "0";
    int r;
    *ret_what = "fields";
    while ((r = bg_fields_next(&fields, &f)) > 0) {
        r = take_field(ret, &f, &user, ret_what);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    *ret_what = "argument";
    if (ret->argc == 0)
        return -EBADMSG;
    *ret_what = "user";
    return bg_user_find(user, &ret->user);
}

static const char *find_env(const struct bg_command *c, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < c->envc; i++)
        if (strncmp(c->env[i], name, n) == 0 && c->env[i][n] == '=')
            return c->env[i] + n + 1;
    return NULL;
}

/* A login's environment, under what the request says. Runs in the child, so that it may keep what
 * it allocates. */
static void set_environment(const struct bg_command *c)
{
    const char *const defaults[][2] = {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"HOME", c->user.home},
        {"USER", c->user.name},
        {"LOGNAME", c->user.name},
        {"SHELL", c->user.shell},
        {"LANG", "C.UTF-8"},
        {"TERM", c->tty ? "xterm-256color" : NULL},
    };
    clearenv();
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (defaults[i][1] && !find_env(c, defaults[i][0]))
            setenv(defaults[i][0], defaults[i][1], 1);
    for (size_t i = 0; i < c->envc; i++)
        putenv(c->env[i]);
}

/* What the child says through its pipe when it cannot become the command. */
struct failure {
    int step, error;
};

enum step { STEP_TTY, STEP_USER, STEP_CWD, STEP_EXEC };

static const char *const step_names[] = {[STEP_TTY] = "tty",
                                         [STEP_USER] = "user",
                                         [STEP_CWD] = "working directory",
                                         [STEP_EXEC] = "program"};

static _Noreturn void give_up(int pipe_fd, enum step step)
{
    struct failure f = {.step = (int)step, .error = errno};
    ssize_t n = write(pipe_fd, &f, sizeof f);
    _exit(n == sizeof f ? 126 : 127);
}

static _Noreturn void become(const struct bg_command *c, int fds[3], int pipe_fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    setsid();
    if (c->tty && (ioctl(fds[0], TIOCSCTTY, 0) < 0 || fchown(fds[0], c->user.uid, c->user.gid) < 0))
        give_up(pipe_fd, STEP_TTY);
    for (int i = 0; i < 3; i++)
        dup2(fds[i], i);
    if (bg_user_become(&c->user) < 0)
        give_up(pipe_fd, STEP_USER);
    if (c->cwd ? chdir(c->cwd) < 0 : chdir(c->user.home) < 0 && chdir("/") < 0)
        give_up(pipe_fd, STEP_CWD);
    set_environment(c);
    execvp(c->argv[0], c->argv);
    give_up(pipe_fd, STEP_EXEC);
}

/* ours[i] is our end, theirs[i] the command's. All close-on-exec: dup2 clears that for 0-2. */
static int make_pipes(const struct bg_command *c, int ours[3], int theirs[3])
{
    int p[2];
    for (int i = 0; i < 3; i++) {
        if (i == 0 && !c->stdin_open) {
            theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (theirs[0] < 0)
                return -errno;
            continue;
        }
        if (pipe2(p, O_CLOEXEC) < 0)
            return -errno;
        ours[i] = p[i == 0];
        theirs[i] = p[i != 0];
        if (fcntl(ours[i], F_SETFL, O_NONBLOCK) < 0)
            return -errno;
    }
    return 0;
}

static int make_tty(const struct bg_command *c, int ours[3], int theirs[3])
{
    struct winsize size = {.ws_row = c->rows, .ws_col = c->columns};
    int unlock = 0, number;
    char path[32];
    ours[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (ours[0] < 0 || ioctl(ours[0], TIOCSPTLCK, &unlock) < 0 ||
        ioctl(ours[0], TIOCGPTN, &number) < 0 || ioctl(ours[0], TIOCSWINSZ, &size) < 0)
        return -errno;
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    theirs[0] = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (theirs[0] < 0)
        return -errno;
    theirs[1] = theirs[2] = theirs[0];
    ours[1] = ours[0];
    return 0;
}

static void close_all(int fds[3])
{
    for (int i = 0; i < 3; i++) {
        bool shared = (i > 0 && fds[i] == fds[0]);
        if (fds[i] >= 0 && !shared)
            close(fds[i]);
    }
}

/* fork() into a cgroup at once: to be moved there later costs milliseconds. *ret_pidfd is -1 where
 * there is none. */
static pid_t fork_into(int cgroup, int *ret_pidfd)
{
    struct clone_args args = {.flags = CLONE_INTO_CGROUP | CLONE_PIDFD,
                              .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
                              .exit_signal = SIGCHLD,
                              .cgroup = (uint64_t)cgroup};
    *ret_pidfd = -1;
    pid_t pid = cgroup < 0 ? -1 : (pid_t)syscall(SYS_clone3, &args, sizeof args);
    return pid < 0 ? fork() : pid;
}

/* 0 when the command runs: its exec closed the pipe. */
static int await_exec(int pipe_fd, pid_t pid, const char **ret_step)
{
    struct failure f;
    ssize_t n;
    do {
        n = read(pipe_fd, &f, sizeof f);
    } while (n < 0 && errno == EINTR);
    if (n != sizeof f)
        return 0;
    waitpid(pid, NULL, 0);
    *ret_step = step_names[f.step];
    return -f.error;
}

int bg_command_start(const struct bg_command *c, struct bg_child *ret, const char **ret_step)
{
    int ours[3] = {-1, -1, -1}, theirs[3] = {-1, -1, -1}, report[2] = {-1, -1};
    int pidfd = -1;
    pid_t pid = -1;
    struct bg_family family = bg_family_make();
    *ret_step = c->tty ? "tty" : "pipes";
    int r = c->tty ? make_tty(c, ours, theirs) : make_pipes(c, ours, theirs);
    if (r == 0 && pipe2(report, O_CLOEXEC) < 0)
        r = -errno;
    if (r == 0) {
        *ret_step = "fork";
        pid = fork_into(family.dir, &pidfd);
        r = pid < 0 ? -errno : 0;
    }
    if (pid == 0)
        become(c, theirs, report[1]);
    close_all(theirs);
    if (report[1] >= 0)
        close(report[1]);
    if (r == 0)
        r = await_exec(report[0], pid, ret_step);
    if (r == 0 && pidfd < 0) {
        *ret_step = "pidfd";
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        r = pidfd < 0 ? -errno : 0;
    }
    if (report[0] >= 0)
        close(report[0]);
    if (r < 0) {
        if (pidfd >= 0)
            close(pidfd);
        bg_family_leave(&family);
        close_all(ours);
        return r;
    }
    *ret = (struct bg_child){pid, pidfd, family, ours[0], ours[1], ours[2]};
    return 0;
}
