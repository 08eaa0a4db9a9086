/* QEMU is a dynamic program with ROMs and modules in /usr: the host's is bound read-only into the
 * jail, without devices and setuid programs; it lives in the VM's mount namespace only. */
#include "../jailer/fail.h"
#include "../jailer/jail.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_folder(const char *path)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        bg_die_path("Failed to create directory", "CreateDir", path, errno);
}

/* /bin and its like as the host has them: links into /usr. A link of the host's own goes along. */
static void link_like_host(const char *name)
{
    char host[32], target[64];
    (void)snprintf(host, sizeof host, "/%s", name);
    ssize_t n = readlink(host, target, sizeof target - 1);
    if (n < 0)
        return;
    target[n] = '\0';
    if (symlink(target, name) < 0 && errno != EEXIST)
        bg_die_path("Failed to create symlink", "Symlink", name, errno);
}

void bg_jail_runtime(const struct bg_plan *plan)
{
    static const char *const links[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
    (void)plan;
    make_folder("usr");
    if (mount("/usr", "usr", NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, "usr", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
        bg_die_path("Failed to bind mount", "MountBind", "usr", errno);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        link_like_host(links[i]);
}
