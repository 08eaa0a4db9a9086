/* See cgroup.h. The mount is where systemd and this project have it; on a hybrid host it is below
 * "unified". */
#include "cgroup.h"
#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CGROUP2_MAGIC 0x63677270

static const char *mount_point(void)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    struct statfs fs;
    for (size_t i = 0; i < 2; i++) {
        if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_MAGIC)
            return places[i];
    }
    bg_die("Cgroup hierarchy missing: No hierarchy found for this cgroup version.",
           "CgroupHierarchyMissing(\"No hierarchy found for this cgroup version.\")");
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n != (ssize_t)strlen(text))
        bg_die_path("Failed to write to", "Write", path, error);
}

static void join(const char *folder)
{
    char path[PATH_MAX + 32], pid[24];
    (void)snprintf(path, sizeof path, "%s/cgroup.procs", folder);
    (void)snprintf(pid, sizeof pid, "%d", getpid());
    write_file(path, pid);
}

/* Whether the hierarchy's root offers the controller of "cpu.weight=50". */
static void check_controller(const char *mount, const char *setting)
{
    char path[PATH_MAX], have[1024] = " ", name[64], word[66], text[128], debug[128];
    const char *dot = memchr(setting, '.', strcspn(setting, "="));
    if (!dot) {
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(setting, "="), setting);
        (void)snprintf(text, sizeof text, "Cgroup invalid file: %s", name);
        (void)snprintf(debug, sizeof debug, "CgroupInvalidFile(\"%s\")", name);
        bg_die(text, debug);
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(dot - setting), setting);
    if (mount) {
        (void)snprintf(path, sizeof path, "%s/cgroup.controllers", mount);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, have + 1, sizeof have - 3);
        if (fd >= 0)
            close(fd);
        for (ssize_t i = 0; i <= n; i++) {
            if (have[i] == '\n' || have[i] == '\0')
                have[i] = ' ';
        }
        have[n + 1] = ' ';
    }
    (void)snprintf(word, sizeof word, " %s ", name);
    if (strstr(have, word))
        return;
    (void)snprintf(text, sizeof text, "Controller %s is unavailable", name);
    (void)snprintf(debug, sizeof debug, "CgroupControllerUnavailable(\"%s\")", name);
    bg_die(text, debug);
}

void bg_cgroup_check(const struct bg_plan *plan)
{
    char path[PATH_MAX];
    struct stat st;
    const char *mount = plan->cgroup_v2 ? mount_point() : NULL;
    for (unsigned i = 0; i < plan->n_cgroups; i++)
        check_controller(mount, plan->cgroups[i]);
    if (!mount || plan->n_cgroups > 0)
        return;
    (void)snprintf(path, sizeof path, "%s/%s", mount, plan->parent_cgroup);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        join(path);
}

/* Every folder on the way must pass the controller down to the next one. */
static void enable(const char *folder, const char *setting)
{
    char path[PATH_MAX + 32], text[80];
    (void)snprintf(path, sizeof path, "%s/cgroup.subtree_control", folder);
    (void)snprintf(text, sizeof text, "+%.*s", (int)strcspn(setting, "."), setting);
    write_file(path, text);
}

void bg_cgroup_apply(const struct bg_plan *plan)
{
    char path[PATH_MAX], whole[PATH_MAX], file[PATH_MAX + 128];
    if (!plan->cgroup_v2 || plan->n_cgroups == 0)
        return;
    int n = snprintf(whole, sizeof whole, "%s/%s/%s", mount_point(), plan->parent_cgroup, plan->id);
    if (n < 0 || (size_t)n >= sizeof whole)
        bg_die_path("Failed to create directory", "CreateDir", plan->parent_cgroup, ENAMETOOLONG);
    size_t at = strlen(mount_point());
    while (at < (size_t)n) {
        (void)snprintf(path, sizeof path, "%.*s", (int)at, whole);
        for (unsigned i = 0; i < plan->n_cgroups; i++)
            enable(path, plan->cgroups[i]);
        at += 1 + strcspn(whole + at + 1, "/");
        (void)snprintf(path, sizeof path, "%.*s", (int)at, whole);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            bg_die_path("Failed to create directory", "CreateDir", path, errno);
    }
    for (unsigned i = 0; i < plan->n_cgroups; i++) {
        const char *equals = strchr(plan->cgroups[i], '=');
        (void)snprintf(file, sizeof file, "%s/%.*s", whole, (int)(equals - plan->cgroups[i]),
                       plan->cgroups[i]);
        write_file(file, equals + 1);
    }
    join(whole);
}
