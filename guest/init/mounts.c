#include "mounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *type, *where, *options;
    unsigned long flags;
    mode_t mode; /* of the folder, when it is missing */
} mounts[] = {
    {"proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0555},
    {"sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0555},
    {"devtmpfs", "/dev", "mode=0755", MS_NOSUID, 0755},
    {"devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC, 0755},
    {"tmpfs", "/dev/shm", NULL, MS_NOSUID | MS_NODEV, 01777},
    {"tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV, 0755},
    {"cgroup2", "/sys/fs/cgroup", "nsdelegate", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0555},
};

static const struct {
    const char *target, *path;
} links[] = {
    {"/proc/self/fd", "/dev/fd"},
    {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"},
};

static int is_mounted(const char *path)
{
    char parent[64];
    struct stat here, above;
    snprintf(parent, sizeof parent, "%s/..", path);
    return stat(path, &here) == 0 && stat(parent, &above) == 0 && here.st_dev != above.st_dev;
}

void bg_mounts_make(void)
{
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        if (is_mounted(mounts[i].where))
            continue;
        mkdir(mounts[i].where, mounts[i].mode);
        if (mount(mounts[i].type, mounts[i].where, mounts[i].type, mounts[i].flags,
                  mounts[i].options) < 0)
            fprintf(stderr, "banger: mount %s: %s\n", mounts[i].where, strerror(errno));
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (symlink(links[i].target, links[i].path) < 0 && errno != EEXIST)
            fprintf(stderr, "banger: link %s: %s\n", links[i].path, strerror(errno));
    mkdir("/run/lock", 01777);
    chmod("/run/lock", 01777);
}

void bg_mounts_end(void)
{
    FILE *table = fopen("/proc/self/mounts", "re");
    char line[1024], where[256], type[32];
    sync();
    while (table && fgets(line, sizeof line, table))
        if (sscanf(line, "%*s %255s %31s", where, type) == 2 && strncmp(type, "ext", 3) == 0)
            mount(NULL, where, NULL, MS_REMOUNT | MS_RDONLY, NULL);
    if (table)
        fclose(table);
    sync();
}
