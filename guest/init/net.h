/* The one network interface of a VM, by the socket ioctls (netdevice(7)): no program to run, nothing
 * to wait for. */
#ifndef BG_GUEST_NET_H
#define BG_GUEST_NET_H

#include <netinet/in.h>

struct bg_net {
    struct in_addr address, gateway;    /* gateway 0: none */
    struct in6_addr address6, gateway6; /* `::`: none */
    int prefix, prefix6, mtu;           /* mtu 0: the interface's own */
    unsigned char mac[6];               /* all 0: whichever interface is first */
};

/* `lo` up. 0 or a negative errno. */
int bg_net_loopback(void);

/* The interface with this MAC, else the first Ethernet one, which is then given the MAC (a fork has
 * its parent's), gets the address and the default route and comes up. Old addresses and routes of it
 * are replaced. -ENODEV when there is none. IPv6, where this kernel has it, is on exactly when the host
 * gives us an address; routers are not listened to, duplicates are not looked for, and the gateway's MAC
 * is known: 02:b6 and the last four bytes of its address, as every MAC on its bridge. So nothing needs
 * neighbour discovery, for which the host lets no guest speak but from that address. */
int bg_net_apply(const struct bg_net *net);

/* That interface down, whatever its MAC: nothing of a fork may be heard before it has its own. */
int bg_net_down(void);

#endif
