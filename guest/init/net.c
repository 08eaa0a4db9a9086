#include "net.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int control_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static struct ifreq request(const char *name)
{
    struct ifreq r;
    memset(&r, 0, sizeof r);
    memcpy(r.ifr_name, name, strnlen(name, sizeof r.ifr_name - 1));
    return r;
}

static int set_up(int fd, const char *name, int up)
{
    struct ifreq r = request(name);
    if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
        return -errno;
    if (up)
        r.ifr_flags |= IFF_UP;
    else
        r.ifr_flags &= (short)~IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

static int set_address(int fd, const char *name, unsigned long what, struct in_addr address)
{
    struct ifreq r = request(name);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = address};
    memcpy(&r.ifr_addr, &in, sizeof in);
    return ioctl(fd, what, &r) < 0 ? -errno : 0;
}

/* 1: an Ethernet interface with this MAC; 0: an Ethernet interface; negative: none. */
static int match(int fd, const char *name, const unsigned char mac[6])
{
    struct ifreq r = request(name);
    if (ioctl(fd, SIOCGIFHWADDR, &r) < 0)
        return -errno;
    if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return -ENODEV;
    return memcmp(r.ifr_hwaddr.sa_data, mac, 6) == 0;
}

static int find(int fd, const unsigned char mac[6], char name[IFNAMSIZ])
{
    int best = -ENODEV;
    struct if_nameindex *all = if_nameindex();
    for (struct if_nameindex *i = all; i && i->if_index; i++) {
        int m = match(fd, i->if_name, mac);
        if (m < 0 || m <= best)
            continue;
        best = m;
        memset(name, 0, IFNAMSIZ);
        memcpy(name, i->if_name, strnlen(i->if_name, IFNAMSIZ - 1));
    }
    if (all)
        if_freenameindex(all);
    return best;
}

static int take_mac(int fd, const char *name, const unsigned char mac[6])
{
    static const unsigned char none[6];
    struct ifreq r = request(name);
    if (memcmp(mac, none, 6) == 0)
        return 0;
    int s = set_up(fd, name, 0);
    if (s < 0)
        return s;
    r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(r.ifr_hwaddr.sa_data, mac, 6);
    return ioctl(fd, SIOCSIFHWADDR, &r) < 0 ? -errno : 0;
}

static int default_route(int fd, struct in_addr gateway)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct sockaddr_in via = {.sin_family = AF_INET, .sin_addr = gateway};
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    memcpy(&route.rt_dst, &any, sizeof any);
    memcpy(&route.rt_genmask, &any, sizeof any);
    memcpy(&route.rt_gateway, &via, sizeof via);
    return ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST ? -errno : 0;
}

/* A datagram to the gateway's discard port, which the kernel precedes by an ARP request: the host learns
 * where we are. Somebody who tried to reach us before we were up would otherwise wait for the next of
 * its requests, which are a second apart. */
static void announce(struct in_addr gateway)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = gateway};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
    close(fd);
}

/* 0 also where this kernel has no IPv6. */
static int sysctl6(const char *name, const char *what, const char *value)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/%s", name, what);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    int r = write(fd, value, 1) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* rtnetlink(7); no ioctl does it. */
static int know_gateway(int ifindex, const struct bg_net *net)
{
    struct {
        struct nlmsghdr head;
        struct ndmsg at;
        struct rtattr to;
        struct in6_addr gateway;
        struct rtattr mac;
        unsigned char bytes[8];
    } m = {.head = {.nlmsg_len = sizeof m,
                    .nlmsg_type = RTM_NEWNEIGH,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
           .at = {.ndm_family = AF_INET6, .ndm_ifindex = ifindex, .ndm_state = NUD_PERMANENT},
           .to = {RTA_LENGTH(sizeof m.gateway), NDA_DST},
           .gateway = net->gateway6,
           .mac = {RTA_LENGTH(6), NDA_LLADDR},
           .bytes = {0x02, 0xb6}};
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
    } answer = {.error.error = -EIO};
    memcpy(m.bytes + 2, &net->gateway6.s6_addr[12], 4);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    if (send(fd, &m, sizeof m, 0) < 0 || recv(fd, &answer, sizeof answer, MSG_TRUNC) < 0)
        answer.error.error = -errno;
    close(fd);
    return answer.error.error;
}

