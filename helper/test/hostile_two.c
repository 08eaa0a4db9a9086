/* The owner of two instances, who tries to reach through one helper what is the other's. The first one's VM runs. */
#include "../link.h"
#include "hostile.h"

#define SECOND        "hostil2"
#define SECOND_SOCKET "/run/banger-root-" SECOND "/helper.sock"

/* In the second instance there is a VM of the same id and slot. */
static bool same_vm(void)
{
    return ASK(net_up, .subnet = 0x0ac7f100, .prefix = 24) == BG_OK &&
           ASK(vm_reserve, ID, .slot = 5) == BG_OK && ASK(tap_create, ID) == BG_OK;
}

static bool other_uid(uid_t uid)
{
    union bg_results r;
    return ASK_RES(&r, vm_reserve, ID, .slot = 5) == BG_OK && r.vm_reserve.uid != uid &&
           strcmp(r.vm_reserve.ifname.s, "bghostil2-t005") == 0;
}

static bool nothing_to_signal(void)
{
    return ASK(jail_signal, ID, .signal = BG_V_kill) == BG_JAIL_ABSENT &&
           ASK(vm_connect, ID, .channel = BG_V_api) == BG_JAIL_ABSENT &&
           ASK(vm_log, ID, .log = BG_V_console) == BG_JAIL_ABSENT;
}

static bool no_base(void)
{
    return ASK(disk_create, ID, .base = base, .size = 1 << 20) == BG_BASE_ABSENT &&
           ASK(base_remove, .digest = base) == BG_OK;
}

static bool no_subnet(void)
{
    return ASK(vm_teardown, ID, .extent = BG_V_all) == BG_OK && ASK(net_down) == BG_OK &&
           ASK(net_up, .subnet = subnet, .prefix = 24) == BG_NET_CONFLICT;
}

static uint32_t publish(uint32_t proto, uint32_t local_only)
{
    return (uint32_t)ASK(port_publish, ID, .proto = proto, .host_port = 28026, .guest_port = 80,
                         .local_only = local_only);
}

static bool first_publishes(void)
{
    return publish(BG_V_tcp, 0) == BG_OK;
}

static bool no_port(void)
{
    return publish(BG_V_tcp, 0) == BG_PORT_TAKEN && publish(BG_V_tcp, 1) == BG_PORT_TAKEN &&
           publish(BG_V_udp, 1) == BG_OK && publish(BG_V_udp, 1) == BG_OK;
}

static bool withdraw(void)
{
    return ASK(port_remove, ID, .proto = BG_V_tcp, .host_port = 28026) == BG_OK;
}

/* What was refused to the second has left no intent, or the first would not get it back. */
static bool first_withdraws(void)
{
    return publish(BG_V_udp, 0) == BG_PORT_TAKEN && withdraw() && first_publishes() && withdraw();
}

static bool first_as_it_was(void)
{
    union bg_results r;
    struct bg_link l;
    return ASK_RES(&r, jail_status, ID) == BG_OK && r.jail_status.state == BG_V_running &&
           ASK(base_remove, .digest = base) == BG_BASE_IN_USE &&
           bg_link_get("bghostile-t005", &l) == 0;
}

void two_instances(uid_t uid)
{
    int all = open("/var/lib/banger-root", O_RDONLY | O_DIRECTORY),
        runs = open("/run", O_RDONLY | O_DIRECTORY);
    bool good = program("banger-helper-config", SECOND, "65534", "--start") == 0;
    helper_socket = SECOND_SOCKET;
    ok(good && as(OWNER, same_vm) && other_uid(uid),
       "A26 a second instance of the owner's: the same VM has another uid and tap");
    helper_socket = SOCKET;
    good = as(OWNER, first_publishes);
    helper_socket = SECOND_SOCKET;
    good = as(OWNER, no_port) && good;
    helper_socket = SOCKET;
    good = as(OWNER, first_withdraws) && good;
    helper_socket = SECOND_SOCKET;
    ok(as(OWNER, first_publishes) && good,
       "A21 a port of one instance is taken for the other, until it is withdrawn");
    ok(as(OWNER, nothing_to_signal), "A29 it reaches no VMM, socket and log of the first");
    ok(as(OWNER, no_base), "A4 nor a base of the first, to read or to remove");
    ok(as(OWNER, no_subnet), "A20 nor the first one's subnet; its own goes");
    good = program("banger-helper", "--instance", SECOND, "--stop") == 0;
    helper_socket = SOCKET;
    ok(good && as(OWNER, first_as_it_was), "and the first is as it was");
    ok(bg_remove_tree(all, SECOND) == 0 && bg_remove_tree(runs, "banger-root-" SECOND) == 0 &&
           bg_remove_tree(runs, "banger-" SECOND) == 0,
       "the second one's folders are removed");
    close(all);
    close(runs);
}
