/* Start a jailer under banger-monitor (monitor.c tells what it is given), in a cgroup where there is cgroup v2. */
#include "spawn.h"

enum { EMPTY_WAIT_MS = 5000, FDS = 7 };
#define NAME "/banger-monitor"

const char *bg_cgroup_root(void)
{
    return access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0           ? "/sys/fs/cgroup"
           : access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup/unified"
                                                                      : NULL;
}

/* What the hierarchy does not offer is not set: the controller may belong to cgroup v1 there. */
static void set(const char *cgroup, const char *file, const char *value)
{
    BG_CLOSED int fd = open(bg_name("%s/%s", cgroup, file).s, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        dprintf(fd, "%s", value);
}

static struct bg_name parent_of(struct bg_helper *h)
{
    return bg_name("%s/banger-%s", bg_cgroup_root(), h->instance);
}

/* An fd of the folder, where there is one. */
static int make_cgroup(struct bg_helper *h, const struct bg_spawn *s)
{
    if (!bg_cgroup_root())
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct bg_name parent = parent_of(h), own = bg_name("%s/%s", parent.s, s->vm->id);
    if ((mkdir(parent.s, 0755) < 0 && errno != EEXIST) ||
        (mkdir(own.s, 0755) < 0 && errno != EEXIST))
        return -1;
    const char *const above[] = {bg_cgroup_root(), parent.s};
    for (size_t i = 0; i < 2; i++) {
        set(above[i], "cgroup.subtree_control", "+memory");
        set(above[i], "cgroup.subtree_control", "+pids");
    }
    set(own.s, "memory.max", bg_name("%llu", (unsigned long long)s->memory_max).s);
    set(own.s, "pids.max", bg_name("%d", BG_TASKS_MAX).s);
    return open(own.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * The VMM's children (QEMU) die after it: the kernel tells when the last of them has left. The last VM's folder takes the
 * instance's along.
 */
int bg_cgroup_remove(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    char events[128];
    if (!bg_cgroup_root())
        return 0;
    struct bg_name parent = parent_of(h), own = bg_name("%s/%s", parent.s, vm->id);
    BG_CLOSED int fd = open(bg_name("%s/cgroup.events", own.s).s, O_RDONLY | O_CLOEXEC);
    struct pollfd p = {.fd = fd, .events = POLLPRI};
    do {
        if (fd >= 0 && pread(fd, events, sizeof(events), 0) < 0)
            break;
        if ((rmdir(own.s) == 0 || errno == ENOENT) &&
            (rmdir(parent.s) == 0 || errno == EBUSY || errno == ENOENT))
            return 0;
    } while (errno == EBUSY && fd >= 0 && poll(&p, 1, EMPTY_WAIT_MS) == 1);
    return bg_sys(f, "remove the VM's cgroup");
}

/* In the child: the fds become 0, 1, 2 ...; then the monitor. */
static void run_monitor(const int fds[FDS], char *const argv[])
{
    int high[FDS];
    sigset_t none;
    for (int i = 0; i < FDS; i++)
        high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 32);
    for (int i = 0; i < FDS; i++)
        if (high[i] < 0 || dup2(high[i], i) < 0)
            _exit(127);
    sigemptyset(&none);
    /* The VMM must hear SIGTERM, which a worker holds back. */
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(argv[0], argv, (char *[]){NULL});
    _exit(127);
}

int bg_spawn_monitored(struct bg_helper *h, const struct bg_spawn *s, struct bg_reply *f)
{
    char monitor[PATH_MAX] = ""; /* installed beside the helper */
    struct bg_name record = bg_run_name(s->vm->id);
    char *argv[3 + BG_SPAWN_ARGS + 1] = {monitor, record.s, (char *)s->vm->jail};
    int report[2], error;
    memcpy(argv + 3, s->argv, BG_SPAWN_ARGS * sizeof(argv[0]));
    BG_CLOSED int cgroup = make_cgroup(h, s);
    if (cgroup < 0)
        return bg_sys(f, "make the VM's cgroup");
    if (readlink("/proc/self/exe", monitor, PATH_MAX - sizeof(NAME)) < 0 ||
        pipe2(report, O_CLOEXEC) < 0)
        return bg_sys(f, "prepare the monitor");
    strcpy(strrchr(monitor, '/'), NAME);
    BG_CLOSED int null = open("/dev/null", O_RDWR | O_CLOEXEC), from = report[0], to = report[1];
    int fds[FDS] = {null, s->console, s->errors, h->run, to, h->lock, cgroup};
    pid_t pid = fork();
    if (pid < 0)
        return bg_sys(f, "fork the monitor");
    if (pid == 0)
        run_monitor(fds, argv);
    bg_close(&to);
    ssize_t got = read(from, &error, sizeof(error));
    if (got < 0)
        return bg_sys(f, "wait for the monitor");
    if (got != sizeof(error))
        return bg_fail(f, BG_SYSTEM, 0, "start the monitor: %.100s did not run", monitor);
    return bg_step(f, "start the jailer", -error);
}
