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

/* A login's environment, under what the request says: this process's own, which nothing here reads. */
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

enum step { STEP_TTY, STEP_USER, STEP_CWD, STEP_EXEC };

static const char *const step_names[] = {[STEP_TTY] = "tty",
                                         [STEP_USER] = "user",
                                         [STEP_CWD] = "working directory",
                                         [STEP_EXEC] = "program"};

/* What the child is to become, and how it failed. It lives in our memory, on a stack of its own,
 * until it executes the program, and we stand still meanwhile: a copy of our memory would cost more
 * than the rest of the start. Nobody traces it there after its user changed, since the kernel makes
 * such memory undumpable. */
struct birth {
    const struct bg_command *command;
    const int *fds;
    enum step step;
    int error; /* 0: it has become the program */
};

#define ON_A_STACK_OF_ITS_OWN __attribute__((no_sanitize("address")))

ON_A_STACK_OF_ITS_OWN static _Noreturn void give_up(struct birth *b, enum step step)
{
    b->error = errno;
    b->step = step;
    _exit(127);
}

/* execvp, which alone knows what a failure means; but it finds out by execve what is in no folder of
 * PATH, and that takes three times as long as to ask. */
ON_A_STACK_OF_ITS_OWN static void execute(const struct bg_command *c)
{
    char path[512];
    const char *at = strchr(c->argv[0], '/') ? NULL : getenv("PATH");
    while (at && *at == '/') {
        size_t n = strcspn(at, ":");
        int length = snprintf(path, sizeof path, "%.*s/%s", (int)n, at, c->argv[0]);
        if (length >= 0 && (size_t)length < sizeof path && access(path, X_OK) == 0) {
            execv(path, c->argv);
            break;
        }
        at += n + (at[n] == ':');
    }
    execvp(c->argv[0], c->argv);
}

ON_A_STACK_OF_ITS_OWN static _Noreturn void become(struct birth *b)
{
    const struct bg_command *c = b->command;
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (c->tty &&
        (ioctl(b->fds[0], TIOCSCTTY, 0) < 0 || fchown(b->fds[0], c->user.uid, c->user.gid) < 0))
        give_up(b, STEP_TTY);
    for (int i = 0; i < 3; i++)
        dup2(b->fds[i], i);
    if (bg_user_become(&c->user) < 0)
        give_up(b, STEP_USER);
    if (c->cwd ? chdir(c->cwd) < 0 : chdir(c->user.home) < 0 && chdir("/") < 0)
        give_up(b, STEP_CWD);
    execute(c);
    give_up(b, STEP_EXEC);
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

/* clone3, whose child calls become() on args->stack. Signals have no handlers of ours to run there. */
static pid_t give_birth(struct clone_args *args, size_t size, struct birth *b)
{
    long r = SYS_clone3;
    register void (*child)(struct birth *) __asm__("r12") = become;
    register struct birth *with __asm__("r13") = b;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n"
                     "1:"
                     : "+a"(r)
                     : "D"(args), "S"(size), "r"(child), "r"(with)
                     : "rcx", "r11", "memory");
    if (r < 0)
        errno = (int)-r;
    return r < 0 ? -1 : (pid_t)r;
}

/* Born in its cgroup: to be moved there later costs milliseconds. */
static pid_t spawn(struct birth *b, int cgroup, int *ret_pidfd)
{
    static char stack[128 * 1024] __attribute__((aligned(16)));
    struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD,
                              .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
                              .exit_signal = SIGCHLD,
                              .stack = (uint64_t)(uintptr_t)stack,
                              .stack_size = sizeof stack};
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
        pid_t pid = give_birth(&args, sizeof args, b);
        if (pid > 0)
            return pid;
        args.flags &= ~CLONE_INTO_CGROUP;
    }
    return give_birth(&args, CLONE_ARGS_SIZE_VER0, b);
}

int bg_command_start(const struct bg_command *c, struct bg_child *ret, const char **ret_step)
{
    int ours[3] = {-1, -1, -1}, theirs[3] = {-1, -1, -1};
    int pidfd = -1;
    pid_t pid = -1;
    struct birth birth = {.command = c, .fds = theirs};
    struct bg_family family = bg_family_make();
    *ret_step = c->tty ? "tty" : "pipes";
    int r = c->tty ? make_tty(c, ours, theirs) : make_pipes(c, ours, theirs);
    if (r == 0) {
        *ret_step = "fork";
        set_environment(c);
        pid = spawn(&birth, family.dir, &pidfd);
        r = pid < 0 ? -errno : -birth.error;
    }
    close_all(theirs);
    if (r == 0) {
        *ret = (struct bg_child){pid, pidfd, family, ours[0], ours[1], ours[2]};
        return 0;
    }
    if (pid > 0) {
        *ret_step = step_names[birth.step];
        waitpid(pid, NULL, 0);
        close(pidfd);
    }
    bg_family_leave(&family);
    close_all(ours);
    return r;
}
