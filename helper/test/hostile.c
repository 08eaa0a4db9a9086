/*
 * The hostile owner, and an escaped VMM, against a running helper of an instance of their own. Root starts the helper
 * and prepares what root prepares; every attack then runs as the real unprivileged owner (`nobody`), or another uid.
 *
 *   hostile BUILD-FOLDER [TRIES]     TRIES of each race, 1000 unless said;
 *       TAP on stdout; 77 when it cannot run here. The numbers A1..A30 are README.md's.
 */
#include "hostile.h"
#include "../link.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *build;
const char *helper_socket = SOCKET;
static int number, failed;
bg_t_DIGEST base;
uint32_t subnet = 0x0ac7f000; /* 10.199.240.0/24 */

void ok(bool good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
    fflush(stdout);
    failed += !good;
}

static void wait_for(pid_t pid, int *status)
{
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
}

bool as(uid_t uid, bool (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
            _exit(2);
        alarm(600); /* 100,000 tries of a race */
        _exit(fn() ? 0 : 1);
    }
    wait_for(pid, &status);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int run(const char *const argv[])
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    wait_for(pid, &status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int ask(uint32_t op, const void *args, size_t size, union bg_results *ret, int *ret_fd)
{
    union bg_args a;
    union bg_results unused;
    struct bg_wire w;
    struct bg_header header;
    struct bg_reply reply;
    memset(&a, 0, sizeof(a));
    memcpy(&a, args, size);
    const struct bg_op_row *row = bg_op_by_number(op);
    bg_wire_init(&w);
    for (size_t i = 0; i < row->nargs; i++)
        if (row->args[i].type == BG_T_FD)
            *(int *)bg_field_at(&a, i) = dup(*(int *)bg_field_at(&a, i));
    if (!bg_encode_request(&w, row, 1, &a) || talk(helper_socket, &w) < 0 ||
        !bg_decode_header(&w, &header) || !bg_decode_reply(&w, row, &reply, ret ? ret : &unused))
        return -1;
    if (ret_fd)
        *ret_fd = w.nfds > 0 ? bg_steal(&w.fds[0]) : -1;
    bg_wire_close(&w);
    return (int)reply.code;
}
static bool started(void)
{
    return spawn(1, 1, 128, SEED_OK) == BG_OK &&
           ASK(vm_connect, ID, .channel = BG_V_api) == BG_OK && ASK(disk_export, ID) == BG_VM_ALIVE;
}

static char letter;
static bool order(void)
{
    int fd = -1;
    char answer;
    if (ASK_FD(&fd, vm_connect, ID, .channel = BG_V_api) != BG_OK)
        return false;
    fcntl(fd, F_SETFL, 0);
    bool good = write(fd, &letter, 1) == 1 && read(fd, &answer, 1) == 1;
    close(fd);
    return good;
}

static bool tell(char c)
{
    letter = c;
    return as(OWNER, order);
}

static bool log_refused(void)
{
    return ASK(vm_log, ID, .log = BG_V_vmm) == BG_PEER_UNPROVEN;
}

static bool api_refused(void)
{
    return ASK(vm_connect, ID, .channel = BG_V_api) == BG_PEER_UNPROVEN;
}

static bool a29_watch_cannot_kill(void)
{
    int fd = -1;
    bool good = ASK_FD(&fd, jail_status, ID) == BG_OK && fd >= 0;
    return good && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno == EPERM;
}

static bool running(void)
{
    union bg_results r;
    return ASK_RES(&r, jail_status, ID) == BG_OK && r.jail_status.state == BG_V_running;
}

static bool ended_7(void)
{
    union bg_results r;
    int watch = -1;
    if (ASK_FD(&watch, jail_status, ID) == BG_OK && watch >= 0) { /* it is still on its way out */
        struct pollfd p = {.fd = watch, .events = POLLIN};
        poll(&p, 1, 5000);
    }
    return ASK_RES(&r, jail_status, ID) == BG_OK && r.jail_status.state == BG_V_exited &&
           r.jail_status.exit_code == 7 &&
           ASK(vm_connect, ID, .channel = BG_V_api) == BG_JAIL_FAILED &&
           ASK(jail_signal, ID, .signal = BG_V_kill) == BG_JAIL_ABSENT;
}

static bool teardown_runtime(void)
{
    return ASK(vm_teardown, ID, .extent = BG_V_runtime) == BG_OK &&
           ASK(vm_teardown, ID, .extent = BG_V_runtime) == BG_OK;
}

static bool unproven(void)
{
    return ASK(vm_teardown, ID, .extent = BG_V_all) == BG_VM_UNPROVEN &&
           ASK(tap_create, ID) == BG_VM_UNPROVEN;
}

static bool all_gone(void)
{
    union bg_results r;
    return ASK(vm_teardown, ID, .extent = BG_V_all) == BG_OK &&
           ASK(base_remove, .digest = base) == BG_OK &&
           ASK_RES(&r, vm_list, .after = {"00000000"}) == BG_OK && r.vm_list.found == 0 &&
           ASK(net_down) == BG_OK;
}

static bool uid_has_processes(uid_t uid)
{
    char text[32];
    snprintf(text, sizeof(text), "%u", uid);
    const char *const argv[] = {"/usr/bin/pgrep", "-r", "R,S,D", "-u", text, NULL};
    return run(argv) == 0;
}

static bool install_engine(const char *name, const char *number_text)
{
    char folder[128], command[400];
    static char bytes[4 << 20];
    snprintf(folder, sizeof(folder), STATE "/engines/%s", name);
    snprintf(command, sizeof(command), "%s/helper/fake_vmm", build);
    int from = open(command, O_RDONLY);
    ssize_t n = read(from, bytes, sizeof(bytes));
    bool good = n > 0 && mkdir(folder, 0755) == 0;
    static const char *const files[] = {"firecracker", "jailer"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(command, sizeof(command), "%s/%s", folder, files[i]);
        int to = open(command, O_CREAT | O_WRONLY, 0755);
        good = good && write(to, bytes, (size_t)n) == n && close(to) == 0;
    }
    snprintf(command, sizeof(command), "%s/number", folder);
    int to = open(command, O_CREAT | O_WRONLY, 0644);
    good = good && dprintf(to, "%s\n", number_text) > 0;
    close(to);
    close(from);
    return good;
}

int program(const char *name, const char *a, const char *b, const char *c)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", build, name);
    const char *const argv[] = {path, a, b, c, NULL};
    return run(argv);
}

static int start_helper(void)
{
    return program("banger-helper-config", "hostile", "65534", "--start");
}

static int stop_helper(void)
{
    return program("banger-helper", "--instance", "hostile", "--stop");
}

static void with_a_vm(uid_t uid, int tries)
{
    ok(as(OWNER, started), "a start; the disk cannot be exported while it runs");
    ok(as(OWNER, a29_watch_cannot_kill),
       "A29 the owner can wait on the pidfd and not signal through it");
    union bg_results r;
    ASK_RES(&r, jail_status, ID);
    by_class(uid, (pid_t)r.jail_status.pid);
    races(uid, tries);
    two_instances(uid);
    snapshots(uid, tries / 10);
    ok(as(OWNER, teardown_runtime) && as(OWNER, tap_made) && as(OWNER, started),
       "a VM without rivals");
    ok(tell('n') && as(OWNER, running),
       "A9 a VMM named `a) R 1 (x` is still the one that was started");
    ok(tell('l') && as(OWNER, log_refused), "A1 a log that became a link is refused");
    ok(tell('h') && as(OWNER, log_refused), "A3 a log that got a second link is refused");
    ok(tell('p') && as(OWNER, log_refused), "A5 a log that became a FIFO is refused at once");
    ok(tell('d') && as(OWNER, teardown_runtime) && !uid_has_processes(uid),
       "A13 teardown ends what the VMM forked");
    ok(as(OWNER, tap_made) && as(OWNER, started) && tell('s') && as(OWNER, api_refused),
       "A1 an API socket that became a link is refused");
    ok(as(OWNER, teardown_runtime) && as(OWNER, tap_made) && as(OWNER, started) && tell('f') &&
           as(OWNER, api_refused),
       "A2 an API socket that became a file is refused");
    ok(as(OWNER, teardown_runtime) && as(OWNER, started), "another start");
    letter = 'q';
    as(OWNER, order);
    ok(as(OWNER, ended_7), "A29 an ended VMM has its status and is not signalled");
    ok(as(OWNER, teardown_runtime) && as(OWNER, started) && stop_helper() == 0 &&
           start_helper() == 0 && as(OWNER, running) && uid_has_processes(uid),
       "the helper's end and start leave the VM alone");
    BG_CLOSED int ledger = open(STATE "/ledger/vm-" VM, O_RDWR);
    char first = 0, flipped;
    ok(pread(ledger, &first, 1, 0) == 1 &&
           (flipped = first ^ 1, pwrite(ledger, &flipped, 1, 0) == 1) && as(OWNER, unproven) &&
           uid_has_processes(uid),
       "A9 with a damaged ledger entry nothing is touched");
    ok(pwrite(ledger, &first, 1, 0) == 1 && as(OWNER, all_gone) && !uid_has_processes(uid),
       "teardown of everything");
}

int main(int argc, char **argv)
{
    struct bg_link l;
    char path[64];
    if (argc < 2)
        return 2;
    build = argv[1];
    if (geteuid() != 0 || access("/dev/net/tun", F_OK) < 0) {
        printf("1..0 # SKIP the hostile owner needs root and /dev/net/tun\n");
        return 77;
    }
    signal(SIGPIPE, SIG_IGN);
    setenv("LUA_PATH", "/tmp/evil/?.lua", 1); /* A30: neither reaches a VMM */
    setenv("LD_LIBRARY_PATH", "/tmp/evil", 1);
    ok(program("banger-helper-config", "hostile", "65534", NULL) == 0 && start_helper() == 0,
       "a helper for an instance of our own");
    union bg_results r;
    uid_t uid = ASK_RES(&r, hello) == BG_OK ? r.hello.uid_base + 5 : 0;
    ok(install_engine("good", "1") && install_engine("loose", "2") &&
           install_engine("foreign", "3") && chmod(STATE "/engines/loose/jailer", 0777) == 0 &&
           chown(STATE "/engines/foreign", OWNER, OWNER) == 0,
       "three engines");
    before_a_vm();
    with_a_vm(uid, argc > 2 ? atoi(argv[2]) : 1000);
    ok(stop_helper() == 0, "the helper ends");
    ok(bg_link_get("bghostile-br", &l) == -ENODEV && bg_link_get("bghostile-t005", &l) == -ENODEV,
       "no link is left");
    snprintf(path, sizeof(path), "/sys/fs/cgroup/unified/banger-hostile");
    ok(access(path, F_OK) < 0 && access("/sys/fs/cgroup/banger-hostile", F_OK) < 0,
       "no cgroup is left");
    int all = open("/var/lib/banger-root", O_RDONLY | O_DIRECTORY),
        runs = open("/run", O_RDONLY | O_DIRECTORY);
    ok(bg_remove_tree(all, "hostile") == 0 && bg_remove_tree(runs, "banger-root-hostile") == 0 &&
           bg_remove_tree(runs, "banger-hostile") == 0,
       "its folders are removed");
    printf("1..%d\n", number);
    return failed != 0;
}
