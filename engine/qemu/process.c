/* fork and exec; everything that can fail in the child is told by its exit status 127. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void __attribute__((noreturn))
become(char *const *argv, char *const *environment, int stdout_fd, int stderr_fd, const int *keep,
       size_t n_keep, pid_t parent)
{
    char path[256];
    sigset_t none;
    sigemptyset(&none);
    /* A signal that this process handles has its default again after exec; SIGPIPE too. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
        sigprocmask(SIG_SETMASK, &none, NULL) < 0 || dup2(stdout_fd, STDOUT_FILENO) < 0 ||
        dup2(stderr_fd, STDERR_FILENO) < 0)
        _exit(127);
    for (size_t i = 0; i < n_keep; i++) {
        if (fcntl(keep[i], F_SETFD, 0) < 0)
            _exit(127);
    }
    (void)snprintf(path, sizeof path, "/usr/bin/%s", argv[0]);
    execve(path, argv, environment);
    dprintf(STDERR_FILENO, "%s: %m\n", path);
    _exit(127);
}

int bg_process_start(char *const *argv, char *const *environment, int stdout_fd, const int *keep,
                     size_t n_keep, struct bg_process *ret)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(argv, environment, stdout_fd, pipes[1], keep, n_keep, parent);
    int r = pid < 0 ? -errno : 0;
    close(pipes[1]);
    int pidfd = r == 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (r == 0 && pidfd < 0) {
        r = -errno;
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    if (r < 0) {
        close(pipes[0]);
        return r;
    }
    *ret = (struct bg_process){.pid = pid, .pidfd = pidfd, .stderr_fd = pipes[0]};
    return 0;
}

void bg_process_end(struct bg_process *process)
{
    (void)kill(process->pid, SIGKILL);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(process->pidfd);
    close(process->stderr_fd);
}
