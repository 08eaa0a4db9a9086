/*
 * banger-monitor: parent of one VM where no service manager is PID 1. It starts the jailer, writes down who that is,
 * waits, writes down how it ended, and exits. It does nothing else, so that nothing of it need ever be updated while
 * the VM runs.
 *
 *   banger-monitor RECORD JAIL CGROUP JAILER ARGUMENT...        CGROUP is a folder, or -
 *
 * Given by the helper: fd 0 /dev/null, 1 and 2 the VMM's, 3 the folder of the record, 4 a pipe that takes one int (0:
 * the jailer runs, else an errno), 5 the lock of the VM, held until then: nobody looks at a VM that is half started.
 */
#include "proc.h"
#include "record.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUN = 3, REPORT = 4, LOCK = 5 };

static void report(int error)
{
    /* The helper may be gone; then nobody waits for this and the VM goes on. */
    if (write(REPORT, &error, sizeof(error)) < 0)
        errno = 0;
    close(REPORT);
    close(LOCK);
}

/* Born in its cgroup: to move a process there waits for a grace period of the kernel, which is longer than a start. */
static pid_t fork_in(const char *cgroup)
{
    struct clone_args a = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
    if (strcmp(cgroup, "-") == 0)
        return fork();
    int fd = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    a.cgroup = (uint64_t)fd;
    pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
    close(fd);
    return pid;
}

/* The child waits for a byte, so that it is in the record before it does anything. */
static void child(int go, int failed, char *const argv[])
{
    char byte;
    char *env[] = {NULL};
    if (read(go, &byte, 1) != 1)
        _exit(127);
    umask(022);
    execve(argv[0], argv, env);
    int error = errno;
    if (write(failed, &error, sizeof(error)) < 0)
        _exit(126);
    _exit(127);
}

static int start(const char *name, struct bg_record *r, const char *cgroup, char *const argv[],
                 pid_t *ret)
{
    struct bg_proc proc;
    int go[2], failed[2], error;
    if (pipe2(go, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork_in(cgroup);
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        close(go[1]);
        child(go[0], failed[1], argv);
    }
    close(go[0]);
    close(failed[1]);
    if ((error = bg_proc_read(pid, &proc)) == 0) {
        bg_record_set_u64(r, "pid", (uint64_t)pid);
        bg_record_set_u64(r, "start", proc.start);
        error = bg_record_write(r, RUN, name, false);
    }
    if (error == 0 && write(go[1], "g", 1) != 1)
        error = -errno;
    close(go[1]); /* without the byte: the child leaves */
    if (error == 0 && read(failed[0], &error, sizeof(error)) == (ssize_t)sizeof(error))
        error = -error;
    close(failed[0]);
    *ret = pid;
    return error;
}

int main(int argc, char **argv)
{
    struct bg_record r = {0};
    pid_t pid = -1;
    int status;
    if (argc < 5)
        return 2;
    setsid();
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (chdir("/") < 0 || fcntl(RUN, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(REPORT, F_SETFD, FD_CLOEXEC) < 0 || fcntl(LOCK, F_SETFD, FD_CLOEXEC) < 0 ||
        close_range(LOCK + 1, ~0U, 0) < 0)
        return 2;
    bg_record_set(&r, "jail", argv[2]);
    int error = start(argv[1], &r, argv[3], argv + 4, &pid);
    report(-error);
    close(1);
    close(2);
    if (pid < 0)
        return 1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    if (error < 0) {
        unlinkat(RUN, argv[1], 0);
        return 1;
    }
    bg_record_set_u64(&r, "exit", WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 0);
    bg_record_set_u64(&r, "signal", WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0);
    return bg_record_write(&r, RUN, argv[1], false) < 0;
}
