/*
 * The jail of a VM: staging, start, what became of it, and its end.
 *
 * Everything is put into the jail's root while that folder is still root's alone (0700); the jailer then gives it to
 * the VM's uid. From that moment nothing in it is evidence of anything (see op_connect.c for how it is entered).
 */
#include "op.h"
#include "proc.h"
#include "spawn.h"
#include <grp.h>
#include <sys/inotify.h>
#include <sys/random.h>

enum {
    SEED_MAX = 1 << 20,
    CPUS_MAX = 32,
    MEMORY_MIN = 32,
    MEMORY_MAX = 1 << 20,
    OVERHEAD_MIB =
        768, /* the VMM's own memory; an emulator's translation buffer is the most of it */
    KILL_WAIT_MS = 5000,
};

static int link_base(struct bg_helper *h, const uint8_t digest[32], int root, const char *name,
                     struct bg_reply *f)
{
    BG_CLOSED int base = bg_base_open(h, digest, NULL, f);
    if (base < 0)
        return -1;
    return linkat(h->bases, bg_store_name(digest, "").s, root, name, 0) == 0
               ? 0
               : bg_sys(f, "link a base into the jail");
}

static int stage_file(int root, const char *name, mode_t mode, uid_t uid, int from, uint64_t size,
                      struct bg_reply *f)
{
    BG_CLOSED int fd = openat(root, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 || (from >= 0 && bg_copy(from, fd, size) < 0) || fchown(fd, uid, uid) < 0)
        return bg_sys(f, "stage a file in the jail");
    return 0;
}

static int stage(struct bg_helper *h, const struct bg_vm *vm, const struct bg_args_jail_spawn *a,
                 int root, struct bg_reply *f)
{
    static const uint8_t none[32];
    uint64_t size;
    if (bg_check_file(a->seed, "seed", SEED_MAX, &size, f) < 0 ||
        link_base(h, a->kernel.b, root, "kernel", f) < 0)
        return -1;
    if (memcmp(a->initrd.b, none, 32) != 0 && link_base(h, a->initrd.b, root, "initrd", f) < 0)
        return -1;
    if (memcmp(a->snapshot.b, none, 32) != 0 && bg_snap_stage(h, a->snapshot.b, root, f) < 0)
        return -1;
    if (stage_file(root, "seed", 0400, vm->uid, a->seed, size, f) < 0 ||
        stage_file(root, "vmm.log", 0600, vm->uid, -1, 0, f) < 0 ||
        stage_file(root, "metrics", 0600, vm->uid, -1, 0, f) < 0)
        return -1;
    return bg_disk_stage(h, vm, root, f);
}

/* jails/firecracker/<jail>/root, as the jailer lays it out; all three of them root's. */
static int make_root(struct bg_helper *h, const char *jail, struct bg_reply *f)
{
    BG_CLOSED int all = bg_open_dir(h->jails, "firecracker", 0755);
    BG_CLOSED int own = all < 0 || mkdirat(all, jail, 0755) < 0 ? -1 : bg_open_dir(all, jail, 0755);
    int root = own < 0 ? -1 : bg_open_dir(own, "root", 0700);
    return root >= 0 ? root : bg_sys(f, "make the jail");
}

