/*
 * banger-monitor: parent of one VM where no service manager is PID 1. It starts the jailer, writes down who that is,
 * waits, writes down how it ended, and exits. It does nothing else, so that nothing of it need ever be updated while
 * the VM runs.
 *
 *   banger-monitor RECORD JAIL JAILER ARGUMENT...
 *
 * Given by the helper: fd 0 /dev/null, 1 and 2 the VMM's, 3 the folder of the record, 4 a pipe that takes one int (0:
 * the jailer runs, else an errno), 5 the lock of the VM, held until then: nobody looks at a VM that is half started; 6
 * the VM's cgroup, or /dev/null.
 */
#include "proc.h"
#include "record.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUN = 3, REPORT, LOCK, CGROUP };

/* Born in its cgroup: to move a process there waits for a grace period of the kernel, which is longer than a start. */
static pid_t fork_in_cgroup(void)
{
    struct stat st;
    struct clone_args a = {.exit_signal = SIGCHLD, .cgroup = CGROUP};
    if (fstat(CGROUP, &st) < 0)
        return -1;
    a.flags = S_ISDIR(st.st_mode) ? CLONE_INTO_CGROUP : 0;
    return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

/* The child waits for a byte, so that it is in the record before it does anything. */
static void child(int parent, char *const argv[])
{
    char byte, *env[] = {NULL};
    umask(022);
    if (read(parent, &byte, 1) == 1)
        execve(argv[0], argv, env);
    int error = errno;
    _exit(write(parent, &error, sizeof(error)) < 0 ? 126 : 127);
}

/* 0 once the jailer was executed, or negative errno. */
static int start(const char *name, struct bg_run *run, char *const argv[])
{
    struct bg_proc proc;
    int talk[2], error;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk) < 0 ||
        (run->pid = (uint32_t)fork_in_cgroup()) == (uint32_t)-1)
        return -errno;
    if (run->pid == 0) {
        close(talk[1]);
        child(talk[0], argv);
    }
    close(talk[0]);
    if ((error = bg_proc_read((pid_t)run->pid, &proc)) == 0) {
        run->start = proc.start;
        error = bg_record_write(RUN, name, run, sizeof(*run), false);
    }
    if (error == 0 && write(talk[1], "g", 1) != 1)
        error = -errno;
    if (error == 0 && read(talk[1], &error, sizeof(error)) == (ssize_t)sizeof(error))
        error = -error;
    close(talk[1]); /* without the byte: the child leaves */
    return error;
}

int main(int argc, char **argv)
{
    struct bg_run run = {.pid = (uint32_t)-1};
    int status;
    if (argc < 4)
        return 2;
    setsid();
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (chdir("/") < 0 || close_range(RUN, CGROUP, CLOSE_RANGE_CLOEXEC) < 0 ||
        close_range(CGROUP + 1, ~0U, 0) < 0)
        return 2;
    snprintf(run.jail, sizeof(run.jail), "%s", argv[2]);
    int error = start(argv[1], &run, argv + 3), told = -error;
    if (write(REPORT, &told, sizeof(told)) < 0)
        errno = 0; /* the helper is gone: nobody waits for this and the VM goes on */
    for (int fd = 1; fd <= CGROUP; fd++)
        if (fd != RUN)
            close(fd);
    if (run.pid == (uint32_t)-1)
        return 1;
    while (waitpid((pid_t)run.pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    if (error < 0) {
        unlinkat(RUN, argv[1], 0);
        return 1;
    }
    run.ended = true;
    run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    run.exit_signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
    return bg_record_write(RUN, argv[1], &run, sizeof(run), false) < 0;
}
