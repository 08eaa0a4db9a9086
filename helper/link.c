/* rtnetlink through libmnl, and /dev/net/tun; see link.h. */
#include "link.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Send one request and run its answers through cb; an acknowledgement ends it. */
static int talk(struct nlmsghdr *request, mnl_cb_t cb, void *data)
{
    char buffer[16384] __attribute__((aligned(8)));
    struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!s)
        return -errno;
    int result = -1;
    if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(s, request, request->nlmsg_len) >= 0)
        do {
            ssize_t n = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
            result = n < 0 ? -1
                           : mnl_cb_run(buffer, (size_t)n, request->nlmsg_seq,
                                        mnl_socket_get_portid(s), cb, data);
        } while (result > 0);
    int saved = errno;
    mnl_socket_close(s);
    return result < 0 ? -saved : 0;
}

static struct nlmsghdr *start(char *buffer, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *n = mnl_nlmsg_put_header(buffer);
    n->nlmsg_type = type;
    n->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    n->nlmsg_seq = 1;
    return n;
}

static struct ifinfomsg *start_link(struct nlmsghdr *n)
{
    struct ifinfomsg *i = mnl_nlmsg_put_extra_header(n, sizeof(*i));
    i->ifi_family = AF_UNSPEC;
    return i;
}

static int read_link(const struct nlmsghdr *n, void *data)
{
    struct bg_link *l = data;
    const struct ifinfomsg *i = mnl_nlmsg_get_payload(n);
    const struct nlattr *a, *inner;
    l->ifindex = (uint32_t)i->ifi_index;
    l->up = i->ifi_flags & IFF_UP;
    mnl_attr_for_each(a, n, sizeof(*i))
    {
        if (mnl_attr_get_type(a) == IFLA_MASTER && mnl_attr_validate(a, MNL_TYPE_U32) == 0)
            l->master = mnl_attr_get_u32(a);
        if (mnl_attr_get_type(a) != IFLA_LINKINFO)
            continue;
        mnl_attr_for_each_nested(inner, a)
        {
            if (mnl_attr_get_type(inner) == IFLA_INFO_KIND &&
                mnl_attr_validate(inner, MNL_TYPE_NUL_STRING) == 0 &&
                strlen(mnl_attr_get_str(inner)) < sizeof(l->kind))
                strcpy(l->kind, mnl_attr_get_str(inner));
        }
    }
    return MNL_CB_OK;
}

int bg_link_get(const char *name, struct bg_link *ret)
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *n = start(buffer, RTM_GETLINK, NLM_F_ACK);
    start_link(n);
    mnl_attr_put_strz(n, IFLA_IFNAME, name);
    memset(ret, 0, sizeof(*ret));
    return talk(n, read_link, ret);
}

int bg_link_add_bridge(const char *name, const uint8_t mac[6])
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *n = start(buffer, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    start_link(n);
    mnl_attr_put_strz(n, IFLA_IFNAME, name);
    mnl_attr_put(n, IFLA_ADDRESS, 6, mac);
    struct nlattr *info = mnl_attr_nest_start(n, IFLA_LINKINFO);
    mnl_attr_put_strz(n, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(n, info);
    return talk(n, NULL, NULL);
}

int bg_link_set_up(uint32_t ifindex, uint32_t master)
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *n = start(buffer, RTM_NEWLINK, NLM_F_ACK);
    struct ifinfomsg *i = start_link(n);
    i->ifi_index = (int)ifindex;
    i->ifi_flags = i->ifi_change = IFF_UP;
    if (master != 0)
        mnl_attr_put_u32(n, IFLA_MASTER, master);
    return talk(n, NULL, NULL);
}

int bg_link_delete(uint32_t ifindex)
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *n = start(buffer, RTM_DELLINK, NLM_F_ACK);
    start_link(n)->ifi_index = (int)ifindex;
    int result = talk(n, NULL, NULL);
    return result == -ENODEV ? 0 : result;
}

int bg_link_add_address(uint32_t ifindex, uint32_t address, uint32_t prefix)
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *n = start(buffer, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    struct ifaddrmsg *a = mnl_nlmsg_put_extra_header(n, sizeof(*a));
    a->ifa_family = AF_INET;
    a->ifa_prefixlen = (uint8_t)prefix;
    a->ifa_index = ifindex;
    mnl_attr_put_u32(n, IFA_LOCAL, htonl(address));
    mnl_attr_put_u32(n, IFA_ADDRESS, htonl(address));
    mnl_attr_put_u32(n, IFA_BROADCAST, htonl(address | ((UINT32_C(1) << (32 - prefix)) - 1)));
    int result = talk(n, NULL, NULL);
    return result == -EEXIST ? 0 : result;
}

int bg_link_add_tap(const char *name, uid_t uid)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL};
    strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = ioctl(fd, TUNSETIFF, &r) < 0 || ioctl(fd, TUNSETOWNER, uid) < 0 ||
                         ioctl(fd, TUNSETGROUP, uid) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0
                     ? -errno
                     : 0;
    close(fd); /* not persistent unless all went well: the kernel removes it then */
    return result == -EBUSY ? -EEXIST : result;
}

struct overlap {
    uint32_t subnet, prefix, ifindex;
    bool found;
};

static int read_route(const struct nlmsghdr *n, void *data)
{
    struct overlap *o = data;
    const struct rtmsg *r = mnl_nlmsg_get_payload(n);
    const struct nlattr *a;
    uint32_t dst = 0, out = 0;
    if (r->rtm_dst_len == 0 || r->rtm_dst_len > 32)
        return MNL_CB_OK;
    mnl_attr_for_each(a, n, sizeof(*r))
    {
        if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
            continue;
        if (mnl_attr_get_type(a) == RTA_DST)
            dst = ntohl(mnl_attr_get_u32(a));
        if (mnl_attr_get_type(a) == RTA_OIF)
            out = mnl_attr_get_u32(a);
    }
    uint32_t bits = r->rtm_dst_len < o->prefix ? r->rtm_dst_len : o->prefix;
    uint32_t mask = ~UINT32_C(0) << (32 - bits);
    if ((out == 0 || out != o->ifindex) && (dst & mask) == (o->subnet & mask))
        o->found = true;
    return MNL_CB_OK;
}

int bg_link_route_overlaps(uint32_t subnet, uint32_t prefix, uint32_t ifindex)
{
    char buffer[512] __attribute__((aligned(8)));
    struct overlap o = {subnet, prefix, ifindex, false};
    struct nlmsghdr *n = start(buffer, RTM_GETROUTE, NLM_F_DUMP);
    struct rtmsg *r = mnl_nlmsg_put_extra_header(n, sizeof(*r));
    r->rtm_family = AF_INET;
    int result = talk(n, read_route, &o);
    return result < 0 ? result : o.found;
}
