/* The network's operations: the bridge, its tables, taps and published ports. */
#include "link.h"
#include "nft.h"
#include "op.h"
#include "server.h"

/* All but the last exist on every kernel with IPv4. That IPv6 is forwarded is the host's affair: see README.md. */
static int bridge_sysctls(const char *bridge, struct bg_reply *f)
{
    const struct bg_name on[] = {bg_name("/proc/sys/net/ipv4/conf/%s/route_localnet", bridge),
                                 bg_name("/proc/sys/net/ipv4/ip_forward"),
                                 bg_name("/proc/sys/net/ipv6/conf/%s/disable_ipv6", bridge)};
    for (int i = 0; i < 3; i++) {
        BG_CLOSED int fd = open(on[i].s, O_WRONLY | O_CLOEXEC);
        if ((fd < 0 && (i < 2 || errno != ENOENT)) || (fd >= 0 && write(fd, &"110"[i], 1) != 1))
            return bg_sys(f, on[i].s);
    }
    return 0;
}

/*
 * 1: a link of this name is there, and is the one of the ledger (ifindex 0: an intent; kind NULL: the ledger has none);
 * 0: none is. Else refused as `code`.
 */
static int own_link(const char *name, const char *kind, uint32_t ifindex, struct bg_link *ret,
                    uint32_t code, struct bg_reply *f)
{
    int error = bg_link_get(name, ret);
    if (error < 0)
        return error == -ENODEV ? 0 : bg_step(f, "look for the link", error);
    if (!kind || strcmp(ret->kind, kind) != 0 || (ifindex != 0 && ifindex != ret->ifindex))
        return bg_fail(f, code, EEXIST, "link %s exists and is not banger's; remove it", name);
    return 1;
}

/* link: what own_link has found. */
static int make_bridge(struct bg_helper *h, struct bg_net *net, struct bg_link *link,
                       struct bg_reply *f)
{
    const struct bg_net_names *n = &net->names;
    if (link->ifindex == 0 &&
        (bg_step(f, "make the bridge", bg_link_add_bridge(n->bridge, n->bridge_mac)) < 0 ||
         bg_step(f, "look at the bridge", bg_link_get(n->bridge, link)) < 0))
        return -1;
    net->ifindex = link->ifindex;
    if (bg_net_save(h, net, f) < 0 || bridge_sysctls(n->bridge, f) < 0)
        return -1;
    return bg_step(f, "give the bridge its address",
                   bg_link_add_address(net->ifindex, n->gateway, net->prefix));
}

/* Put back what the ledger says of taps and ports after the tables were made anew. */
static int refill(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    struct bg_vm vm = {0};
    struct bg_port port = {0};
    int found;
    while ((found = bg_vm_next(h, &vm, f)) == 1)
        if (vm.has_tap && bg_nft_tap(h, net, &vm, true, f) < 0)
            return -1;
    while (found == 0 && (found = bg_port_next(h, &port, f)) == 1)
        found = bg_nft_port(h, net, &port, true, f);
    return found;
}

/* What others may have changed since: tables flushed, Docker or firewalld started anew, another uplink. */
static int settle(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    if (bg_step(f, "raise the bridge", bg_link_set_up(net->ifindex, 0, bg_link_uplink_mtu())) < 0 ||
        (!bg_nft_is_up(net) && (bg_nft_up(h, net, f) < 0 || refill(h, net, f) < 0)))
        return -1;
    bg_beside(h, net, true);
    return bg_nft_beside_docker(net, true, f);
}

/* Until all of it is gone the ledger keeps it: the next net_up or net_down goes on from there. */
static int remove_net(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    struct bg_link link;
    int found = own_link(net->names.bridge, "bridge", net->ifindex, &link, BG_NET_CONFLICT, f);
    if (found < 0 || (found && bg_step(f, "remove the bridge", bg_link_delete(link.ifindex)) < 0))
        return -1;
    bg_beside(h, net, false);
    if (bg_nft_beside_docker(net, false, f) < 0 || bg_nft_down(net, f) < 0)
        return -1;
    return bg_forget(h, bg_net_name(), f);
}