static int set_address6(int fd, int ifindex, const struct bg_net *net)
{
    struct in6_ifreq own = {net->address6, (unsigned)net->prefix6, ifindex};
    struct in6_rtmsg route = {.rtmsg_gateway = net->gateway6,
                              .rtmsg_metric = 1,
                              .rtmsg_flags = RTF_UP | RTF_GATEWAY,
                              .rtmsg_ifindex = ifindex};
    if (ioctl(fd, SIOCSIFADDR, &own) < 0 && errno != EEXIST)
        return -errno;
    if (IN6_IS_ADDR_UNSPECIFIED(&net->gateway6))
        return 0;
    int r = know_gateway(ifindex, net);
    if (r < 0)
        return r;
    return ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST ? -errno : 0;
}

/* Before the interface comes up: whether it has IPv6, and that it need not wait for it. */
static int prepare6(const char *name, const struct bg_net *net)
{
    static const char *const off[] = {"accept_ra", "accept_dad"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof off / sizeof off[0]; i++)
        r = sysctl6(name, off[i], "0");
    const char *disable = IN6_IS_ADDR_UNSPECIFIED(&net->address6) ? "1" : "0";
    return r < 0 ? r : sysctl6(name, "disable_ipv6", disable);
}

static int apply6(const char *name, const struct bg_net *net)
{
    if (IN6_IS_ADDR_UNSPECIFIED(&net->address6))
        return 0;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno == EAFNOSUPPORT ? 0 : -errno;
    int r = set_address6(fd, (int)if_nametoindex(name), net);
    close(fd);
    return r;
}

int bg_net_loopback(void)
{
    int fd = control_socket();
    if (fd < 0)
        return fd;
    int r = set_up(fd, "lo", 1);
    close(fd);
    return r;
}

/* Going down takes the routes along, and a new address the old one's. */
static int apply(int fd, const char *name, const struct bg_net *net)
{
    struct in_addr mask = {.s_addr = net->prefix ? htonl(~0u << (32 - net->prefix)) : htonl(0)};
    struct ifreq mtu = request(name);
    mtu.ifr_mtu = net->mtu;
    int r = net->mtu && ioctl(fd, SIOCSIFMTU, &mtu) < 0 ? -errno : 0;
    if (r == 0)
        r = set_address(fd, name, SIOCSIFADDR, net->address);
    if (r == 0)
        r = set_address(fd, name, SIOCSIFNETMASK, mask);
    int six = prepare6(name, net); /* what fails there costs nobody IPv4 */
    if (r == 0)
        r = set_up(fd, name, 1);
    if (r == 0 && net->gateway.s_addr)
        r = default_route(fd, net->gateway);
    if (six == 0)
        six = apply6(name, net);
    if (r == 0 && net->gateway.s_addr)
        announce(net->gateway);
    return r < 0 ? r : six;
}

int bg_net_apply(const struct bg_net *net)
{
    char name[IFNAMSIZ] = "";
    int fd = control_socket();
    if (fd < 0)
        return fd;
    int r = find(fd, net->mac, name);
    if (r == 0)
        r = take_mac(fd, name, net->mac);
    if (r >= 0)
        r = apply(fd, name, net);
    close(fd);
    return r;
}

int bg_net_down(void)
{
    static const unsigned char none[6];
    char name[IFNAMSIZ] = "";
    int fd = control_socket();
    if (fd < 0)
        return fd;
    int r = find(fd, none, name);
    if (r >= 0)
        r = set_up(fd, name, 0);
    close(fd);
    return r;
}
