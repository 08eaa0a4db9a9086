#include "family.h"
#include "hold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"
#define NAME "banger-exec-"

/* Those of sessions that are over; one that somebody is still in stays, since rmdir fails. */
static void sweep(void)
{
    DIR *root = opendir(ROOT);
    struct dirent *e;
    int session;
    while (root && (e = readdir(root)))
        if (sscanf(e->d_name, NAME "%d-", &session) == 1 && kill(session, 0) < 0 && errno == ESRCH)
            unlinkat(dirfd(root), e->d_name, AT_REMOVEDIR);
    if (root)
        closedir(root);
}

static struct bg_family prepared = {.dir = -1};

static struct bg_family make(void)
{
    struct bg_family f = {.dir = -1};
    struct timespec t;
    if (access(ROOT "/cgroup.procs", F_OK) < 0)
        return f;
    sweep();
    /* The pid alone may have been that of a command whose family is still there. */
    clock_gettime(CLOCK_MONOTONIC, &t);
    snprintf(f.path, sizeof f.path, ROOT "/" NAME "%d-%lld%09ld", getpid(), (long long)t.tv_sec,
             t.tv_nsec);
    if (mkdir(f.path, 0755) == 0)
        f.dir = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bg_hold_join(f.path);
    return f;
}

void bg_family_prepare(void)
{
    prepared = make();
}

void bg_family_unprepare(void)
{
    bg_family_leave(&prepared);
}

struct bg_family bg_family_make(void)
{
    struct bg_family f = prepared;
    prepared.dir = -1;
    return f.dir < 0 ? make() : f;
}

void bg_family_kill(const struct bg_family *f)
{
    int fd = f->dir < 0 ? -1 : openat(f->dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "1", 1) < 0)
        perror("banger-agent: cgroup.kill");
    close(fd);
}

void bg_family_leave(struct bg_family *f)
{
    if (f->dir < 0)
        return;
    close(f->dir);
    f->dir = -1;
    rmdir(f->path);
}