/* Safe because names derive from the instance, the subnet is private and overlaps no route of the host's. */
BG_ACT(net_up)
{
    struct bg_net net = {0};
    if (!bg_private_subnet(a->subnet, a->prefix))
        return bg_fail(f, BG_BAD_REQUEST, 0,
                       "subnet: must be a private network without host bits, prefix 16 to 24; try "
                       "10.87.0.0/20");
    if (bg_lock(h, BG_LOCK_NET, f) < 0)
        return -1;
    bool known = bg_net_load(h, &net, f) == 0;
    if (!known && f->code != BG_NET_ABSENT)
        return -1;
    if (known && (net.subnet != a->subnet || net.prefix != a->prefix))
        return bg_fail(f, BG_NET_CONFLICT, 0,
                       "the instance's network is up with another subnet; net_down first");
    net.subnet = a->subnet;
    net.prefix = a->prefix;
    net.names = bg_net_names(h->instance, net.subnet, 0);
    struct bg_link link = {0};
    int found =
        own_link(net.names.bridge, known ? "bridge" : NULL, net.ifindex, &link, BG_NET_CONFLICT, f);
    /* A route that came later, a VPN's, takes nothing from VMs that run: theirs is a bridge of the host's. */
    int overlaps = found ? 0 : bg_link_route_overlaps(a->subnet, a->prefix);
    if (overlaps > 0)
        return bg_fail(f, BG_NET_CONFLICT, 0,
                       "subnet: overlaps a route of the host; choose another");
    if (found < 0 || bg_step(f, "look for overlapping routes", overlaps) < 0 ||
        bg_net_save(h, &net, f) < 0)
        return -1;
    if (make_bridge(h, &net, &link, f) < 0 || settle(h, &net, f) < 0) {
        if (!known)
            remove_net(h, &net, NULL);
        return -1;
    }
    snprintf(r->bridge.s, sizeof(r->bridge.s), "%s", net.names.bridge);
    r->ifindex = net.ifindex;
    r->address = net.names.gateway;
    return 0;
}

/* Safe because it removes only the link and tables that ledger and kernel agree are ours. */
BG_ACT(net_down)
{
    struct bg_net net;
    struct bg_vm vm = {0};
    int found;
    if (bg_lock(h, BG_LOCK_NET, f) < 0)
        return -1;
    if (bg_net_load(h, &net, f) < 0)
        return f->code == BG_NET_ABSENT ? 0 : -1;
    while ((found = bg_vm_next(h, &vm, f)) == 1)
        if (vm.has_tap)
            return bg_fail(f, BG_VM_ALIVE, 0, "vm %s still has a tap; tear it down first", vm.id);
    return found < 0 ? -1 : remove_net(h, &net, f);
}

void bg_net_restore(struct bg_helper *h, __attribute__((unused)) const char *none)
{
    struct bg_net net;
    struct bg_reply f;
    bg_deadline(30);
    if (bg_sandbox_worker(&f) == 0 && bg_lock(h, BG_LOCK_NET, &f) == 0 &&
        bg_net_load(h, &net, &f) == 0 && net.ifindex != 0 && settle(h, &net, &f) < 0)
        dprintf(2, "%s\n", f.message);
    bg_unlock(h);
}

/* A socket on a port; connections of a program that is gone do not stand in the way. -1 and errno. */
static int bound(int type, uint32_t address, uint32_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(address)};
    int one = 1;
    BG_CLOSED int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0) ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        return -1;
    return bg_steal(&fd);
}

/* Safe because the address is our bridge's alone, so no other resolver of the host can be shadowed. */
BG_ACT(dns_socket)
{
    struct bg_net net;
    if (bg_net_load(h, &net, f) < 0)
        return -1;
    r->stream = bound(SOCK_STREAM, net.names.gateway, 53);
    if (r->stream >= 0 && listen(r->stream, 64) == 0 &&
        (r->socket = bound(SOCK_DGRAM, net.names.gateway, 53)) >= 0)
        return 0;
    bg_sys(f, "bind port 53 of the bridge's address");
    bg_close(&r->stream);
    return -1;
}

/* What the operations on a VM's network begin with: its lock and the network's, and what the ledger has of both. */
static int open_both(struct bg_helper *h, const char *id, struct bg_vm *vm, struct bg_net *net,
                     struct bg_reply *f)
{
    bool good = bg_vm_open(h, id, vm, f) == 0 && bg_lock(h, BG_LOCK_NET, f) == 0;
    return good ? bg_net_load(h, net, f) : -1;
}

/* Remove a tap of the VM: ours by ledger, and of the right kind by kernel. 0 also when it is gone. */
int bg_tap_remove(struct bg_helper *h, struct bg_vm *vm, struct bg_reply *f)
{
    struct bg_net net;
    struct bg_link link;
    if (!vm->has_tap)
        return 0;
    if (bg_lock(h, BG_LOCK_NET, f) < 0)
        return -1;
    if (bg_net_load(h, &net, f) < 0)
        return f->code == BG_NET_ABSENT ? 0 : -1;
    struct bg_net_names n = bg_net_names(h->instance, net.subnet, vm->slot);
    int found = own_link(n.tap, "tun", vm->tap_ifindex, &link, BG_VM_UNPROVEN, f);
    if (found < 0 || bg_nft_tap(h, &net, vm, false, f) < 0 ||
        (found && bg_step(f, "remove the tap", bg_link_delete(link.ifindex)) < 0) ||
        bg_step(f, "forget the guest's MAC", bg_link_neighbour(net.ifindex, n.address, NULL)) < 0)
        return -1;
    vm->has_tap = false;
    vm->tap_ifindex = 0;
    return 0;
}

