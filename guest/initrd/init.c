/* The initrd of a kernel whose drivers are modules: loads them, mounts the root disk, becomes its
 * init. The initrd holds this program as /init, the modules, and /modules, a list of their paths in
 * the order in which to load them (docs/agent.md, The initrd).
 *
 * Whatever fails is said on the console, and the VM reboots, which ends its VMM. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

enum { ROOT_WAIT_MS = 10000, KERNEL_EVENTS = 1 };

static const char root_folder[] = "/newroot";

static struct {
    char line[4096];
    const char *root, *type, *options, *init;
    unsigned long flags;
} boot = {.type = "ext4", .flags = MS_RDONLY};

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
    va_list args;
    int error = errno;
    dprintf(2, "\nbanger initrd: ");
    va_start(args, format);
    vdprintf(2, format, args);
    va_end(args);
    dprintf(2, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
    tcdrain(2); /* or the reset would overtake the words */
    reboot(RB_AUTOBOOT);
    _exit(1);
}

static void mount_kernel(const char *type, const char *where)
{
    mkdir(where, 0755);
    if (mount(type, where, type, 0, NULL) < 0 && errno != EBUSY)
        fail("mount %s", where);
}

/* kernel-parameters.txt: the last one of a name wins. */
static void parse_command_line(void)
{
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, boot.line, sizeof boot.line - 1);
    if (n < 0)
        fail("/proc/cmdline");
    close(fd);
    for (char *word = strtok(boot.line, " \n"); word; word = strtok(NULL, " \n")) {
        if (strncmp(word, "root=", 5) == 0)
            boot.root = word + 5;
        else if (strncmp(word, "rootfstype=", 11) == 0)
            boot.type = word + 11;
        else if (strncmp(word, "rootflags=", 10) == 0)
            boot.options = word + 10;
        else if (strncmp(word, "init=", 5) == 0)
            boot.init = word + 5;
        else if (strcmp(word, "rw") == 0)
            boot.flags &= ~(unsigned long)MS_RDONLY;
        else if (strcmp(word, "ro") == 0)
            boot.flags |= MS_RDONLY;
    }
    errno = 0;
    if (!boot.root)
        fail("the kernel command line has no root=");
    if (strncmp(boot.root, "/dev/", 5) != 0)
        fail("root=%s: only root=/dev/NAME is known", boot.root);
}

/* Listens before the drivers come, so that no device is missed. */
static int listen_for_devices(void)
{
    struct sockaddr_nl from = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_EVENTS};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
        fail("kernel events");
    return fd;
}

static void load_module(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail("module %s", path);
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
        fail("module %s", path);
    close(fd);
    unlink(path); /* its memory is the guest's */
}

static void load_modules(void)
{
    char path[256];
    FILE *list = fopen("/modules", "re");
    if (!list) /* a kernel with its drivers built in */
        return;
    while (fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = '\0';
        if (path[0])
            load_module(path);
    }
    fclose(list);
}

static void await_root(int events)
{
    char message[8192];
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int left = ROOT_WAIT_MS; access(boot.root, F_OK) < 0;) {
        struct pollfd p = {.fd = events, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, left) <= 0)
            fail("%s did not appear in %d s", boot.root, ROOT_WAIT_MS / 1000);
        recv(events, message, sizeof message, MSG_DONTWAIT); /* whatever it says, look again */
        clock_gettime(CLOCK_MONOTONIC, &now);
        left = ROOT_WAIT_MS -
               (int)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
    }
}

static void carry_mount(const char *from, const char *name)
{
    char to[64];
    snprintf(to, sizeof to, "%s/%s", root_folder, name);
    if (mount(from, to, NULL, MS_MOVE, NULL) < 0)
        umount2(from, MNT_DETACH); /* the root has no folder for it; its init will mount it */
}

/* As switch_root(8) does. */
static void enter_root(void)
{
    mkdir(root_folder, 0755);
    if (mount(boot.root, root_folder, boot.type, boot.flags, boot.options) < 0)
        fail("mount %s (%s)", boot.root, boot.type);
    carry_mount("/dev", "dev");
    carry_mount("/proc", "proc");
    unlink("/modules");
    unlink("/init");
    if (chdir(root_folder) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
        chdir("/") < 0)
        fail("switch to %s", boot.root);
}

static _Noreturn void become_init(char **envp)
{
    static const char *const usual[] = {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"};
    if (boot.init) {
        execle(boot.init, boot.init, (char *)NULL, envp);
        fail("init=%s", boot.init);
    }
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        execle(usual[i], usual[i], (char *)NULL, envp);
    fail("%s has no init", boot.root);
}

int main(int argc, char **argv, char **envp)
{
    (void)argc;
    (void)argv;
    mount_kernel("devtmpfs", "/dev");
    mount_kernel("proc", "/proc");
    parse_command_line();
    int events = listen_for_devices();
    load_modules();
    await_root(events);
    close(events);
    enter_root();
    become_init(envp);
}
