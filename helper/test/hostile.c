/*
 * The hostile owner, and an escaped VMM, against a running helper of an instance of their own. Root starts the helper
 * and prepares what root prepares; every attack then runs as the real unprivileged owner (`nobody`), or another uid.
 *
 *   hostile BUILD-FOLDER      TAP on stdout; 77 when it cannot run here. The numbers A1..A30 are README.md's.
 */
#include "../link.h"
#include "../nft.h"
#include "talk.h"
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

#define SOCKET  "/run/banger-root-hostile/helper.sock"
#define STATE   "/var/lib/banger-root/hostile"
#define VM      "hostile1"
#define OWNER   65534
#define SEED_OK 1000
static const char *build;
static int number, failed;
static bg_t_DIGEST base;
static uint32_t subnet = 0x0ac7f000; /* 10.199.240.0/24 */

static void ok(bool good, const char *what)
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

/* Run fn as uid in a process of its own; its truth. */
static bool as(uid_t uid, bool (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
            _exit(2);
        alarm(60);
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

/* One request; the code, or -1 when there is no answer. Fds of the reply are closed but for ret_fd. */
static int ask(uint32_t op, const void *args, size_t size, union bg_results *ret, int *ret_fd)
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
    if (!bg_encode_request(&w, row, 1, &a) || talk(SOCKET, &w) < 0 ||
        !bg_decode_header(&w, &header) || !bg_decode_reply(&w, row, &reply, ret ? ret : &unused))
        return -1;
    if (ret_fd)
        *ret_fd = w.nfds > 0 ? bg_steal(&w.fds[0]) : -1;
    bg_wire_close(&w);
    return (int)reply.code;
}
#define ASK(name, ...)                                                                             \
    ask(BG_OP_##name, &(struct bg_args_##name){__VA_ARGS__}, sizeof(struct bg_args_##name), NULL,  \
        NULL)
#define ASK_FD(fd, name, ...)                                                                      \
    ask(BG_OP_##name, &(struct bg_args_##name){__VA_ARGS__}, sizeof(struct bg_args_##name), NULL,  \
        fd)
#define ASK_RES(res, name, ...)                                                                    \
    ask(BG_OP_##name, &(struct bg_args_##name){__VA_ARGS__}, sizeof(struct bg_args_##name), res,   \
        NULL)
#define ID .vm = {VM}

static bool alive(void)
{
    return ASK(hello) == BG_OK;
}

/* Raw bytes instead of a request: closed, or refused, and the helper lives on. */
static int raw(const struct bg_wire *w)
{
    struct bg_wire answer;
    struct bg_header header;
    struct bg_reply reply;
    union bg_results results;
    BG_CLOSED int s = talk_connect(SOCKET);
    if (s < 0 || talk_send(s, w) < 0)
        return -2;
    if (talk_receive(s, &answer) < 0)
        return -1;
    int code =
        bg_decode_header(&answer, &header) && bg_decode_reply(&answer, &bg_ops[0], &reply, &results)
            ? (int)reply.code
            : -2;
    bg_wire_close(&answer);
    return code;
}

static void good_request(struct bg_wire *w)
{
    union bg_args a;
    memset(&a, 0, sizeof(a));
    strcpy(a.jail_signal.vm.s, VM);
    bg_wire_init(w);
    bg_encode_request(w, bg_op_by_name("jail_signal"), 1, &a);
}

static bool a5_malformed(void)
{
    struct bg_wire w;
    bool good = true;
    good_request(&w);
    for (size_t i = 0; i < BG_WIRE_HEADER; i++)
        if (i < 8 || i > 11) { /* the id is free */
            w.bytes[i] ^= 0x80;
            int code = raw(&w);
            good = good && (code == BG_BAD_VERSION || code == BG_BAD_REQUEST);
            w.bytes[i] ^= 0x80;
        }
    for (size_t length = 1; length < w.length; length++) {
        struct bg_wire shorter = w;
        shorter.length = length;
        good = good && raw(&shorter) == BG_BAD_VERSION;
    }
    return good && alive();
}

static bool a5_trailing(void)
{
    struct bg_wire w;
    good_request(&w);
    w.length++;
    int header_says_less = raw(&w);
    w.bytes[16]++;
    return header_says_less == BG_BAD_VERSION && raw(&w) == BG_BAD_REQUEST && alive();
}

static bool a13_oversize(void)
{
    static char big[60000];
    BG_CLOSED int s = talk_connect(SOCKET);
    struct bg_wire answer;
    return send(s, big, sizeof(big), MSG_NOSIGNAL) == sizeof(big) && talk_receive(s, &answer) < 0 &&
           alive();
}

static bool a5_fds_uncalled_for(void)
{
    struct bg_wire w;
    good_request(&w);
    w.fds[0] = w.fds[1] = 0;
    w.nfds = 2;
    int unannounced = raw(&w);
    w.bytes[12] = 2;
    int announced = raw(&w);
    w.nfds = 0;
    return unannounced == BG_BAD_VERSION && announced == BG_BAD_REQUEST &&
           raw(&w) == BG_BAD_VERSION && alive();
}

static bool a5_too_many_fds(void)
{
    char control[CMSG_SPACE(sizeof(int) * 200)] __attribute__((aligned(8))) = {0};
    struct bg_wire w, answer;
    good_request(&w);
    struct iovec io = {w.bytes, w.length};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * 200);
    BG_CLOSED int s = talk_connect(SOCKET);
    return sendmsg(s, &m, MSG_NOSIGNAL) > 0 && talk_receive(s, &answer) < 0 && alive();
}

