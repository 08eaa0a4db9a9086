/* Start a jailer under banger-monitor (monitor.c tells what it is given), in a cgroup where there is cgroup v2. */
#include "spawn.h"
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

void bg_cgroup_path(char ret[static BG_PATH_MAX], struct bg_helper *h, const char *vm)
{
    const char *root = access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup"
                       : access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0
                           ? "/sys/fs/cgroup/unified"
                           : NULL;
    ret[0] = 0;
    if (root)
        snprintf(ret, BG_PATH_MAX, "%s/banger-%s/%s", root, h->instance, vm);
}

/* What the hierarchy does not offer is not set: the controller may belong to cgroup v1 there. */
static void set(const char *cgroup, const char *file, const char *value)
{
    char path[BG_PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/%s", cgroup, file);
    BG_CLOSED int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        dprintf(fd, "%s", value);
}

static int make_cgroup(const char *cgroup, const struct bg_spawn *s, struct bg_reply *f)
{
    char root[BG_PATH_MAX], parent[BG_PATH_MAX], number[24];
    if (!cgroup[0])
        return 0;
    snprintf(parent, sizeof(parent), "%s", cgroup);
    *strrchr(parent, '/') = 0;
    snprintf(root, sizeof(root), "%s", parent);
    *strrchr(root, '/') = 0;
    if ((mkdir(parent, 0755) < 0 && errno != EEXIST) ||
        (mkdir(cgroup, 0755) < 0 && errno != EEXIST))
        return bg_sys(f, "make the VM's cgroup");
    const char *const above[] = {root, parent};
    for (size_t i = 0; i < 2; i++) {
        set(above[i], "cgroup.subtree_control", "+memory");
        set(above[i], "cgroup.subtree_control", "+pids");
    }
    snprintf(number, sizeof(number), "%llu", (unsigned long long)s->memory_max);
    set(cgroup, "memory.max", number);
    snprintf(number, sizeof(number), "%d", BG_TASKS_MAX);
    set(cgroup, "pids.max", number);
    return 0;
}

/* The monitor is installed beside the helper. */
static int monitor_path(char ret[static PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n < 0)
        return -1;
    self[n] = 0;
    return snprintf(ret, PATH_MAX, "%.4000s/banger-monitor", dirname(self)) < PATH_MAX ? 0 : -1;
}

/* In the child: fds 0 null, 1 console, 2 errors, 3 run folder, 4 report, 5 lock; then the monitor. */
static void run_monitor(const int fds[6], char *const argv[])
{
    int high[6];
    char *env[] = {NULL};
    sigset_t none;
    for (int i = 0; i < 6; i++)
        high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 32);
    for (int i = 0; i < 6; i++)
        if (high[i] < 0 || dup2(high[i], i) < 0)
            _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none,
                NULL); /* the VMM must hear SIGTERM, which a worker holds back */
    execve(argv[0], argv, env);
    _exit(127);
}

int bg_spawn_monitored(struct bg_helper *h, const struct bg_spawn *s, struct bg_reply *f)
{
    char monitor[PATH_MAX], cgroup[BG_PATH_MAX], record[16];
    char *argv[40] = {monitor, record, (char *)s->vm->jail};
    size_t n = 4;
    int report[2], error;
    bg_cgroup_path(cgroup, h, s->vm->id);
    snprintf(record, sizeof(record), "jail-%.8s", s->vm->id);
    argv[3] = cgroup[0] ? cgroup : "-";
    for (size_t i = 0; s->argv[i]; i++)
        argv[n++] = s->argv[i];
    if (make_cgroup(cgroup, s, f) < 0)
        return -1;
    if (monitor_path(monitor) < 0 || pipe2(report, O_CLOEXEC) < 0)
        return bg_sys(f, "prepare the monitor");
    BG_CLOSED int null = open("/dev/null", O_RDWR | O_CLOEXEC), from = report[0], to = report[1];
    int fds[6] = {null, s->console, s->errors, h->run, to, h->lock};
    pid_t pid = bg_fork_away();
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
    errno = error;
    return error == 0 ? 0 : bg_sys(f, "start the jailer");
}
