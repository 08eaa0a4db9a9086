/*
 * Every name that banger gives to a kernel or file-system object, derived from instance, slot, VM
 * and jail (docs/internals.md, "Names"). Pure: no I/O, no allocation. The helper and the runtime
 * (banger.rt.tap) share it.
 */
#ifndef BANGER_HELPER_NAMES_H
#define BANGER_HELPER_NAMES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BG_INSTANCE_MAX = 8,
    BG_IFNAME_MAX = 16, /* with the NUL, as IFNAMSIZ */
    BG_PATH_MAX = 160,  /* the longest derived path: a jail's root below the state folder */
};

/* [a-z][a-z0-9]{0,7}, and not "root": its runtime folder would be main's /run/banger-root. */
bool bg_valid_instance(const char *s);

/* What follows from instance, subnet (host order) and slot. */
struct bg_net_names {
    char bridge[BG_IFNAME_MAX]; /* bg<i>-br */
    char tap[BG_IFNAME_MAX];    /* bg<i>-t<slot, three hex digits> */
    char table[BG_IFNAME_MAX];  /* banger-<i>, in nft families inet and bridge */
    uint32_t gateway;           /* subnet + 1 */
    uint32_t address;           /* subnet + 2 + slot */
    uint8_t mac[6];             /* 02:b6 and the four bytes of the address */
    uint8_t bridge_mac[6];      /* likewise of the gateway */
};
void bg_net_names(struct bg_net_names *ret, const char *instance, uint32_t subnet, uint32_t slot);

/* Usable slots of a network: prefix 20 has 4,092 (all addresses but network, bridge and broadcast,
 * and one spare). */
uint32_t bg_slots(uint32_t prefix);

bool bg_private_subnet(uint32_t subnet,
                       uint32_t prefix); /* RFC 1918, prefix 16..24, no host bits */

/* Folders; each writes at most BG_PATH_MAX bytes. */
void bg_run_root(char *ret,
                 const char *instance); /* /run/banger-root-<i>, main: /run/banger-root */
void bg_run_owner(char *ret, const char *instance);  /* /run/banger-<i>, main: /run/banger */
void bg_state_root(char *ret, const char *instance); /* /var/lib/banger-root/<i> */

void bg_dm_name(char ret[static 64], const char *instance, const char *vm,
                const char *role); /* role "" or "-cow" ... */
void bg_dm_uuid(char ret[static 64], const char *instance, const char *vm, const char *role);
void bg_unit_name(char ret[static 64], const char *instance, const char *vm, const char *jail);

/* "10.0.0.1" into ret (16 bytes). */
void bg_ipv4(char ret[static 16], uint32_t address);
#endif