static bool a13_connections(void)
{
    int s[BG_WIRE_FDS * 8], open_ones = 0, refused = 0;
    for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
        struct pollfd p = {.fd = s[i] = talk_connect(SOCKET), .events = POLLIN};
        struct bg_wire w;
        /* A refusal comes by itself; an accepted connection waits for us. */
        if (poll(&p, 1, 200) == 1 && talk_receive(s[i], &w) == 0)
            refused++;
        else
            open_ones++;
    }
    for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++)
        close(s[i]);
    return open_ones == 16 && refused == 16;
}

static bool a8_vanishing(void)
{
    for (int i = 0; i < SEED_OK / 10; i++) {
        struct bg_wire w;
        good_request(&w);
        int s = talk_connect(SOCKET);
        if (s >= 0 && i % 2)
            talk_send(s, &w);
        bg_close(&s);
    }
    for (int i = 0; i < 100 && !alive(); i++) /* the last workers are still ending */
        usleep(10000);
    return alive();
}

static bool a6_stranger(void)
{
    return talk_connect(SOCKET) < 0 && errno == EACCES;
}

static bool a9_folders_closed(void)
{
    static const char *const closed[] = {STATE "/ledger/net", STATE "/bases/x", STATE "/disks/x",
                                         STATE "/logs/x"};
    bool good = true;
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
        good = good && open(closed[i], O_RDONLY) < 0 && errno == EACCES;
    good = good && open(STATE "/jails/x", O_CREAT | O_WRONLY, 0600) < 0 && errno == EACCES;
    good = good && open(STATE "/config", O_RDWR) < 0 && errno == EACCES;
    good = good && rename("/run/banger-root-hostile/helper.sock", "/run/banger-hostile/s") < 0 &&
           errno == EACCES;
    return good && unlink(SOCKET) < 0 && errno == EACCES;
}

static bool a27_helper_closed(void)
{
    char text[64], path[64];
    int pid;
    if (bg_read_small(AT_FDCWD, "/run/banger-root-hostile/helper.pid", text, sizeof(text)) < 1)
        return false;
    pid = atoi(text);
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    bool good = open(path, O_RDONLY) < 0;
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    good = good && open(path, O_RDONLY) < 0;
    return good && kill(pid, SIGTERM) < 0 && errno == EPERM;
}

static int admit(int fd)
{
    return ASK(base_admit, .image = fd);
}

static bool a5_wrong_fds(void)
{
    int p[2], s[2];
    char path[] = "/tmp/banger-hostile-XXXXXX";
    int file = mkstemp(path);
    bool good = pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 &&
                admit(file) == BG_BAD_FD; /* empty */
    good = good && write(file, "x", 1) == 1;
    const int wrong[] = {p[0],
                         s[0],
                         open("/", O_RDONLY),
                         open("/dev/zero", O_RDONLY),
                         open(path, O_PATH),
                         open(path, O_WRONLY),
                         open("/proc/self/status", O_RDONLY),
                         memfd_create("m", 0)};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        good = good && admit(wrong[i]) == BG_BAD_FD;
    unlink(path);
    return good;
}