static int open_log(struct bg_helper *h, const char *vm, const char *kind)
{
    return bg_open(h->logs, bg_log_name(vm, kind).s, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
}

static int spawn(struct bg_helper *h, const struct bg_vm *vm, const struct bg_args_jail_spawn *a,
                 const char *engine, struct bg_reply *f)
{
    struct bg_name jailer = bg_name("%s/jailer", engine), exec = bg_name("%s/firecracker", engine),
                   base = bg_name("%s/jails", bg_state_root(h->instance).s),
                   uid = bg_name("%u", vm->uid);
    char *argv[BG_SPAWN_ARGS + 1] = {
        jailer.s,   "--id",    (char *)vm->jail, "--exec-file", exec.s,
        "--uid",    uid.s,     "--gid",          uid.s,         "--chroot-base-dir",
        base.s,     "--",      "--api-sock",     "/api.sock",   "--log-path",
        "/vmm.log", "--level", "Info",           NULL};
    BG_CLOSED int console = open_log(h, vm->id, "console"), errors = open_log(h, vm->id, "stderr");
    if (console < 0 || errors < 0)
        return bg_sys(f, "make the console's file");
    struct bg_spawn s = {.vm = vm,
                         .argv = argv,
                         .console = console,
                         .errors = errors,
                         .memory_max = ((uint64_t)a->memory_mib * 5 / 4 + OVERHEAD_MIB) << 20};
    return h->by_systemd ? bg_spawn_service(h, &s, f) : bg_spawn_monitored(h, &s, f);
}

/* The notify socket of a fresh jail whose jailer was executed. */
static int start(struct bg_helper *h, struct bg_vm *vm, const struct bg_args_jail_spawn *a,
                 struct bg_reply *f)
{
    uint8_t random[8];
    struct bg_name engine;
    BG_CLOSED int folder = bg_engine_open(h, a->engine, &engine, f);
    if (folder < 0)
        return -1;
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return bg_sys(f, "choose a jail id");
    bg_hex(vm->jail, random, sizeof(random));
    memcpy(vm->jail_boot, h->boot, sizeof(h->boot));
    vm->engine = a->engine;
    if (bg_vm_save(h, vm, false, f) < 0)
        return -1;
    BG_CLOSED int root = make_root(h, vm->jail, f);
    BG_CLOSED int notify =
        root < 0 || stage(h, vm, a, root, f) < 0 ? -1 : bg_notify_listen(vm, root, f);
    return notify < 0 || spawn(h, vm, a, engine.s, f) < 0 ? -1 : bg_steal(&notify);
}

/* Safe because engine, uid, names and arguments come from the ledger and root's folders; see README.md. */
BG_ACT(jail_spawn)
{
    struct bg_vm vm;
    struct bg_jail_state now;
    if (a->cpus < 1 || a->cpus > CPUS_MAX)
        return bg_fail(f, BG_BAD_REQUEST, 0, "cpus: must be 1 to %d", CPUS_MAX);
    if (a->memory_mib < MEMORY_MIN || a->memory_mib > MEMORY_MAX)
        return bg_fail(f, BG_BAD_REQUEST, 0, "memory_mib: must be %d to %d", MEMORY_MIN,
                       MEMORY_MAX);
    if (bg_vm_open(h, a->vm.s, &vm, f) < 0 || bg_jail_look(h, &vm, &now, f) < 0)
        return -1;
    bool fresh = now.state != BG_V_running;
    BG_CLOSED int before = now.watch, root = fresh ? -1 : bg_jail_root(h, vm.jail, f);
    if (fresh ? bg_jail_remove(h, &vm, f) < 0 : root < 0) /* what an earlier start left */
        return -1;
    BG_CLOSED int notify = fresh ? start(h, &vm, a, f) : bg_notify_listen(&vm, root, f);
    if (notify >= 0 && bg_jail_look(h, &vm, &now, f) == 0) {
        if (now.state == BG_V_running) {
            BG_RUN_RESULT(r, now);
            r->watch = now.watch;
            r->notify = bg_steal(&notify);
            return 0;
        }
        bg_fail(f, BG_JAIL_FAILED, 0,
                "the jailer ended at once (status %d, signal %u); its words are in vm_log",
                now.run.exit_code, now.run.exit_signal);
    }
    if (fresh && vm.jail[0] && bg_jail_remove(h, &vm, NULL) == 0)
        bg_vm_save(h, &vm, false, NULL);
    return -1;
}

/* The VMM is gone and its monitor is about to write how it ended: wait for that, but not long. */
static void await_end(struct bg_helper *h, const struct bg_vm *vm, struct bg_run *ret)
{
    char events[512];
    for (int i = 0; i < 16 && bg_watch(h, h->run, IN_MOVED_TO) >= 0; i++) {
        struct pollfd p = {.fd = h->notes, .events = POLLIN};
        if (h->by_systemd)
            bg_service_collect(h, vm);
        if (bg_run_load(h, vm, ret) < 0 || ret->ended || poll(&p, 1, 1000) <= 0 ||
            read(h->notes, events, sizeof(events)) < 0)
            return;
    }
}

int bg_jail_look(struct bg_helper *h, const struct bg_vm *vm, struct bg_jail_state *ret,
                 struct bg_reply *f)
{
    struct bg_name unused;
    struct stat jailer = {0};
    *ret = (struct bg_jail_state){
        .state = BG_V_none, .watch = -1, .run = {.jail = "0000000000000000"}};
    ret->run.exit_code = -1;
    if (!vm->jail[0])
        return 0;
    ret->state = BG_V_exited;
    int error = strcmp(vm->jail_boot, h->boot) != 0 ? -ENOENT : bg_run_load(h, vm, &ret->run);
    if (error < 0)
        memcpy(ret->run.jail, vm->jail, sizeof(vm->jail));
    if (error == -ENOENT || error == -EBADMSG || ret->run.ended)
        return 0;
    if (error < 0) /* taken for ended, its monitor's last word would come after its removal */
        return bg_step(f, "look at the VMM's process", error);
    BG_CLOSED int engine = bg_engine_open(h, vm->engine, &unused, NULL);
    if (engine < 0 || fstatat(engine, "jailer", &jailer, AT_SYMLINK_NOFOLLOW) < 0)
        jailer.st_ino = 0; /* then no root process is taken for the jailer */
    int watch =
        bg_proc_open((pid_t)ret->run.pid, ret->run.start, vm->uid, jailer.st_dev, jailer.st_ino);
    if (watch >= 0) {
        ret->state = BG_V_running;
        ret->watch = watch;
    } else if (watch == -ESRCH)
        await_end(h, vm, &ret->run);
    else if (watch == -EPERM)
        ret->state = BG_V_unknown;
    else
        return bg_step(f, "look at the VMM's process", watch);
    return 0;
}

static int unproven(const struct bg_jail_state *now, struct bg_reply *f)
{
    return bg_fail(f, BG_VM_UNPROVEN, 0,
                   "pid %u is not the VMM that the ledger knows; nothing was touched",
                   now->run.pid);
}

int bg_jail_open(struct bg_helper *h, const char *id, struct bg_vm *ret_vm,
                 struct bg_jail_state *ret, struct bg_reply *f)
{
    ret->state = BG_V_none;
    if (bg_vm_open(h, id, ret_vm, f) < 0 || bg_jail_look(h, ret_vm, ret, f) < 0)
        return -1;
    if (ret->state == BG_V_unknown)
        return unproven(ret, f);
    return ret->state == BG_V_running
               ? ret->watch
               : bg_fail(f, BG_JAIL_ABSENT, 0, "vm %s has no running VMM", id);
}

int bg_jail_idle(struct bg_helper *h, const struct bg_vm *vm, struct bg_reply *f)
{
    struct bg_jail_state now;
    if (bg_jail_look(h, vm, &now, f) < 0)
        return -1;
    bg_close(&now.watch);
    if (now.state == BG_V_running || now.state == BG_V_unknown)
        return bg_fail(f, BG_VM_ALIVE, 0, "vm %s runs; stop it first", vm->id);
    return 0;
}

/* Safe because the process was proven against the ledger, and is signalled through that very pidfd. */
BG_ACT(jail_signal)
{
    struct bg_vm vm;
    struct bg_jail_state now;
    BG_CLOSED int watch = bg_jail_open(h, a->vm.s, &vm, &now, f);
    if (watch < 0)
        return -1;
    int signal = a->signal == BG_V_kill ? SIGKILL : SIGTERM;
    if (syscall(SYS_pidfd_send_signal, watch, signal, NULL, 0) < 0 && errno != ESRCH)
        return bg_sys(f, "signal the VMM");
    return 0;
}

/* Safe because it only reads; a pidfd lets the owner wait, not signal. */
BG_ACT(jail_status)
{
    struct bg_vm vm;
    struct bg_jail_state now;
    if (bg_vm_open(h, a->vm.s, &vm, f) < 0 || bg_jail_look(h, &vm, &now, f) < 0)
        return -1;
    BG_RUN_RESULT(r, now);
    r->state = now.state;
    r->exit_code = now.run.exit_code;
    r->exit_signal = now.run.exit_signal;
    r->watch = now.watch;
    return 0;
}

/* Whatever else runs under the VM's uid: the kernel itself picks them, by the uid that nobody else has. */
static void kill_uid(uid_t uid)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 &&
            setresuid(uid, uid, uid) == 0)
            kill(-1, SIGKILL);
        _exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static int end_process(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f)
{
    struct bg_jail_state now;
    if (bg_jail_look(h, vm, &now, f) < 0)
        return -1;
    BG_CLOSED int watch = now.watch;
    if (now.state == BG_V_unknown)
        return unproven(&now, f);
    if (now.state == BG_V_running) {
        struct pollfd p = {.fd = watch, .events = POLLIN};
        syscall(SYS_pidfd_send_signal, watch, SIGKILL, NULL, 0);
        if (poll(&p, 1, KILL_WAIT_MS) != 1)
            return bg_fail(f, BG_DEADLINE, 0, "the VMM (pid %u) did not end within 5 s of SIGKILL",
                           now.run.pid);
        await_end(h, vm, &now.run);
    }
    kill_uid(vm->uid);
    return 0;
}

