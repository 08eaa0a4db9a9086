/*
 * Network links by rtnetlink: what the helper needs of it and no more. Every call waits for the kernel's acknowledgement
 * and returns 0 or a negative errno.
 */
#ifndef BANGER_HELPER_LINK_H
#define BANGER_HELPER_LINK_H
#include "names.h"
#include <sys/types.h>

struct bg_link {
    uint32_t ifindex;
    char kind[16]; /* "bridge", "tun", "" for hardware */
};

int bg_link_get(const char *name, struct bg_link *ret); /* -ENODEV when there is none */
/* With a MAC of its own, else it would take over one of its ports' and change it as they come and go. */
int bg_link_add_bridge(const char *name, const uint8_t mac[6]);
/* Up; port of master, and with this MTU, unless 0. */
int bg_link_set_up(uint32_t ifindex, uint32_t master, uint32_t mtu);
int bg_link_delete(uint32_t ifindex); /* 0 when it is gone already */
/*
 * An address of ours comes with one of IPv6, BG_ULA and it: as many bits of host, for good without asking whether it is
 * somebody's. Where the host has no IPv6 there is none, and nobody's failure. 0 when they are there already.
 */
int bg_link_add_address(uint32_t ifindex, uint32_t address, uint32_t prefix);

/* A persistent tap that uid may attach to (IFF_NO_PI, IFF_VNET_HDR). -EBUSY when the name is taken. */
int bg_link_add_tap(const char *name, uid_t uid);

/*
 * The address, and that of IPv6, is that MAC's for good (NULL: no more; 0 when it was not). Frames to a VM then never wait
 * for ARP, and no guest can take another's.
 */
int bg_link_neighbour(uint32_t ifindex, uint32_t address, const uint8_t *mac);

/* The MTU of the way out of the host, 1280 to 1500; 1500 when there is none. */
uint32_t bg_link_uplink_mtu(void);

/* 1 when an IPv4 route other than the default one overlaps the network; 0 when none does. */
int bg_link_route_overlaps(uint32_t subnet, uint32_t prefix);
#endif