static bool a2_base_is_a_copy(void)
{
    union bg_results r, again;
    int fd = memfd_create("image", 0);
    if (ftruncate(fd, 65536) < 0 || pwrite(fd, "before", 6, 0) != 6)
        return false;
    bool good = ASK_RES(&r, base_admit, .image = fd) == BG_OK;
    bg_t_DIGEST before = r.base_admit.digest;
    good = good && pwrite(fd, "after!", 6, 0) == 6 &&
           ASK_RES(&again, base_admit, .image = fd) == BG_OK;
    good = good && memcmp(&before, &again.base_admit.digest, 32) != 0;
    good = good && ASK(base_remove, .digest = again.base_admit.digest) == BG_OK;
    return good && ASK(base_remove, .digest = before) == BG_OK;
}

static bool a20_subnets(void)
{
    return ASK(net_up, .subnet = 0x08080000, .prefix = 20) == BG_BAD_REQUEST &&
           ASK(net_up, .subnet = subnet + 1, .prefix = 24) == BG_BAD_REQUEST &&
           ASK(net_up, .subnet = 0x0a000000, .prefix = 8) == BG_BAD_REQUEST &&
           ASK(net_up, .subnet = subnet, .prefix = 0) == BG_BAD_REQUEST &&
           ASK(net_up, .subnet = subnet, .prefix = 0xffffffff) == BG_BAD_REQUEST &&
           ASK(net_up, .subnet = 0x7f000000, .prefix = 16) == BG_BAD_REQUEST;
}

static bool net_conflict(void)
{
    return ASK(net_up, .subnet = subnet, .prefix = 24) == BG_NET_CONFLICT;
}

static bool reserve(void)
{
    return ASK(net_up, .subnet = subnet, .prefix = 24) == BG_OK &&
           ASK(vm_reserve, ID, .slot = 5) == BG_OK;
}

static bool a12_slots(void)
{
    return ASK(vm_reserve, .vm = {"hostile2"}, .slot = 252) == BG_BAD_REQUEST &&
           ASK(vm_reserve, .vm = {"hostile2"}, .slot = 5) == BG_VM_CONFLICT &&
           ASK(vm_reserve, ID, .slot = 6) == BG_VM_CONFLICT &&
           ASK(vm_reserve, ID, .slot = 5) == BG_OK;
}

static bool tap_refused(void)
{
    return ASK(tap_create, ID) == BG_NET_CONFLICT;
}

static bool tap_made(void)
{
    return ASK(tap_create, ID) == BG_OK && ASK(tap_create, ID) == BG_OK &&
           ASK(net_down) == BG_VM_ALIVE;
}

static bool a21_ports(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(28022)};
    BG_CLOSED int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = bind(s, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(s, 1) == 0;
    static const uint32_t bad[] = {0, 22, 53, 1023, 65536, 0xffffffff};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        good =
            good && ASK(port_publish, ID, .host_port = bad[i], .guest_port = 80) == BG_BAD_REQUEST;
    good = good && ASK(port_publish, ID, .host_port = 28023, .guest_port = 0) == BG_BAD_REQUEST;
    good = good && ASK(port_publish, ID, .host_port = 28023, .guest_port = 65536) == BG_BAD_REQUEST;
    good = good && ASK(port_publish, ID, .host_port = 28023, .guest_port = 80, .local_only = 2) ==
                       BG_BAD_REQUEST;
    return good && ASK(port_publish, ID, .host_port = 28022, .guest_port = 80) == BG_PORT_TAKEN;
}

static bool a9_other_vms_port(void)
{
    union bg_results r;
    bool good = ASK(vm_reserve, .vm = {"hostile2"}, .slot = 6) == BG_OK &&
                ASK(port_publish, ID, .host_port = 28024, .guest_port = 80) == BG_OK &&
                ASK(port_publish, .vm = {"hostile2"}, .host_port = 28024, .guest_port = 80) ==
                    BG_PORT_TAKEN &&
                ASK(port_remove, .vm = {"hostile2"}, .host_port = 28024) == BG_OK;
    good = good && ASK_RES(&r, port_list, .index = 0) == BG_OK &&
           r.port_list.found == 1; /* still there */
    good = good && ASK(port_remove, ID, .host_port = 28024) == BG_OK;
    return good && ASK(vm_teardown, .vm = {"hostile2"}, .extent = BG_V_all) == BG_OK;
}

