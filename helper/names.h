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
    BG_IFNAME_MAX = 16,  /* with the NUL, as IFNAMSIZ */
    BG_ULA = 0xfdb6ba9e, /* fdb6:ba9e::/96 and an IPv4 address: what has it has this of IPv6 */
    BG_PATH_MAX = 160,   /* the longest derived path: a jail's root below the state folder */
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
struct bg_net_names bg_net_names(const char *instance, uint32_t subnet, uint32_t slot);

/* Usable slots of a network: prefix 20 has 4,092 (all addresses but network, bridge and broadcast,
 * and one spare). */
uint32_t bg_slots(uint32_t prefix);

/* RFC 1918, prefix 16..24, no host bits. */
bool bg_private_subnet(uint32_t subnet, uint32_t prefix);

/* A name by a printf format, in which each text has its greatest length. `bg_name(...).s` lives as long as its statement. */
struct bg_name {
    char s[BG_PATH_MAX];
};
struct bg_name bg_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* stem-<i>; for main the stem alone */
struct bg_name bg_place(const char *stem, const char *instance);

/* "10.0.0.1" */
#define bg_address(a)    bg_name("%u.%u.%u.%u", (a) >> 24, (a) >> 16 & 0xff, (a) >> 8 & 0xff, (a)&0xff)
#define bg_run_root(i)   bg_place("/run/banger-root", i)
#define bg_state_root(i) bg_name("/var/lib/banger-root/%.8s", i)
#define bg_dm_name(i, vm, role)                                                                    \
    bg_name("banger-%.8s-%.8s%.16s", i, vm, role) /* role "", "-cow" ... */
#define bg_dm_uuid(i, vm, role)                                                                    \
    bg_name("BANGER-%.8s-%.8s-%.16s", i, vm, (role)[0] ? (role) + 1 : "disk")
#define bg_unit_name(i, vm, jail) bg_name("banger-%.8s-%.8s-%.16s.service", i, vm, jail)
#define bg_vm_name(vm)            bg_name("vm-%.8s", vm) /* its ledger entry */
#define bg_net_name()             bg_name("net")
#define bg_port_name(proto, port) bg_name("port-%s-%05u", (proto) ? "udp" : "tcp", port)
#define bg_run_name(vm)           bg_name("jail-%.8s", vm) /* the record of its VMM, in the run folder */
#define bg_log_name(vm, kind)     bg_name("%.8s.%.8s", vm, kind) /* console, stderr, vmm, metrics */

#endif
