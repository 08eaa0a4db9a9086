/* rtnetlink, a few ioctls, and /dev/net/tun; see link.h. */
#include "link.h"
#include "helper.h"
#include "netlink.h"
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <netlink/msg.h>
#include <netlink/route/route.h>

struct attr {
    int type, size; /* size 0: left out */
    const void *data;
};

/* attrs ends with a type of 0. */
static int ask(int type, int flags, const void *head, size_t size, const struct attr *attrs)
{
    static int fd = -1;
    struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);
    int e = m ? nlmsg_append(m, (void *)head, size, NLMSG_ALIGNTO) : -NLE_NOMEM;
    for (; e >= 0 && attrs->type; attrs++)
        if (attrs->size)
            e = nla_put(m, attrs->type, attrs->size, attrs->data);
    e = e < 0 ? -ENOMEM : bg_netlink(&fd, NETLINK_ROUTE, nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len);
    nlmsg_free(m);
    return e;
}

int bg_link_get(const char *name, struct bg_link *ret)
{
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq r = {.ifr_flags = 0};
    strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
    memset(ret, 0, sizeof(*ret));
    BG_CLOSED int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int e = fd < 0 || ioctl(fd, SIOCGIFINDEX, &r) < 0 ? -errno : 0;
    ret->ifindex = e == 0 ? (uint32_t)r.ifr_ifindex : 0;
    r.ifr_data = (void *)&driver;
    if (e == 0 && ioctl(fd, SIOCETHTOOL, &r) == 0)
        memcpy(ret->kind, driver.driver, sizeof(ret->kind) - 1);
    return e;
}

int bg_link_add_bridge(const char *name, const uint8_t mac[6])
{
    const struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    const struct {
        struct nlattr head;
        char kind[8];
    } kind = {{NLA_HDRLEN + sizeof("bridge"), IFLA_INFO_KIND}, "bridge"};
    const struct attr attrs[] = {{IFLA_IFNAME, (int)strlen(name) + 1, name},
                                 {IFLA_ADDRESS, 6, mac},
                                 {IFLA_LINKINFO, sizeof(kind), &kind},
                                 {0, 0, NULL}};
    return ask(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link), attrs);
}

int bg_link_set_up(uint32_t ifindex, uint32_t master, uint32_t mtu)
{
    const struct ifinfomsg link = {
        .ifi_index = (int)ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    const struct attr attrs[] = {
        {IFLA_MASTER, master ? 4 : 0, &master}, {IFLA_MTU, mtu ? 4 : 0, &mtu}, {0, 0, NULL}};
    return ask(RTM_NEWLINK, 0, &link, sizeof(link), attrs);
}

int bg_link_delete(uint32_t ifindex)
{
    const struct ifinfomsg link = {.ifi_index = (int)ifindex};
    int e = ask(RTM_DELLINK, 0, &link, sizeof(link), &(struct attr){0, 0, NULL});
    return e == -ENODEV ? 0 : e;
}

int bg_link_add_address(uint32_t ifindex, uint32_t address, uint32_t prefix)
{
    const uint32_t six[] = {htonl(BG_ULA), 0, 0, htonl(address)};
    int e = 0;
    for (int size = 16; size > 0; size -= 12) { /* NODAD means nothing to IPv4 */
        const uint32_t *own = six + 4 - size / 4;
        const struct ifaddrmsg at = {size == 16 ? AF_INET6 : AF_INET,
                                     (uint8_t)(prefix + 8 * (unsigned)(size - 4)), IFA_F_NODAD, 0,
                                     ifindex};
        const struct attr attrs[] = {{IFA_LOCAL, size, own}, {IFA_ADDRESS, size, own}, {0}};
        e = ask(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &at, sizeof(at), attrs);
    }
    return e == -EEXIST ? 0 : e;
}

int bg_link_add_tap(const char *name, uid_t uid)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL};
    strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
    BG_CLOSED int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    /* Not persistent unless all went well: the kernel removes it with the fd. */
    return fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0 || ioctl(fd, TUNSETOWNER, uid) < 0 ||
                   ioctl(fd, TUNSETGROUP, uid) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0
               ? -errno
               : 0;
}

int bg_link_neighbour(uint32_t ifindex, uint32_t address, const uint8_t *mac)
{
    const uint32_t six[] = {htonl(BG_ULA), 0, 0, htonl(address)};
    int e = 0;
    for (int size = 16; size > 0; size -= 12) {
        const uint32_t *own = six + 4 - size / 4; /* the last word is that of IPv4 */
        const struct ndmsg at = {.ndm_family = size == 16 ? AF_INET6 : AF_INET,
                                 .ndm_ifindex = (int)ifindex,
                                 .ndm_state = NUD_PERMANENT};
        const struct attr attrs[] = {{NDA_DST, size, own}, {NDA_LLADDR, mac ? 6 : 0, mac}, {0}};
        e = ask(mac ? RTM_NEWNEIGH : RTM_DELNEIGH, mac ? NLM_F_CREATE | NLM_F_REPLACE : 0, &at,
                sizeof(at), attrs);
    }
    return e == -ENOENT && !mac ? 0 : e;
}

uint32_t bg_link_uplink_mtu(void)
{
    struct sockaddr_in anywhere = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xc0000201)};
    int mtu = 0;
    BG_CLOSED int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(mtu);
    /* Connecting sends nothing, but finds the route, also by the rules of a VPN. */
    if (fd < 0 || connect(fd, (struct sockaddr *)&anywhere, sizeof(anywhere)) < 0 ||
        getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &size) < 0 || mtu > 1500)
        mtu = 1500;
    return mtu < 1280 ? 1280 : (uint32_t)mtu;
}

int bg_link_route_overlaps(uint32_t subnet, uint32_t prefix)
{
    uint32_t first = htonl(subnet);
    struct nl_addr *own = nl_addr_build(AF_INET, &first, sizeof(first));
    struct nl_sock *s = nl_socket_alloc();
    struct nl_cache *routes = NULL;
    int e = own && s ? nl_connect(s, NETLINK_ROUTE) : -NLE_NOMEM, found = 0;
    if (e >= 0 && (e = rtnl_route_alloc_cache(s, AF_INET, 0, &routes)) >= 0)
        nl_addr_set_prefixlen(own, (int)prefix);
    for (struct nl_object *o = e < 0 ? NULL : nl_cache_get_first(routes); o && !found;
         o = nl_cache_get_next(o)) {
        struct nl_addr *to = rtnl_route_get_dst((struct rtnl_route *)o);
        /* cmp_prefix: by the shorter of both prefixes */
        found = to && nl_addr_get_prefixlen(to) > 0 && nl_addr_cmp_prefix(own, to) == 0;
    }
    if (routes)
        nl_cache_free(routes);
    nl_socket_free(s);
    nl_addr_put(own);
    return e < 0 ? -EIO : found;
}