static bool admit_base(void)
{
    union bg_results r;
    int fd = memfd_create("image", 0);
    return ftruncate(fd, 1 << 20) == 0 && pwrite(fd, "disk", 4, 4096) == 4 &&
           ASK_RES(&r, base_admit, .image = fd) == BG_OK;
}

static bool a12_disks(void)
{
    bg_t_DIGEST other = base;
    other.b[0] ^= 1;
    return ASK(disk_create, ID, .base = other, .size = 1 << 20) == BG_BASE_ABSENT &&
           ASK(disk_create, ID, .base = base, .size = 0) == BG_BAD_REQUEST &&
           ASK(disk_create, ID, .base = base, .size = (1 << 20) + 1) == BG_BAD_REQUEST &&
           ASK(disk_create, ID, .base = base, .size = UINT64_C(1) << 63) == BG_BAD_REQUEST &&
           ASK(disk_create, ID, .base = base, .size = 4096) == BG_BAD_REQUEST &&
           ASK(disk_create, .vm = {"nobodys1"}, .base = base, .size = 1 << 20) == BG_VM_ABSENT &&
           ASK(disk_create, ID, .base = base, .size = 2 << 20) == BG_OK &&
           ASK(disk_create, ID, .base = base, .size = 1 << 20) == BG_DISK_MISMATCH &&
           ASK(base_remove, .digest = base) == BG_BASE_IN_USE;
}

static bool a4_export_cannot_write(void)
{
    int fd = -1;
    bool good = ASK_FD(&fd, disk_export, ID) == BG_OK && fd >= 0;
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    good = good && write(fd, "x", 1) < 0 &&
           mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED;
    return good && open(path, O_RDWR) < 0 &&
           fchmod(fd, 0666) < 0; /* nor be opened again for more */
}

static int spawn(uint32_t engine, uint32_t cpus, uint32_t memory, size_t seed_size)
{
    BG_CLOSED int seed = memfd_create("seed", 0);
    if (ftruncate(seed, (off_t)seed_size) < 0)
        return -1;
    return ASK(jail_spawn, ID, .engine = engine, .kernel = base, .seed = seed, .cpus = cpus,
               .memory_mib = memory);
}

static bool a12_spawn_ranges(void)
{
    return spawn(1, 0, 128, SEED_OK) == BG_BAD_REQUEST &&
           spawn(1, 33, 128, SEED_OK) == BG_BAD_REQUEST &&
           spawn(1, 1, 0, SEED_OK) == BG_BAD_REQUEST &&
           spawn(1, 1, 0xffffffff, SEED_OK) == BG_BAD_REQUEST && spawn(1, 1, 128, 0) == BG_BAD_FD &&
           spawn(1, 1, 128, (1 << 20) + 1) == BG_BAD_FD;
}

static bool a24_engines(void)
{
    return spawn(4242, 1, 128, SEED_OK) == BG_ENGINE_ABSENT && /* none has it */
           spawn(2, 1, 128, SEED_OK) == BG_ENGINE_UNSAFE && /* its jailer is writable for others */
           spawn(3, 1, 128, SEED_OK) ==
               BG_ENGINE_ABSENT; /* its folder is not root's: not looked into */
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

static int helper(const char *how)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/banger-helper", build);
    const char *const argv[] = {path, "--instance", "hostile", "--owner", "65534", how, NULL};
    return run(argv);
}

