/*
 * What a guest can send, and to whom: raw frames on two taps of a running helper's, where VMMs would be, looked for on
 * the host's sockets and on the other tap. A frame that must not arrive is followed on the same way by one that must:
 * when that is there and the first is not, it was dropped.
 *
 *   network BUILD-FOLDER      TAP on stdout, as root; 77 when it cannot run here
 */
#include "../names.h"
#include "talk.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET "/run/banger-root-nettest/helper.sock"
enum { VNET = 10, ETH = 14, IP = 20, UDP = 8, WAIT_MS = 5000 };
static const uint32_t subnet = 0x0ac7e000; /* 10.199.224.0/24 */
static int number, failed, dns;
static struct bg_net_names a, b;
static int tap_a, tap_b;

static void ok(bool good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
    failed += !good;
}

static int ask(const char *op, const union bg_args *args, int *ret_fd)
{
    struct bg_wire w;
    struct bg_header header;
    struct bg_reply reply;
    union bg_results results;
    const struct bg_op_row *row = bg_op_by_name(op);
    bg_wire_init(&w);
    if (!bg_encode_request(&w, row, 1, args) || talk(SOCKET, &w) < 0 ||
        !bg_decode_header(&w, &header) || !bg_decode_reply(&w, row, &reply, &results))
        return -1;
    if (reply.code)
        printf("# %s: %s\n", op, reply.message);
    if (ret_fd && w.nfds > 0)
        *ret_fd = bg_steal(&w.fds[0]);
    bg_wire_close(&w);
    return (int)reply.code;
}
#define ASK(name, ...) ask(#name, &(union bg_args){.name = {__VA_ARGS__}}, NULL)

