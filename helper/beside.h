/* The host's own network programs, told about our bridge by D-Bus where they run. */
#ifndef BANGER_HELPER_BESIDE_H
#define BANGER_HELPER_BESIDE_H
#include "ledger.h"

/*
 * firewalld: the bridge is in zone "trusted", because what may pass is decided in our own tables. systemd-resolved: names
 * below our zone, and no others, are asked of the bridge's address. `wanted` false takes the zone's entry back; resolved
 * forgets with the link. Neither is started for us, and what one refuses goes to the log: VMs do not depend on it.
 */
void bg_beside(struct bg_helper *h, const struct bg_net *net, bool wanted);
#endif
