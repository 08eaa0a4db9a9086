/* Runs as root on a tree whose parents are root's. The jail's own root may hold files that the
 * helper staged; nothing in it is followed when it is a link. */
#include "jail.h"
#include "fail.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void make_folders(const char *path)
{
    char part[PATH_MAX];
    for (const char *p = path; (p = strchr(p + 1, '/')) || (p = path + strlen(path));) {
        (void)snprintf(part, sizeof part, "%.*s", (int)(p - path), path);
        if (mkdir(part, 0777) < 0 && errno != EEXIST)
            bg_die_path("Failed to create directory", "CreateDir", part, errno);
        if (!*p)
            return;
    }
}

/* Neither truncated nor followed; a second link would let the copy overwrite another's file. */
static void copy_program(const struct bg_plan *plan)
{
    char path[PATH_MAX], text[PATH_MAX + 64], debug[PATH_MAX + 64];
    struct stat from, to;
    (void)snprintf(path, sizeof path, "%.*s/%s", (int)(sizeof path / 2), plan->root,
                   plan->exec_name);
    int source = open(plan->exec_path, O_RDONLY | O_CLOEXEC);
    if (source < 0 || fstat(source, &from) < 0)
        bg_die_path("Failed to open", "Open", plan->exec_path, errno);
    int target = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, from.st_mode & 07777);
    if (target < 0 || fstat(target, &to) < 0)
        bg_die_path("Failed to open", "Open", path, errno);
    if (to.st_nlink > 1 || !S_ISREG(to.st_mode)) {
        (void)snprintf(text, sizeof text, "Detected hard link at: %s", path);
        (void)snprintf(debug, sizeof debug, "HardLink(\"%s\")", path);
        bg_die(text, debug);
    }
    if (fchown(target, plan->uid, plan->gid) < 0)
        bg_die_path("Failed to change owner for", "ChangeFileOwner", path, errno);
    for (off_t left = from.st_size; left > 0;) {
        ssize_t n = sendfile(target, source, NULL, (size_t)left);
        if (n <= 0)
            bg_die_path("Failed to copy to", "Copy", path, n < 0 ? errno : EIO);
        left -= n;
    }
    close(source);
    close(target);
}

void bg_jail_fill(const struct bg_plan *plan)
{
    make_folders(plan->root);
    copy_program(plan);
}

static void pivot(const struct bg_plan *plan)
{
    if (unshare(CLONE_NEWNS) < 0)
        bg_die_os("Failed to unshare into new mount namespace", "UnshareNewNs", errno);
    if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        bg_die_os("Failed to change the propagation type to slave", "MountPropagationSlave", errno);
    if (mount(plan->root, plan->root, NULL, MS_BIND | MS_REC, NULL) < 0)
        bg_die_os("Failed to bind mount the jail root directory", "MountBind", errno);
    if (chdir(plan->root) < 0)
        bg_die_os("Failed to change current directory", "SetCurrentDir", errno);
    bg_jail_runtime(plan);
    if (mkdir("old_root", S_IRUSR | S_IWUSR) < 0)
        bg_die_os("Failed to create the jail root directory before pivoting root", "MkdirOldRoot",
                  errno);
    if (syscall(SYS_pivot_root, ".", "old_root") < 0)
        bg_die_os("Failed to pivot root", "PivotRoot", errno);
    if (chdir("/") < 0)
        bg_die_os("Failed to change current directory", "ChdirNewRoot", errno);
    if (umount2("old_root", MNT_DETACH) < 0)
        bg_die_os("Failed to unmount the old jail root", "UmountOldRoot", errno);
    if (rmdir("old_root") < 0)
        bg_die_os("Failed to remove old jail root directory", "RmOldRootDir", errno);
}

/* The folder itself, not what a link of that name points to, becomes the VM's. */
static void own_folder(const struct bg_plan *plan, const char *path)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        bg_die_path("Failed to create directory", "CreateDir", path, errno);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0700) < 0)
        bg_die_path("Failed to change permissions on", "Chmod", path, errno);
    if (fchown(fd, plan->uid, plan->gid) < 0)
        bg_die_path("Failed to change owner for", "ChangeFileOwner", path, errno);
    close(fd);
}

static int make_node(const struct bg_plan *plan, const char *path, unsigned major_number,
                     unsigned minor_number)
{
    if (mknod(path, S_IFCHR | S_IRUSR | S_IWUSR, makedev(major_number, minor_number)) < 0)
        return -errno;
    if (lchown(path, plan->uid, plan->gid) < 0)
        bg_die_path("Failed to change owner for", "ChangeFileOwner", path, errno);
    return 0;
}

static void need_node(const struct bg_plan *plan, const char *path, unsigned major_number,
                      unsigned minor_number)
{
    char text[256], debug[256];
    int r = make_node(plan, path, major_number, minor_number);
    if (r == 0)
        return;
    (void)snprintf(text, sizeof text, "Failed to create %s via mknod inside the jail: %s", path,
                   bg_os_error(-r));
    (void)snprintf(debug, sizeof debug, "MknodDev(%s, \"%s\")", bg_os_error_debug(-r), path);
    bg_die(text, debug);
}

/* userfaultfd's minor number is dynamic; -1: the host has none. Read before the jail is entered. */
static int userfaultfd_minor(void)
{
    char line[128], name[64];
    int number, found = -1;
    FILE *misc = fopen("/proc/misc", "re");
    while (misc && found < 0 && fgets(line, sizeof line, misc)) {
        if (sscanf(line, "%d %63s", &number, name) == 2 && strcmp(name, "userfaultfd") == 0)
            found = number;
    }
    if (misc)
        fclose(misc);
    return found;
}

void bg_jail_enter(const struct bg_plan *plan)
{
    static const char *const folders[] = {"/", "/dev", "/dev/net", "/run"};
    int userfaultfd = userfaultfd_minor();
    pivot(plan);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        own_folder(plan, folders[i]);
    need_node(plan, "/dev/net/tun", 10, 200);
    need_node(plan, "/dev/kvm", 10, 232);
    (void)make_node(plan, "/dev/urandom", 1, 9);
    if (userfaultfd >= 0)
        need_node(plan, "/dev/userfaultfd", 10, (unsigned)userfaultfd);
}
