/*
 * Races: one side exchanges what the other is about to look at, as fast as it can. The loser is told by the result: a
 * connection, file or signal that reached what it must not.
 */
#include "../proc.h"
#include "hostile.h"
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static char jail[BG_PATH_MAX];
static uid_t vm_uid;
static int tries_wanted;

pid_t rival(uid_t uid, const char *folder, void (*fn)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 || chdir(folder) < 0)
            _exit(1);
        for (;;)
            fn();
    }
    return pid;
}

void rival_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void exchange(const char *a, const char *b)
{
    renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static void swap_api(void)
{
    exchange("api.sock", "evil");
    sched_yield();
}

static void swap_log(void)
{
    exchange("vmm.log", "evil.log");
    sched_yield();
}

static bool make_evil_links(void)
{
    return chdir(jail) == 0 && symlink("/run/banger-root-hostile/helper.sock", "evil") == 0 &&
           symlink(STATE "/config", "evil.log") == 0;
}

/* Whoever answers is the VM's VMM. */
static bool connects_to_the_vmm(void)
{
    for (int i = 0; i < tries_wanted; i++) {
        struct ucred peer = {0};
        socklen_t size = sizeof(peer);
        int fd = -1, code = ASK_FD(&fd, vm_connect, ID, .channel = BG_V_api);
        if (code != BG_OK && code != BG_PEER_UNPROVEN)
            return false;
        if (code == BG_OK &&
            (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != vm_uid))
            return false;
        bg_close(&fd);
    }
    return true;
}

static bool reads_the_vmms_log(void)
{
    for (int i = 0; i < tries_wanted; i++) {
        struct stat st;
        int fd = -1, code = ASK_FD(&fd, vm_log, ID, .log = BG_V_vmm);
        if (code != BG_OK && code != BG_PEER_UNPROVEN)
            return false;
        if (code == BG_OK && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != vm_uid))
            return false;
        bg_close(&fd);
    }
    return true;
}

static int image;
static void rewrite_image(void)
{
    static char byte;
    byte++;
    if (pwrite(image, &byte, 1, 70000) != 1)
        _exit(1);
}

/* Root's side of the next one: every base is what its name says. */
static bool bases_are_true(void)
{
    const char *const argv[] = {"/bin/sh", "-c",
                                "cd " STATE "/bases && for f in $(ls | grep -v spare); do "
                                "[ \"$(sha256sum <$f)\" = \"$f  -\" ] || exit 1; done",
                                NULL};
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool admits(void)
{
    for (int i = 0; i < tries_wanted / 20; i++)
        if (ASK(base_admit, .image = image) != BG_OK)
            return false;
    return true;
}

static bool removes_admitted(void)
{
    union bg_results r;
    bg_t_DIGEST after = {{0}};
    while (ASK_RES(&r, base_list, .after = after) == BG_OK && r.base_list.found) {
        after = r.base_list.digest;
        if (memcmp(after.b, base.b, 32) != 0 && ASK(base_remove, .digest = after) != BG_OK)
            return false;
    }
    return true;
}

static pid_t sleeper(uid_t uid)
{
    int ready[2];
    char byte;
    if (pipe(ready) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (setresuid(uid, uid, uid) < 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    bool up = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    return up ? pid : -1;
}

/* In a pid namespace with few pids: the VM's process is gone and another has its pid, often in the same clock tick. */
static bool pids_reused(void)
{
    static const char few[] = "310";
    int limit = -1;
    if (mount("proc", "/proc", "proc", 0, NULL) < 0 ||
        (limit = open("/proc/sys/kernel/pid_max", O_WRONLY)) < 0 || write(limit, few, 3) != 3)
        return false;
    for (int i = 0; i < tries_wanted; i++) {
        struct bg_proc was;
        pid_t vm = sleeper(vm_uid), other = -1;
        if (vm < 0 || bg_proc_read(vm, &was) < 0)
            return false;
        rival_end(vm);
        FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "w");
        if (!last || fprintf(last, "%d", vm - 1) < 1 || fclose(last) != 0)
            return false;
        other = sleeper(OWNER);
        int fd = bg_proc_open(vm, was.start, vm_uid, 0, 0);
        bool won = fd >= 0 || other != vm;
        bg_close(&fd);
        rival_end(other);
        if (won)
            return false;
    }
    return true;
}

/* 1 when the kernel has no pid_max of a namespace's own. */
static bool in_pid_namespace(void)
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
            _exit(1);
        pid_t first = fork();
        if (first == 0)
            _exit(!pids_reused());
        waitpid(first, &status, 0);
        _exit(status != 0);
    }
    waitpid(pid, &status, 0);
    return status == 0;
}

void races(uid_t uid, int tries)
{
    union bg_results r;
    char what[100];
    vm_uid = uid;
    tries_wanted = tries;
    ASK_RES(&r, jail_status, ID);
    snprintf(jail, sizeof(jail), STATE "/jails/firecracker/%.16s/root", r.jail_status.jail.s);
    ok(as(uid, make_evil_links), "links to exchange");
    pid_t pid = rival(uid, jail, swap_log);
    snprintf(what, sizeof(what), "A1 A2 a log exchanged for a link, %d tries", tries);
    ok(as(OWNER, reads_the_vmms_log), what);
    rival_end(pid);
    pid = rival(uid, jail, swap_api);
    snprintf(what, sizeof(what),
             "A1 A2 a socket exchanged for a link to the helper's own, %d tries", tries);
    ok(as(OWNER, connects_to_the_vmm), what);
    rival_end(pid);
    image = memfd_create("image", 0);
    ok(ftruncate(image, 100000) == 0, "an image");
    pid = rival(OWNER, "/", rewrite_image);
    snprintf(what, sizeof(what), "A2 an image rewritten while it is admitted, %d tries",
             tries / 20);
    ok(as(OWNER, admits) && bases_are_true(), what);
    rival_end(pid);
    close(image);
    ok(as(OWNER, removes_admitted), "which are removed");
    snprintf(what, sizeof(what), "A7 A29 the pid of a VMM taken over by another process, %d tries",
             tries);
    ok(in_pid_namespace(), what);
}