static int make_tap(struct bg_helper *h, const struct bg_net *net, struct bg_vm *vm, uint32_t reach,
                    struct bg_reply *f)
{
    struct bg_net_names n = bg_net_names(h->instance, net->subnet, vm->slot);
    struct bg_link link;
    /* An intent without ifindex may have its tap already: made by a helper that died before it could say so. */
    int error = 0, found = own_link(n.tap, vm->has_tap ? "tun" : NULL, vm->tap_ifindex, &link,
                                    BG_NET_CONFLICT, f);
    if (found < 0 || (found && bg_nft_tap(h, net, vm, false, f) < 0))
        return -1;
    vm->tap_reach = reach;
    vm->tap_ifindex = found ? link.ifindex : 0;
    vm->has_tap = true;
    if (bg_vm_save(h, vm, false, f) < 0)
        return -1;
    if (!found && (error = bg_link_add_tap(n.tap, vm->uid)) < 0) {
        vm->has_tap = false; /* one of this name that came meanwhile is not ours */
        bg_vm_save(h, vm, false, NULL);
        return bg_step(f, "make the tap", error);
    }
    if (!found && bg_step(f, "look at the tap", bg_link_get(n.tap, &link)) < 0)
        return -1;
    vm->tap_ifindex = link.ifindex;
    /* Rules before the port: the tap never carries a frame that nobody checks. */
    if (bg_nft_tap(h, net, vm, true, f) < 0 ||
        bg_step(f, "plug the tap in", bg_link_set_up(link.ifindex, net->ifindex, 0)) < 0 ||
        bg_step(f, "tell the host the guest's MAC",
                bg_link_neighbour(net->ifindex, n.address, n.mac)) < 0)
        return -1;
    return bg_vm_save(h, vm, false, f);
}

/* Safe because name, uid, address and bridge derive from the ledger; a link it does not know is refused. */
BG_ACT(tap_create)
{
    struct bg_vm vm;
    struct bg_net net;
    if (open_both(h, a->vm.s, &vm, &net, f) < 0)
        return -1;
    bool fresh = !vm.has_tap;
    if (make_tap(h, &net, &vm, a->reach, f) < 0) {
        struct bg_reply unused;
        if (fresh && bg_tap_remove(h, &vm, &unused) == 0)
            bg_vm_save(h, &vm, false, NULL);
        return -1;
    }
    struct bg_net_names n = bg_net_names(h->instance, net.subnet, vm.slot);
    snprintf(r->ifname.s, sizeof(r->ifname.s), "%s", n.tap);
    r->ifindex = vm.tap_ifindex;
    return 0;
}

/* Safe because it opens nothing that the reach `open` would not; the network and the VM's own sets are numbers. */
BG_ACT(egress_allow)
{
    struct bg_vm vm;
    struct bg_net net;
    if (a->prefix < 1 || a->prefix > 32 || (uint32_t)((uint64_t)a->network << a->prefix) != 0)
        return bg_fail(f, BG_BAD_REQUEST, 0, "network: must be without host bits, prefix: 1 to 32");
    if (a->seconds > BG_EGRESS_MAX_S || (a->seconds > 0 && a->prefix != 32))
        return bg_fail(f, BG_BAD_REQUEST, 0, "seconds: at most %d, and for one address (prefix 32)",
                       BG_EGRESS_MAX_S);
    if (open_both(h, a->vm.s, &vm, &net, f) < 0)
        return -1;
    if (!vm.has_tap || vm.tap_reach != BG_V_listed)
        return bg_fail(f, BG_BAD_REQUEST, 0, "vm: %s has no tap whose reach is listed", vm.id);
    return bg_nft_allow(&net, vm.slot, a->network, a->prefix, a->seconds, f);
}

/* Nothing of the host listens there: our socket can bind the port on every address. */
static int look_for_listener(uint32_t proto, uint32_t port, bool local_only, struct bg_reply *f)
{
    BG_CLOSED int fd = bound(proto == BG_V_udp ? SOCK_DGRAM : SOCK_STREAM,
                             local_only ? INADDR_LOOPBACK : INADDR_ANY, port);
    if (fd < 0 && errno == EADDRINUSE)
        return bg_fail(f, BG_PORT_TAKEN, errno, "host_port: %u has a listener on the host", port);
    return fd < 0 ? bg_sys(f, "look for a listener") : 0;
}

