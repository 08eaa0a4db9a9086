/*
 * interleave [-p MS] N CMD-A… -- CMD-B…: runs the two commands in turns, N times each, and prints a line per round:
 * nanoseconds of A, nanoseconds of B, from before the fork to the end of the child. Turns share what the machine does
 * meanwhile, so that the ratio means something on a busy host. The order within a round alternates.
 *
 * With -p each run begins so many milliseconds after the one before: where a server has something to clear up after one, the
 * other does not pay for it.
 *
 * stdout of the commands goes to /dev/null. A command that fails ends the run with status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct timespec pause_before;

static uint64_t run_once(char **argv, posix_spawn_file_actions_t *actions)
{
    int status;
    pid_t pid;
    nanosleep(&pause_before, NULL);
    uint64_t start = now_ns();
    int r = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);

    if (r != 0) {
        fprintf(stderr, "interleave: %s: %s\n", argv[0], strerror(r));
        exit(1);
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            perror("interleave: waitpid");
            exit(1);
        }
    }
    if (status != 0) {
        fprintf(stderr, "interleave: %s failed (wait status 0x%x)\n", argv[0], (unsigned)status);
        exit(1);
    }
    return now_ns() - start;
}

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t actions;
    if (argc > 2 && strcmp(argv[1], "-p") == 0) {
        pause_before.tv_nsec = strtol(argv[2], NULL, 10) % 1000 * 1000000;
        argv += 2;
        argc -= 2;
    }
    char **a = argv + 2, **b = NULL;
    long rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            argv[i] = NULL;
            b = argv + i + 1;
            break;
        }
    }
    if (rounds <= 0 || b == NULL || a[0] == NULL || b[0] == NULL) {
        fprintf(stderr, "usage: interleave N CMD-A... -- CMD-B...\n");
        return 2;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (long i = 0; i < rounds; i++) {
        uint64_t first = run_once(i % 2 == 0 ? a : b, &actions);
        uint64_t second = run_once(i % 2 == 0 ? b : a, &actions);

        printf("%llu %llu\n", (unsigned long long)(i % 2 == 0 ? first : second),
               (unsigned long long)(i % 2 == 0 ? second : first));
    }
    posix_spawn_file_actions_destroy(&actions);
    return 0;
}
