/* `jailer`: Firecracker's jailer for engines of this project. It runs as root, with the helper's
 * gates: no shell, no Lua, nothing followed that a VM's user could have made. The steps and their
 * order are those of the original, because supervisors see them (docs/engine.md). */
#include "cgroup.h"
#include "fail.h"
#include "jail.h"
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void join_netns(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        bg_die_path("Failed to open file", "FileOpen", path, errno);
    if (setns(fd, CLONE_NEWNET) < 0)
        bg_die_os("Failed to join network namespace: netns", "SetNetNs", errno);
    close(fd);
}

static void set_limits(const struct bg_plan *plan)
{
    struct rlimit files = {plan->limit_files, plan->limit_files};
    struct rlimit size = {plan->limit_size, plan->limit_size};
    if (setrlimit(RLIMIT_NOFILE, &files) < 0 ||
        (plan->limit_size > 0 && setrlimit(RLIMIT_FSIZE, &size) < 0))
        bg_die_os("Failed to set limit for resource", "Setrlimit", errno);
}

/* The original double-forks and keeps the host's /dev/null, opened for reading only. */
static void daemonize(int null_fd)
{
    for (int round = 0; round < 2; round++) {
        pid_t pid = fork();
        if (pid < 0)
            bg_die_os("Failed to daemonize: fork", "Clone", errno);
        if (pid > 0)
            _exit(0);
        if (round == 0 && setsid() < 0)
            bg_die_os("Failed to daemonize: setsid", "SetSid", errno);
    }
    for (int fd = 0; fd < 3; fd++)
        (void)dup2(null_fd, fd);
}

/* Created exclusively: a jail is for one start. */
static void write_pid(const struct bg_plan *plan, pid_t pid)
{
    char path[NAME_MAX + 8], text[24];
    (void)snprintf(path, sizeof path, "/%.255s.pid", plan->exec_name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        bg_die_path("Failed to open file", "FileOpen", path, errno);
    int n = snprintf(text, sizeof text, "%d", pid);
    if (write(fd, text, (size_t)n) != n)
        bg_die_path("Failed to write to", "Write", path, errno);
    close(fd);
}

static void __attribute__((noreturn)) become(const struct bg_plan *plan, uint64_t start_us)
{
    static char *const environment[] = {NULL};
    char path[NAME_MAX + 2], start[24], start_cpu[24], parent_cpu[24];
    size_t extra = 0, n = 0;
    while (plan->extra[extra])
        extra++;
    const char **argv = calloc(extra + 10, sizeof *argv);
    if (!argv)
        bg_die_os("Failed to exec into Firecracker", "Exec", ENOMEM);
    (void)snprintf(path, sizeof path, "/%.254s", plan->exec_name);
    (void)snprintf(start, sizeof start, "%lu", start_us);
    (void)snprintf(start_cpu, sizeof start_cpu, "%lu", clock_us(CLOCK_PROCESS_CPUTIME_ID));
    (void)snprintf(parent_cpu, sizeof parent_cpu, "%lu", clock_us(CLOCK_PROCESS_CPUTIME_ID));
    const char *const own[] = {path,      "--id",
                               plan->id,  "--start-time-us",
                               start,     "--start-time-cpu-us",
                               start_cpu, "--parent-cpu-time-us",
                               parent_cpu};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        argv[n++] = own[i];
    for (size_t i = 0; i < extra; i++)
        argv[n++] = plan->extra[i];
    if (setgroups(0, NULL) < 0 || setresgid(plan->gid, plan->gid, plan->gid) < 0 ||
        setresuid(plan->uid, plan->uid, plan->uid) < 0)
        bg_die_os("Failed to exec into Firecracker", "Exec", errno);
    execve(path, (char *const *)argv, environment);
    bg_die_os("Failed to exec into Firecracker", "Exec", errno);
}

/* The child is pid 1 of the namespace; the parent knows its pid as the host sees it. */
static void become_init(const struct bg_plan *plan, uint64_t start_us)
{
    struct clone_args args = {.flags = CLONE_NEWPID, .exit_signal = SIGCHLD};
    bool leader = getsid(0) == getpid();
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0)
        bg_die_os("Failed to clone", "Clone", errno);
    if (pid > 0) {
        write_pid(plan, pid);
        exit(0);
    }
    if (leader && !plan->daemonize && setsid() < 0)
        bg_die_os("Failed to daemonize: setsid", "SetSid", errno);
    become(plan, start_us);
}

int main(int argc, char **argv)
{
    struct bg_plan plan;
    uint64_t start_us = clock_us(CLOCK_MONOTONIC);
    int null_fd = -1;
    if (close_range(3, ~0u, 0) < 0)
        bg_die_os("Failed to close inherited descriptors", "CloseRange", errno);
    clearenv();
    bg_plan_make(&plan, argc, argv);
    bg_cgroup_check(&plan);
    bg_jail_fill(&plan);
    if (plan.netns)
        join_netns(plan.netns);
    set_limits(&plan);
    bg_cgroup_apply(&plan);
    if (plan.daemonize && (null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        bg_die_path("Failed to open file", "FileOpen", "/dev/null", errno);
    bg_jail_enter(&plan);
    if (plan.daemonize)
        daemonize(null_fd);
    if (plan.new_pid_ns)
        become_init(&plan, start_us);
    write_pid(&plan, getpid());
    become(&plan, start_us);
}
