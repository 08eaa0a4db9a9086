/* rtnetlink through libnl-route-3, and /dev/net/tun; see link.h. */
#include "link.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FREED(type) __attribute__((cleanup(free_##type))) struct type
#define FREE(type, function)                                                                       \
    static void free_##type(struct type **p)                                                       \
    {                                                                                              \
        if (*p)                                                                                    \
            function(*p);                                                                          \
    }
FREE(nl_sock, nl_socket_free)
FREE(nl_cache, nl_cache_free)
FREE(nl_addr, nl_addr_put)
FREE(rtnl_link, rtnl_link_put)
FREE(rtnl_addr, rtnl_addr_put)
FREE(rtnl_neigh, rtnl_neigh_put)

/* libnl tells errors in codes of its own; those that callers tell apart, back as negative errnos. */
static int result(int e)
{
    static const struct {
        int nle, error;
    } known[] = {{NLE_NODEV, ENODEV}, {NLE_OBJ_NOTFOUND, ENODEV}, {NLE_EXIST, EEXIST},
                 {NLE_BUSY, EBUSY},   {NLE_PERM, EPERM},          {NLE_NOACCESS, EACCES},
                 {NLE_NOMEM, ENOMEM}, {NLE_INVAL, EINVAL},        {NLE_INTR, EINTR}};
    for (size_t i = 0; e < 0 && i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].nle == -e)
            return -known[i].error;
    return e < 0 ? -EIO : 0;
}

static struct nl_sock *route_socket(void)
{
    struct nl_sock *s = nl_socket_alloc();
    if (s && nl_connect(s, NETLINK_ROUTE) < 0) {
        nl_socket_free(s);
        s = NULL;
    }
    return s;
}

int bg_link_get(const char *name, struct bg_link *ret)
{
    FREED(nl_sock) *s = route_socket();
    FREED(rtnl_link) *l = NULL;
    int e = s ? rtnl_link_get_kernel(s, 0, name, &l) : -NLE_NOMEM;
    memset(ret, 0, sizeof(*ret));
    if (e < 0)
        return result(e);
    ret->ifindex = (uint32_t)rtnl_link_get_ifindex(l);
    snprintf(ret->kind, sizeof(ret->kind), "%s",
             rtnl_link_get_type(l) ? rtnl_link_get_type(l) : "");
    return 0;
}

int bg_link_add_bridge(const char *name, const uint8_t mac[6])
{
    FREED(nl_sock) *s = route_socket();
    FREED(rtnl_link) *l = rtnl_link_alloc();
    FREED(nl_addr) *address = nl_addr_build(AF_LLC, mac, 6);
    if (!s || !l || !address || rtnl_link_set_type(l, "bridge") < 0)
        return -ENOMEM;
    rtnl_link_set_name(l, name);
    rtnl_link_set_addr(l, address);
    return result(rtnl_link_add(s, l, NLM_F_CREATE | NLM_F_EXCL));
}

static struct rtnl_link *by_index(uint32_t ifindex)
{
    struct rtnl_link *l = rtnl_link_alloc();
    if (l)
        rtnl_link_set_ifindex(l, (int)ifindex);
    return l;
}

int bg_link_set_up(uint32_t ifindex, uint32_t master, uint32_t mtu)
{
    FREED(nl_sock) *s = route_socket();
    FREED(rtnl_link) *l = by_index(ifindex), *change = rtnl_link_alloc();
    if (!s || !l || !change)
        return -ENOMEM;
    rtnl_link_set_flags(change, IFF_UP);
    if (master != 0)
        rtnl_link_set_master(change, (int)master);
    if (mtu != 0)
        rtnl_link_set_mtu(change, mtu);
    return result(rtnl_link_change(s, l, change, 0));
}

int bg_link_delete(uint32_t ifindex)
{
    FREED(nl_sock) *s = route_socket();
    FREED(rtnl_link) *l = by_index(ifindex);
    int e = s && l ? result(rtnl_link_delete(s, l)) : -ENOMEM;
    return e == -ENODEV ? 0 : e;
}