/*
 * No other instance that is up in this boot has published the port: its table would take the traffic from ours, or ours from
 * it. Each writes its own entry before it looks, so that of two at the same moment at most one gets it. Instances' names
 * are everybody's to see, in those of their bridges; whose VM it is stays theirs.
 */
static int look_for_instance(struct bg_helper *h, uint32_t proto, uint32_t port, struct bg_reply *f)
{
    BG_LISTED DIR *all = bg_list(h->instances, ".");
    if (!all)
        return bg_sys(f, "list the instances");
    struct bg_name entry = bg_port_name(proto, port);
    struct bg_helper other = *h;
    struct bg_net net;
    for (struct dirent *e; (errno = 0, e = readdir(all));) {
        if (!bg_valid_instance(e->d_name) || strcmp(e->d_name, h->instance) == 0)
            continue;
        BG_CLOSED int ledger =
            bg_open(h->instances, bg_name("%.8s/ledger", e->d_name).s, O_PATH, 0);
        other.ledger = ledger;
        if (ledger >= 0 && faccessat(ledger, entry.s, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
            bg_net_load(&other, &net, NULL) == 0)
            return bg_fail(f, BG_PORT_TAKEN, 0, "host_port: %u is published by instance %s already",
                           port, e->d_name);
    }
    return errno == 0 ? 0 : bg_sys(f, "list the instances");
}

/* Safe because it takes numbers only; privileged ports, and ports with a listener or of another instance, are refused. */
BG_ACT(port_publish)
{
    struct bg_vm vm;
    struct bg_net net;
    struct bg_port port;
    if (a->host_port < 1024 || a->host_port > 65535)
        return bg_fail(f, BG_BAD_REQUEST, 0, "host_port: must be 1024 to 65535");
    if (a->guest_port < 1 || a->guest_port > 65535 || a->local_only > 1)
        return bg_fail(f, BG_BAD_REQUEST, 0, "guest_port: must be 1 to 65535, local_only: 0 or 1");
    if (open_both(h, a->vm.s, &vm, &net, f) < 0)
        return -1;
    struct bg_port asked = {a->proto, a->host_port, a->guest_port, a->local_only, vm.slot, ""};
    memcpy(asked.vm, vm.id, sizeof(asked.vm));
    int found = bg_load(h, bg_port_name(a->proto, a->host_port), &port, sizeof(port), f);
    if (found < 0)
        return -1;
    if (found && (strcmp(port.vm, vm.id) != 0 || port.guest_port != a->guest_port ||
                  port.local_only != a->local_only))
        return bg_fail(f, BG_PORT_TAKEN, 0, "host_port: %u is published for vm %s already",
                       a->host_port, port.vm);
    if ((!found && look_for_listener(a->proto, a->host_port, a->local_only, f) < 0) ||
        bg_save(h, bg_port_name(asked.proto, asked.host_port), &asked, sizeof(asked), false, f) < 0)
        return -1;
    if ((!found && look_for_instance(h, a->proto, a->host_port, f) < 0) ||
        bg_nft_port(h, &net, &asked, true, f) < 0) {
        if (!found && bg_nft_port(h, &net, &asked, false, NULL) == 0)
            bg_forget(h, bg_port_name(a->proto, a->host_port), NULL);
        return -1;
    }
    return 0;
}

static int withdraw(struct bg_helper *h, const struct bg_port *port, struct bg_reply *f)
{
    struct bg_net net;
    if (bg_net_load(h, &net, f) < 0 ? f->code != BG_NET_ABSENT
                                    : bg_nft_port(h, &net, port, false, f) < 0)
        return -1;
    return bg_forget(h, bg_port_name(port->proto, port->host_port), f);
}

/* Withdraw every port of the VM. */
int bg_ports_remove(struct bg_helper *h, const char *vm, struct bg_reply *f)
{
    struct bg_port port = {0};
    int found;
    if (bg_lock(h, BG_LOCK_NET, f) < 0)
        return -1;
    while ((found = bg_port_next(h, &port, f)) == 1)
        if (strcmp(port.vm, vm) == 0 && withdraw(h, &port, f) < 0)
            return -1;
    return found;
}

/* Safe because only rules of this VM in our own table are touched. */
BG_ACT(port_remove)
{
    struct bg_port port;
    if (bg_lock_vm(h, a->vm.s, f) < 0 || bg_lock(h, BG_LOCK_NET, f) < 0)
        return -1;
    int found = bg_load(h, bg_port_name(a->proto, a->host_port), &port, sizeof(port), f);
    if (found <= 0 || strcmp(port.vm, a->vm.s) != 0)
        return found < 0 ? -1 : 0;
    return withdraw(h, &port, f);
}