static int open_tap(const char *name)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && ioctl(fd, TUNSETIFF, &r) == 0 ? fd : -1;
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static void send_udp(int tap, const uint8_t *from_mac, const uint8_t *to_mac, uint32_t from,
                     uint32_t to, unsigned port, char word)
{
    uint8_t f[VNET + ETH + IP + UDP + 1] = {0}, *eth = f + VNET, *ip = eth + ETH, *udp = ip + IP;
    uint32_t sum = 0;
    memcpy(eth, to_mac, 6);
    memcpy(eth + 6, from_mac, 6);
    put16(eth + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, IP + UDP + 1);
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    put32(ip + 12, from);
    put32(ip + 16, to);
    for (int i = 0; i < IP; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    put16(ip + 10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
    put16(udp, 4000);
    put16(udp + 2, port);
    put16(udp + 4, UDP + 1);
    udp[UDP] = (uint8_t)word;
    if (write(tap, f, sizeof(f)) != sizeof(f))
        printf("# write to the tap: %s\n", strerror(errno));
}

static void send_arp(int tap, const uint8_t *mac, uint32_t address, uint32_t wanted, bool reply,
                     const uint8_t *to)
{
    uint8_t f[VNET + ETH + 28] = {0}, *eth = f + VNET, *arp = eth + ETH;
    memset(eth, 0xff, 6);
    if (to)
        memcpy(eth, to, 6);
    memcpy(eth + 6, mac, 6);
    put16(eth + 12, 0x0806);
    memcpy(arp, "\x00\x01\x08\x00\x06\x04\x00", 7);
    arp[7] = reply ? 2 : 1;
    memcpy(arp + 8, mac, 6);
    put32(arp + 14, address);
    if (to)
        memcpy(arp + 18, to, 6);
    put32(arp + 24, wanted);
    if (write(tap, f, sizeof(f)) != sizeof(f))
        printf("# write to the tap: %s\n", strerror(errno));
}

/* The next datagram's first byte; 0 when none comes. */
static char heard(int s)
{
    struct pollfd p = {.fd = s, .events = POLLIN};
    char word = 0;
    return poll(&p, 1, WAIT_MS) == 1 && recv(s, &word, 1, 0) == 1 ? word : 0;
}

/* Read frames of the tap until one is UDP to `port`; its word. Answers ARP for `own` on the way, like a guest. */
static char heard_on(int tap, const struct bg_net_names *own, unsigned port)
{
    struct pollfd p = {.fd = tap, .events = POLLIN};
    uint8_t f[2048], *eth = f + VNET, *ip = eth + ETH;
    while (poll(&p, 1, WAIT_MS) == 1) {
        ssize_t n = read(tap, f, sizeof(f));
        if (n >= VNET + ETH + 28 && eth[12] == 8 && eth[13] == 6 && ip[7] == 1) {
            uint32_t wanted =
                (uint32_t)ip[24] << 24 | (uint32_t)ip[25] << 16 | (uint32_t)ip[26] << 8 | ip[27];
            uint32_t asker =
                (uint32_t)ip[14] << 24 | (uint32_t)ip[15] << 16 | (uint32_t)ip[16] << 8 | ip[17];
            if (wanted == own->address)
                send_arp(tap, own->mac, own->address, asker, true, eth + 6);
        }
        if (n >= VNET + ETH + IP + UDP + 1 && eth[12] == 8 && eth[13] == 0 &&
            ip[9] == IPPROTO_UDP && (unsigned)(ip[IP + 2] << 8 | ip[IP + 3]) == port)
            return (char)ip[IP + UDP];
    }
    return 0;
}

/* Whether the host answers the guest's question for the gateway's MAC; asked again as a guest does. */
static bool resolves(int tap, const struct bg_net_names *n)
{
    struct pollfd p = {.fd = tap, .events = POLLIN};
    uint8_t f[2048], *eth = f + VNET, *arp = eth + ETH;
    for (int i = 0; i < 50; i++) {
        send_arp(tap, n->mac, n->address, n->gateway, false, NULL);
        while (poll(&p, 1, 100) == 1)
            if (read(tap, f, sizeof(f)) >= VNET + ETH + 28 && eth[12] == 8 && eth[13] == 6 &&
                arp[7] == 2)
                return memcmp(arp + 8, n->bridge_mac, 6) == 0;
    }
    return false;
}

static int listener(uint32_t address, unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(address)};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return bind(s, (struct sockaddr *)&at, sizeof(at)) == 0 ? s : -1;
}

static void to_host(uint32_t from, const uint8_t *mac, uint32_t to, unsigned port, char word)
{
    send_udp(tap_a, mac, a.bridge_mac, from, to, port, word);
}

/* Something arrives at the resolver's socket, and it is not what was sent before. */
static bool only_then_dns(void)
{
    to_host(a.address, a.mac, a.gateway, 53, '!');
    return heard(dns) == '!';
}

/* The kernel sets a port forwarding a little after its tap was opened; frames before that are lost. */
static bool settled(int tap, const struct bg_net_names *n)
{
    struct pollfd p = {.fd = dns, .events = POLLIN};
    char word;
    for (int i = 0; i < 50; i++) {
        send_udp(tap, n->mac, n->bridge_mac, n->address, n->gateway, 53, 's');
        if (poll(&p, 1, 100) == 1)
            return recv(dns, &word, 1, 0) == 1;
    }
    return false;
}

static void test_host(void)
{
    char none;
    int everywhere = listener(INADDR_ANY, 28530), loopback = listener(INADDR_LOOPBACK, 28531);
    ok(everywhere >= 0 && loopback >= 0, "listeners on the host");
    ok(only_then_dns(), "a guest reaches the resolver on the bridge");
    ok(resolves(tap_a, &a) && resolves(tap_b, &b), "and is told the bridge's MAC");
    to_host(b.address, a.mac, a.gateway, 53, 'x');
    ok(only_then_dns(), "not with its neighbour's address");
    to_host(a.address, b.mac, a.gateway, 53, 'x');
    ok(only_then_dns(), "not with its neighbour's MAC");
    to_host(0xc0000201, a.mac, a.gateway, 53, 'x');
    ok(only_then_dns(), "not with a foreign address");
    to_host(a.address, a.mac, a.gateway, 28530, 'x');
    to_host(a.address, a.mac, INADDR_LOOPBACK, 28530, 'x');
    to_host(a.address, a.mac, INADDR_LOOPBACK, 28531, 'x');
    ok(only_then_dns() && recv(everywhere, &none, 1, 0) < 0 && recv(loopback, &none, 1, 0) < 0,
       "no other port of the host, neither on the bridge nor on loopback");
    close(everywhere);
    close(loopback);
}

static void test_neighbours(void)
{
    send_udp(tap_a, a.mac, b.mac, a.address, b.address, 7000, '1');
    ok(heard_on(tap_b, &b, 7000) == '1', "open guests reach each other");
    send_udp(tap_a, a.mac, b.mac, b.address + 1, b.address, 7000, 'x');
    send_udp(tap_a, b.mac, b.mac, a.address, b.address, 7000, 'x');
    send_udp(tap_a, a.mac, b.mac, a.address, b.address, 7000, '2');
    ok(heard_on(tap_b, &b, 7000) == '2', "not under another's address or MAC");
    ok(ASK(tap_create, .vm = {"netvm001"}, .reach = BG_V_isolated) == BG_OK,
       "the first becomes isolated");
    send_udp(tap_a, a.mac, b.mac, a.address, b.address, 7000, 'x');
    ok(only_then_dns(), "it still reaches the resolver");
    send_udp(tap_b, b.mac, a.mac, b.address, a.address, 7001, 'x');
    ok(ASK(tap_create, .vm = {"netvm001"}, .reach = BG_V_open) == BG_OK, "and becomes open again");
    send_udp(tap_a, a.mac, b.mac, a.address, b.address, 7000, '3');
    send_udp(tap_b, b.mac, a.mac, b.address, a.address, 7001, '4');
    ok(heard_on(tap_b, &b, 7000) == '3' && heard_on(tap_a, &a, 7001) == '4',
       "nothing passed meanwhile, either way");
}

static void test_ports(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(28540), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ok(ASK(port_publish, .vm = {"netvm001"}, .proto = BG_V_udp, .host_port = 28540,
           .guest_port = 7540, .local_only = 1) == BG_OK,
       "a published port");
    ok(sendto(s, "p", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1 &&
           heard_on(tap_a, &a, 7540) == 'p',
       "is reached from the host's localhost");
    ok(ASK(port_remove, .vm = {"netvm001"}, .proto = BG_V_udp, .host_port = 28540) == BG_OK,
       "and removed");
    close(s);
}

static int program(const char *build, const char *name, const char *first, const char *second,
                   const char *third)
{
    char path[256];
    int status = -1;
    snprintf(path, sizeof(path), "%s/%s", build, name);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, first, second, third, NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (geteuid() != 0 || access("/dev/net/tun", F_OK) < 0) {
        printf("1..0 # SKIP raw frames need root and /dev/net/tun\n");
        return 77;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    a = bg_net_names("nettest", subnet, 1);
    b = bg_net_names("nettest", subnet, 2);
    ok(program(argv[1], "banger-helper-config", "nettest", "65534", "--start") == 0,
       "a helper for an instance of our own");
    ok(ASK(net_up, .subnet = subnet, .prefix = 24) == BG_OK &&
           ASK(vm_reserve, .vm = {"netvm001"}, .slot = 1) == BG_OK &&
           ASK(vm_reserve, .vm = {"netvm002"}, .slot = 2) == BG_OK &&
           ASK(tap_create, .vm = {"netvm001"}) == BG_OK &&
           ASK(tap_create, .vm = {"netvm002"}) == BG_OK &&
           ask("dns_socket", &(union bg_args){.vm_list = {{"00000000"}}}, &dns) == BG_OK,
       "two taps and the resolver's socket");
    tap_a = open_tap(a.tap);
    tap_b = open_tap(b.tap);
    ok(tap_a >= 0 && tap_b >= 0, "their other ends");
    ok(settled(tap_a, &a) && settled(tap_b, &b), "the bridge forwards");
    test_host();
    test_neighbours();
    test_ports();
    close(tap_a);
    close(tap_b);
    close(dns);
    ok(ASK(vm_teardown, .vm = {"netvm001"}, .extent = BG_V_all) == BG_OK &&
           ASK(vm_teardown, .vm = {"netvm002"}, .extent = BG_V_all) == BG_OK &&
           ask("net_down", &(union bg_args){.vm_list = {{"00000000"}}}, NULL) == BG_OK &&
           program(argv[1], "banger-helper", "--instance", "nettest", "--stop") == 0,
       "all is taken down");
    int all = open("/var/lib/banger-root", O_RDONLY | O_DIRECTORY),
        runs = open("/run", O_RDONLY | O_DIRECTORY);
    ok(bg_remove_tree(all, "nettest") == 0 && bg_remove_tree(runs, "banger-root-nettest") == 0 &&
           bg_remove_tree(runs, "banger-nettest") == 0,
       "its folders are removed");
    printf("1..%d\n", number);
    return failed != 0;
}
