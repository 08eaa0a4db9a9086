/* Attacks of the hostile suite that need no running VM: the wire, passed fds, numbers, names and engines. */
#include "../link.h"
#include "hostile.h"
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

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

bool tap_made(void)
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

/* Of a VM that is not listed, that is not there, and what is no network or no time. */
static bool a21_egress(void)
{
    static const struct {
        uint32_t network, prefix, seconds;
    } bad[] = {{0xc0000200, 0, 0},      {0xc0000200, 33, 0},         {0xc0000200, 0xffffffff, 0},
               {0xc0000201, 24, 0},     {0x00000001, 1, 0},          {0xc0000200, 24, 60},
               {0xc0000201, 32, 86401}, {0xc0000201, 32, 0xffffffff}};
    bool good = ASK(egress_allow, ID, .network = 0xc0000200, .prefix = 24) == BG_BAD_REQUEST;
    good = good && ASK(tap_create, ID, .reach = BG_V_listed) == BG_OK;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        good = good && ASK(egress_allow, ID, .network = bad[i].network, .prefix = bad[i].prefix,
                           .seconds = bad[i].seconds) == BG_BAD_REQUEST;
    good = good && ASK(egress_allow, .vm = {"nobody01"}, .network = 0xc0000200, .prefix = 24) ==
                       BG_VM_ABSENT;
    for (int again = 0; again < 2; again++)
        good = good && ASK(egress_allow, ID, .network = 0xc0000200, .prefix = 24) == BG_OK &&
               ASK(egress_allow, ID, .network = 0xffffff00, .prefix = 24) == BG_OK &&
               ASK(egress_allow, ID, .network = 0xc6336407, .prefix = 32, .seconds = 9) == BG_OK;
    return good && ASK(tap_create, ID) == BG_OK &&
           ASK(egress_allow, ID, .network = 0xc0000200, .prefix = 24) == BG_BAD_REQUEST;
}

/* More addresses than a VM may have open: refused by the count of the kernel, in which one that is renewed is two. */
static bool a13_egress_full(void)
{
    bool good = ASK(tap_create, ID, .reach = BG_V_listed) == BG_OK;
    uint32_t i = 0;
    while (good && i < 2000 &&
           ASK(egress_allow, ID, .network = 0x0b000000 + i, .prefix = 32, .seconds = 600) == BG_OK)
        i++;
    return good && i > 1000 && i <= 1024 && ASK(tap_create, ID) == BG_OK;
}

static bool a9_other_vms_port(void)
{
    bool good = ASK(vm_reserve, .vm = {"hostile2"}, .slot = 6) == BG_OK &&
                ASK(port_publish, ID, .host_port = 28024, .guest_port = 80) == BG_OK &&
                ASK(port_publish, .vm = {"hostile2"}, .host_port = 28024, .guest_port = 80) ==
                    BG_PORT_TAKEN &&
                ASK(port_remove, .vm = {"hostile2"}, .host_port = 28024) == BG_OK;
    /* still there */
    good = good && ASK(port_publish, .vm = {"hostile2"}, .host_port = 28024, .guest_port = 80) ==
                       BG_PORT_TAKEN;
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

int spawn(uint32_t engine, uint32_t cpus, uint32_t memory, size_t seed_size)
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

void before_a_vm(void)
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
    ok(as(OWNER, a21_egress), "A21 what is no network, no time or no listed VM opens nothing");
    ok(as(OWNER, a13_egress_full), "A13 1024 open addresses of a VM are all it gets");
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
