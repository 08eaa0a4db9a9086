/*
 * banger's own nft tables: "inet banger-<i>" (NAT, published ports, what guests may reach) and "bridge banger-<i>"
 * (anti-spoofing, isolation between guests); tables.nft has both, listed.nft what a VM with a list of its own gets.
 *
 * The text given to libnftables is made here of numbers and derived names only. 0, or -1 with f filled.
 */
#ifndef BANGER_HELPER_NFT_H
#define BANGER_HELPER_NFT_H
#include "ledger.h"

/* Replaces both tables at once, empty. */
int bg_nft_up(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f);
int bg_nft_down(const struct bg_net *net, struct bg_reply *f);
bool bg_nft_is_up(const struct bg_net *net);

/*
 * The one place outside our tables: Docker drops forwarded traffic that nobody asked for, and gives others its chain
 * DOCKER-USER to ask in. There, and only while it exists, are two rules with the comment "banger-<i>" (ours to and from
 * the bridge), or none when `wanted` is false. What they let pass still meets our own table.
 */
int bg_nft_beside_docker(const struct bg_net *net, bool wanted, struct bg_reply *f);

/*
 * Let the VM's tap speak with its MAC and address, and reach what vm->tap_reach says; or not any more. To change the
 * reach, take the tap out with the old one first. What is to be out of tables that somebody has removed is out.
 */
int bg_nft_tap(struct bg_helper *h, const struct bg_net *net, const struct bg_vm *vm, bool here,
               struct bg_reply *f);

/* Let an admitted VM of reach `listed` send to the network, for so many seconds (0: as long as it has its tap). */
int bg_nft_allow(const struct bg_net *net, uint32_t slot, uint32_t network, uint32_t prefix,
                 uint32_t seconds, struct bg_reply *f);

/* In local_ports, and in ports as well when others may reach it. */
int bg_nft_port(struct bg_helper *h, const struct bg_net *net, const struct bg_port *p, bool here,
                struct bg_reply *f);
#endif