/* The VMM's own files outlive its jail: only regular, unshared ones, now that nobody can exchange them. */
static void keep_log(struct bg_helper *h, const struct bg_vm *vm, int root, const char *name,
                     const char *kind)
{
    BG_CLOSED int fd = bg_open_plain(root, name, vm->uid);
    if (fd >= 0 && renameat(root, name, h->logs, bg_log_name(vm->id, kind).s) == 0 &&
        fchown(fd, 0, 0) == 0)
        fchmod(fd, 0600);
}

int bg_jail_remove(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f)
{
    if (!vm->jail[0])
        return 0;
    if (strcmp(vm->jail_boot, h->boot) == 0 && end_process(h, vm, f) < 0)
        return -1;
    if (h->by_systemd)
        bg_service_forget(h, vm);
    BG_CLOSED int root = bg_jail_root(h, vm->jail, NULL);
    if (root >= 0) {
        keep_log(h, vm, root, "vmm.log", "vmm");
        keep_log(h, vm, root, "metrics", "metrics");
    }
    if (bg_remove_tree(h->jails, bg_name("firecracker/%.16s", vm->jail).s) < 0)
        return bg_sys(f, "remove the jail");
    unlinkat(h->run, bg_run_name(vm->id).s, 0);
    if (!h->by_systemd && bg_cgroup_remove(h, vm, f) < 0)
        return -1;
    vm->jail[0] = 0;
    return 0;
}