static void before_a_vm(void)
{
    ok(as(OWNER, a5_malformed), "A5 flipped header bits and every shortened message are refused");
    ok(as(OWNER, a5_trailing), "A5 trailing bytes are refused, announced or not");
    ok(as(OWNER, a13_oversize), "A13 a packet of 60 KB closes the connection");
    ok(as(OWNER, a5_fds_uncalled_for),
       "A5 fds that no field takes are refused, announced or not; so are missing ones");
    ok(as(OWNER, a5_too_many_fds), "A5 200 fds close the connection");
    ok(as(OWNER, a13_connections), "A13 the 17th connection of a uid is refused");
    ok(as(OWNER, a8_vanishing), "A8 clients that vanish in every state do not hurt");
    ok(as(1, a6_stranger), "A6 another uid cannot reach the socket");
    ok(as(OWNER, a9_folders_closed),
       "A1 A9 ledger, bases, disks, logs, jails, config and socket are closed to the owner");
    ok(as(OWNER, a27_helper_closed),
       "A27 memory and environment of the helper are closed, and it takes no signal");
    ok(as(OWNER, a5_wrong_fds),
       "A5 pipe, socket, folder, device, O_PATH, write-only, proc and empty fds are refused");
    ok(as(OWNER, a2_base_is_a_copy),
       "A2 A3 writing to an image after its admission changes no base");
    ok(as(OWNER, a20_subnets), "A20 public, misaligned, huge and loopback subnets are refused");
    bg_link_add_bridge("bghostile-br", (const uint8_t *)"\x02\xb6\x00\x00\x00\x01");
    ok(as(OWNER, net_conflict),
       "A9 A14 a bridge of our name that the ledger does not know is refused");
    struct bg_link l;
    ok(bg_link_get("bghostile-br", &l) == 0 && bg_link_delete(l.ifindex) == 0,
       "A9 and was left alone");
    ok(as(OWNER, reserve), "a network and a VM");
    ok(as(OWNER, a12_slots),
       "A12 slots beyond the network, taken ones and a second slot are refused");
    bg_link_add_tap("bghostile-t005", 0);
    ok(as(OWNER, tap_refused), "A20 a tap of our name that the ledger does not know is refused");
    ok(bg_link_get("bghostile-t005", &l) == 0 && bg_link_delete(l.ifindex) == 0,
       "A20 and was left alone");
    ok(as(OWNER, tap_made), "A20 a tap is made once; its network cannot be taken away under it");
    ok(as(OWNER, a21_ports), "A21 privileged, impossible and listened-on ports are refused");
    ok(as(OWNER, a9_other_vms_port), "A9 a VM cannot take or remove another's port");
    ok(as(OWNER, admit_base), "a base");
    union bg_results r;
    if (ASK_RES(&r, base_list, .after = {{0}}) == BG_OK)
        base = r.base_list.digest;
    ok(as(OWNER, a12_disks),
       "A12 disks: unknown base, odd, zero, 2^63 and shrinking sizes, foreign VM are refused");
    ok(as(OWNER, a4_export_cannot_write),
       "A4 an exported disk cannot be written, mapped or opened for writing");
    ok(as(OWNER, a12_spawn_ranges), "A12 cpus, memory and seed out of range are refused");
    ok(as(OWNER, a24_engines),
       "A24 engines that others can write, or that are not root's, are refused");
}

static void with_a_vm(uid_t uid)
{
    ok(as(OWNER, started), "a start; the disk cannot be exported while it runs");
    ok(as(OWNER, a29_watch_cannot_kill),
       "A29 the owner can wait on the pidfd and not signal through it");
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
    ok(as(OWNER, teardown_runtime) && as(OWNER, started) && helper("--stop") == 0 &&
           helper("--background") == 0 && as(OWNER, running) && uid_has_processes(uid),
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
    if (argc != 2)
        return 2;
    build = argv[1];
    if (geteuid() != 0 || access("/dev/net/tun", F_OK) < 0) {
        printf("1..0 # SKIP the hostile owner needs root and /dev/net/tun\n");
        return 77;
    }
    signal(SIGPIPE, SIG_IGN);
    ok(helper("--background") == 0, "a helper for an instance of our own");
    union bg_results r;
    uid_t uid = ASK_RES(&r, hello) == BG_OK ? r.hello.uid_base + 5 : 0;
    ok(install_engine("good", "1") && install_engine("loose", "2") &&
           install_engine("foreign", "3") && chmod(STATE "/engines/loose/jailer", 0777) == 0 &&
           chown(STATE "/engines/foreign", OWNER, OWNER) == 0,
       "three engines");
    before_a_vm();
    with_a_vm(uid);
    ok(helper("--stop") == 0, "the helper ends");
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
