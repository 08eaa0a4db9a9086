/*
 * An engine for the hostile tests, as its own jailer and VMM (argv[0] tells): it enters the jail as a jailer does, then
 * obeys one-letter orders on /api.sock, which an escaped VMM might give itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    unlink(path);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s, 8) < 0)
        exit(1);
    return s;
}

static void swap_log(char how)
{
    unlink("/vmm.log");
    if (how == 'l' && symlink("/metrics", "/vmm.log") < 0)
        exit(1);
    if (how == 'h' && link("/metrics", "/vmm.log") < 0)
        exit(1);
    if (how == 'p' && mkfifo("/vmm.log", 0600) < 0)
        exit(1);
}

static void obey(char order)
{
    switch (order) {
    case 'x': /* crash */
        abort();
    case 'q': /* end with a status */
        exit(7);
    case 's': /* the socket becomes a link to another one */
        listen_at("/other.sock");
        unlink("/api.sock");
        if (symlink("/other.sock", "/api.sock") < 0)
            exit(1);
        break;
    case 'f': /* or a plain file */
        unlink("/api.sock");
        close(open("/api.sock", O_CREAT | O_WRONLY, 0600));
        break;
    case 'd': /* children that leave the session and ignore signals */
        for (int i = 0; i < 3; i++)
            if (fork() == 0) {
                setsid();
                signal(SIGTERM, SIG_IGN);
                for (;;)
                    pause();
            }
        break;
    case 'n': /* a name that misleads parsers of /proc */
        prctl(PR_SET_NAME, "a) R 1 (x");
        break;
    default:
        swap_log(order);
    }
}

static void vmm(void)
{
    char order;
    int s = listen_at("/api.sock");
    puts("console of the fake");
    fflush(stdout);
    for (;;) {
        int c = accept(s, NULL, NULL);
        while (read(c, &order, 1) == 1) {
            obey(order);
            if (write(c, ".", 1) != 1)
                break;
        }
        close(c);
    }
}

int main(int argc, char **argv)
{
    char root[256], copy[320];
    const char *id = "", *exec = "", *base = "";
    static char program[4 << 20];
    unsigned uid = 0;
    const char *name = strrchr(argv[0], '/');
    if (strcmp(name ? name + 1 : argv[0], "jailer") != 0)
        vmm();
    for (int i = 1; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        id = strcmp(argv[i], "--id") == 0 ? argv[i + 1] : id;
        exec = strcmp(argv[i], "--exec-file") == 0 ? argv[i + 1] : exec;
        base = strcmp(argv[i], "--chroot-base-dir") == 0 ? argv[i + 1] : base;
        uid = strcmp(argv[i], "--uid") == 0 ? (unsigned)strtoul(argv[i + 1], NULL, 10) : uid;
    }
    snprintf(root, sizeof(root), "%s/firecracker/%s/root", base, id);
    snprintf(copy, sizeof(copy), "%s/firecracker", root);
    int from = open(exec, O_RDONLY), to = open(copy, O_CREAT | O_WRONLY, 0755);
    ssize_t n = read(from, program, sizeof(program));
    if (n < 0 || write(to, program, (size_t)n) != n || close(to) < 0 || chdir(root) < 0 ||
        chown(".", uid, uid) < 0 || chmod(".", 0700) < 0 || chroot(".") < 0 ||
        setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0) {
        perror("fake jailer");
        return 1;
    }
    execl("/firecracker", "/firecracker", NULL);
    perror("fake jailer");
    return 1;
}