int bg_link_add_address(uint32_t ifindex, uint32_t address, uint32_t prefix)
{
    uint32_t own = htonl(address), all = htonl(address | ((UINT32_C(1) << (32 - prefix)) - 1));
    FREED(nl_sock) *s = route_socket();
    FREED(rtnl_addr) *a = rtnl_addr_alloc();
    FREED(nl_addr) *local = nl_addr_build(AF_INET, &own, 4),
                   *broadcast = nl_addr_build(AF_INET, &all, 4);
    if (!s || !a || !local || !broadcast)
        return -ENOMEM;
    nl_addr_set_prefixlen(local, (int)prefix);
    rtnl_addr_set_ifindex(a, (int)ifindex);
    if (rtnl_addr_set_local(a, local) < 0 || rtnl_addr_set_broadcast(a, broadcast) < 0)
        return -ENOMEM;
    int e = result(rtnl_addr_add(s, a, NLM_F_EXCL));
    return e == -EEXIST ? 0 : e;
}

int bg_link_add_tap(const char *name, uid_t uid)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL};
    strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int e = ioctl(fd, TUNSETIFF, &r) < 0 || ioctl(fd, TUNSETOWNER, uid) < 0 ||
                    ioctl(fd, TUNSETGROUP, uid) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0
                ? -errno
                : 0;
    close(fd); /* not persistent unless all went well: the kernel removes it then */
    return e == -EBUSY ? -EEXIST : e;
}

int bg_link_neighbour(uint32_t ifindex, uint32_t address, const uint8_t *mac)
{
    uint32_t own = htonl(address);
    FREED(nl_sock) *s = route_socket();
    FREED(rtnl_neigh) *n = rtnl_neigh_alloc();
    FREED(nl_addr) *to = nl_addr_build(AF_INET, &own, 4),
                   *at = mac ? nl_addr_build(AF_LLC, mac, 6) : NULL;
    if (!s || !n || !to || (mac && !at) || rtnl_neigh_set_dst(n, to) < 0)
        return -ENOMEM;
    rtnl_neigh_set_ifindex(n, (int)ifindex);
    if (!mac) {
        int e = result(rtnl_neigh_delete(s, n, 0));
        return e == -ENODEV ? 0 : e;
    }
    rtnl_neigh_set_lladdr(n, at);
    rtnl_neigh_set_state(n, NUD_PERMANENT);
    return result(rtnl_neigh_add(s, n, NLM_F_CREATE | NLM_F_REPLACE));
}

uint32_t bg_link_uplink_mtu(void)
{
    struct sockaddr_in anywhere = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xc0000201)};
    int mtu = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(mtu);
    /* Connecting sends nothing, but finds the route, also by the rules of a VPN. */
    if (fd < 0 || connect(fd, (struct sockaddr *)&anywhere, sizeof(anywhere)) < 0 ||
        getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &size) < 0 || mtu > 1500)
        mtu = 1500;
    if (fd >= 0)
        close(fd);
    return mtu < 1280 ? 1280 : (uint32_t)mtu;
}

int bg_link_route_overlaps(uint32_t subnet, uint32_t prefix)
{
    FREED(nl_sock) *s = route_socket();
    FREED(nl_cache) *routes = NULL;
    int e = s ? rtnl_route_alloc_cache(s, AF_INET, 0, &routes) : -NLE_NOMEM;
    if (e < 0)
        return result(e);
    for (struct nl_object *o = nl_cache_get_first(routes); o; o = nl_cache_get_next(o)) {
        struct rtnl_route *r = (struct rtnl_route *)o;
        struct nl_addr *to = rtnl_route_get_dst(r);
        uint32_t net, bits = to ? nl_addr_get_prefixlen(to) : 0;
        if (bits == 0 || bits > 32 || nl_addr_get_len(to) != sizeof(net))
            continue;
        memcpy(&net, nl_addr_get_binary_addr(to), sizeof(net));
        uint32_t mask = ~UINT32_C(0) << (32 - (bits < prefix ? bits : prefix));
        if ((ntohl(net) & mask) == (subnet & mask))
            return 1;
    }
    return 0;
}
