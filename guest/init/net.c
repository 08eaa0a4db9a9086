#include "net.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
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
    if (r == 0)
        r = set_up(fd, name, 1);
    if (r == 0 && net->gateway.s_addr)
        r = default_route(fd, net->gateway);
    if (r == 0 && net->gateway.s_addr)
        announce(net->gateway);
    return r;
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
