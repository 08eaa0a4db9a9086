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
#include "helper.h"
#include "proc.h"
#include "record.h"
#include <linux/sched.h>
#include <sys/mman.h>

enum { RUN = 3, REPORT, LOCK, CGROUP };

/*
 * Born in its cgroup: to move a process there waits for a grace period of the kernel, which is longer than a start. We
 * go on when the child was executed, or has ended.
 */
static pid_t fork_in_cgroup(void)
{
    struct stat st;
    struct clone_args a = {.flags = CLONE_VFORK, .exit_signal = SIGCHLD, .cgroup = CGROUP};
    if (fstat(CGROUP, &st) < 0)
        return -1;
    a.flags |= S_ISDIR(st.st_mode) ? CLONE_INTO_CGROUP : 0;
    return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

/* What the child leaves to us, by shared memory. */
static struct {
    struct bg_run run;
    int error; /* why the jailer was not executed, an errno */
} * start;

/* It is in the record before it does anything. */
static void child(const char *name, char *const argv[])
{
    struct bg_proc self = {.start = 0};
    int error = bg_proc_read(getpid(), &self);
    start->run.pid = (uint32_t)getpid();
    start->run.start = self.start;
    umask(022);
    start->error =
        error < 0 ? -error : -bg_record_write(RUN, name, &start->run, sizeof(start->run), false);
    if (start->error == 0 && execve(argv[0], argv, (char *[]){NULL}) < 0)
        start->error = errno;
    _exit(127);
}

int main(int argc, char **argv)
{
    int status;
    start = mmap(NULL, sizeof(*start), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc < 4 || start == MAP_FAILED)
        return 2;
    setsid();
    signal(SIGCHLD, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (chdir("/") < 0 || close_range(RUN, CGROUP, CLOSE_RANGE_CLOEXEC) < 0 ||
        close_range(CGROUP + 1, ~0U, 0) < 0)
        return 2;
    snprintf(start->run.jail, sizeof(start->run.jail), "%s", argv[2]);
    start->error = ECHILD; /* should it die before its record is written */
    pid_t pid = fork_in_cgroup();
    if (pid == 0)
        child(argv[1], argv + 3);
    int error = pid < 0 ? errno : start->error;
    if (error != 0 && pid > 0 && waitpid(pid, &status, 0) == pid)
        unlinkat(RUN, argv[1], 0);
    if (write(REPORT, &error, sizeof(error)) < 0)
        errno = 0; /* the helper is gone: nobody waits for this and the VM goes on */
    for (int fd = 1; fd <= CGROUP; fd++)
        if (fd != RUN)
            close(fd);
    while (error == 0 && waitpid(pid, &status, 0) < 0)
        error = errno == EINTR ? 0 : errno;
    if (error != 0)
        return 1;
    start->run.ended = true;
    start->run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    start->run.exit_signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
    return bg_record_write(RUN, argv[1], &start->run, sizeof(start->run), false) < 0;
}
