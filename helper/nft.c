/*
 * The tables of nft.h. Two facts that the rules rest on:
 * - A guest's frames meet the bridge family first; inet sees them only when they are routed, so who may speak on the
 *   wire is decided in the bridge table, by tap, MAC and address together.
 * - route_localnet of our bridge makes localhost:PORT reach a published port; the "early" chain takes the other
 *   direction away (a guest that sends to 127.0.0.1).
 */
#include "nft.h"
#include <nftables/libnftables.h>
#include <stdarg.h>
#include <stdlib.h>

/* %1$s table, %2$s bridge, %3$s tap prefix, %4$s gateway, %5$s subnet, %6$u prefix */
static const char tables[] =
    "add table inet %1$s; delete table inet %1$s; add table bridge %1$s; delete table bridge %1$s\n"
    "table inet %1$s {\n"
    " set offline { type ipv4_addr; }\n"
    " set alone { type ipv4_addr; }\n"
    " map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
    " map local_ports { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
    " chain early { type filter hook prerouting priority -300; policy accept;\n"
    "  iifname \"%2$s\" ip daddr 127.0.0.0/8 drop\n"
    " }\n"
    " chain published { type nat hook prerouting priority -100; policy accept;\n"
    "  iifname != \"%2$s\" fib daddr type local dnat ip to meta l4proto . th dport map @ports\n"
    " }\n"
    " chain published_here { type nat hook output priority -100; policy accept;\n"
    "  fib daddr type local dnat ip to meta l4proto . th dport map @local_ports\n"
    " }\n"
    " chain outwards { type nat hook postrouting priority 100; policy accept;\n"
    "  ip saddr %5$s/%6$u oifname != \"%2$s\" masquerade\n"
    "  ip saddr 127.0.0.0/8 oifname \"%2$s\" masquerade\n"
    " }\n"
    " chain input { type filter hook input priority 0; policy accept;\n"
    "  iifname != \"%2$s\" accept\n"
    "  ct state established,related accept\n"
    "  ip daddr %4$s meta l4proto { tcp, udp } th dport 53 accept\n"
    "  ip daddr %4$s icmp type echo-request accept\n"
    "  drop\n"
    " }\n"
    " chain from_guest {\n"
    "  ip daddr 169.254.0.0/16 drop\n"
    "  ip saddr @offline ct state new drop\n"
    "  ip saddr @alone oifname \"%2$s\" drop\n"
    " }\n"
    " chain to_guest {\n"
    "  ip daddr @alone iifname \"%2$s\" drop\n"
    "  iifname \"%2$s\" accept\n"
    "  ct state established,related accept\n"
    "  ct status dnat accept\n"
    "  drop\n"
    " }\n"
    " chain forward { type filter hook forward priority 0; policy accept;\n"
    "  iifname \"%2$s\" jump from_guest\n"
    "  oifname \"%2$s\" jump to_guest\n"
    " }\n"
    "}\n"
    "table bridge %1$s {\n"
    " set guests { type ifname . ether_addr . ipv4_addr; }\n"
    " set alone { type ifname; }\n"
    " chain speak { type filter hook prerouting priority -300; policy accept;\n"
    "  iifname != \"%3$s*\" accept\n"
    "  ether type ip iifname . ether saddr . ip saddr @guests accept\n"
    "  ether type arp iifname . ether saddr . arp saddr ip @guests"
    " iifname . arp saddr ether . arp saddr ip @guests accept\n"
    "  drop\n"
    " }\n"
    " chain between { type filter hook forward priority 0; policy accept;\n"
    "  iifname @alone drop\n"
    "  oifname @alone drop\n"
    " }\n"
    "}\n";

/* ret_output: what a listing said, with the rules' handles, the caller's to free; or NULL. */
static int run(struct bg_reply *f, const char *step, const char *text, char **ret_output)
{
    struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!ctx)
        return bg_fail(f, BG_SYSTEM, 0, "%s: no nft context", step);
    nft_ctx_buffer_error(ctx);
    nft_ctx_buffer_output(ctx);
    nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_HANDLE);
    int result = nft_run_cmd_from_buffer(ctx, text);
    if (result != 0)
        bg_fail(f, BG_SYSTEM, 0, "%s: %.120s", step, nft_ctx_get_error_buffer(ctx));
    else if (ret_output)
        *ret_output = strdup(nft_ctx_get_output_buffer(ctx));
    nft_ctx_free(ctx);
    return result == 0 ? 0 : -1;
}

static int runf(struct bg_reply *f, const char *step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int runf(struct bg_reply *f, const char *step, const char *format, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(text))
        return bg_fail(f, BG_SYSTEM, 0, "%s: text too long", step);
    return run(f, step, text, NULL);
}

int bg_nft_up(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    char tap[BG_IFNAME_MAX], gateway[16], subnet[16];
    snprintf(tap, sizeof(tap), "bg%.8s-t", h->instance);
    bg_ipv4(gateway, net->names.gateway);
    bg_ipv4(subnet, net->subnet);
    return runf(f, "write the nft tables", tables, net->names.table, net->names.bridge, tap,
                gateway, subnet, net->prefix);
}

int bg_nft_down(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    const char *t = net->names.table;
    (void)h;
    return runf(
        f, "remove the nft tables",
        "add table inet %s; delete table inet %s; add table bridge %s; delete table bridge %s", t,
        t, t, t);
}

bool bg_nft_is_up(const struct bg_net *net)
{
    struct bg_reply unused;
    const char *t = net->names.table;
    return runf(&unused, "look", "list set inet %s offline; list set bridge %s guests", t, t) == 0;
}

int bg_nft_beside_docker(const struct bg_net *net, bool wanted, struct bg_reply *f)
{
    struct bg_reply unused;
    char mark[32], text[2048], *chain = NULL, *save = NULL;
    unsigned handle, found = 0;
    size_t n = 0;
    if (run(&unused, "look", "list chain ip filter DOCKER-USER", &chain) < 0 || !chain)
        return 0;
    snprintf(mark, sizeof(mark), "comment \"%s\"", net->names.table);
    for (char *rule = strtok_r(chain, "\n", &save); rule && n < sizeof(text) / 2;
         rule = strtok_r(NULL, "\n", &save)) {
        const char *at = strstr(rule, mark), *end = at ? strstr(at, "# handle ") : NULL;
        if (!end || sscanf(end, "# handle %u", &handle) != 1)
            continue;
        found++;
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "delete rule ip filter DOCKER-USER handle %u\n", handle);
    }
    free(chain);
    if (found == (wanted ? 2 : 0))
        return 0;
    for (int out = 0; wanted && out < 2; out++)
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "insert rule ip filter DOCKER-USER %s \"%s\" counter accept %s\n",
                              out ? "oifname" : "iifname", net->names.bridge, mark);
    return run(f, "write the rules in DOCKER-USER", text, NULL);
}

int bg_nft_dismiss(struct bg_helper *h, const struct bg_net *net, uint32_t slot, struct bg_reply *f)
{
    struct bg_net_names n;
    char address[16];
    const char *t = net->names.table;
    bg_net_names(&n, h->instance, net->subnet, slot);
    bg_ipv4(address, n.address);
    /* Adding first makes the deletion succeed whether the element was there or not. */
    return runf(
        f, "dismiss the tap from nft",
        "add element inet %1$s offline { %2$s }; delete element inet %1$s offline { %2$s }\n"
        "add element inet %1$s alone { %2$s }; delete element inet %1$s alone { %2$s }\n"
        "add element bridge %1$s alone { \"%3$s\" }; delete element bridge %1$s alone { \"%3$s\" "
        "}\n"
        "add element bridge %1$s guests { \"%3$s\" . %4$02x:%5$02x:%6$02x:%7$02x:%8$02x:%9$02x . "
        "%2$s }\n"
        "delete element bridge %1$s guests { \"%3$s\" . %4$02x:%5$02x:%6$02x:%7$02x:%8$02x:%9$02x "
        ". %2$s }\n",
        t, address, n.tap, n.mac[0], n.mac[1], n.mac[2], n.mac[3], n.mac[4], n.mac[5]);
}

int bg_nft_admit(struct bg_helper *h, const struct bg_net *net, uint32_t slot, uint32_t reach,
                 struct bg_reply *f)
{
    struct bg_net_names n;
    char address[16];
    const char *t = net->names.table;
    bg_net_names(&n, h->instance, net->subnet, slot);
    bg_ipv4(address, n.address);
    const char *alone = reach != BG_V_open ? "add" : "#",
               *offline = reach == BG_V_offline ? "add" : "#";
    return runf(
        f, "admit the tap to nft",
        "%10$s element inet %1$s offline { %2$s }\n"
        "%11$s element inet %1$s alone { %2$s }\n%11$s element bridge %1$s alone { \"%3$s\" }\n"
        "add element bridge %1$s guests { \"%3$s\" . %4$02x:%5$02x:%6$02x:%7$02x:%8$02x:%9$02x . "
        "%2$s }\n",
        t, address, n.tap, n.mac[0], n.mac[1], n.mac[2], n.mac[3], n.mac[4], n.mac[5], offline,
        alone);
}

/* "{ tcp . 8080 : 10.0.0.2 . 80 }" */
static void port_element(char ret[static 80], struct bg_helper *h, const struct bg_net *net,
                         const struct bg_port *p)
{
    struct bg_net_names n;
    char guest[16];
    bg_net_names(&n, h->instance, net->subnet, p->slot);
    bg_ipv4(guest, n.address);
    snprintf(ret, 80, "{ %s . %u : %s . %u }", p->proto == BG_V_udp ? "udp" : "tcp", p->host_port,
             guest, p->guest_port);
}

int bg_nft_publish(struct bg_helper *h, const struct bg_net *net, const struct bg_port *p,
                   struct bg_reply *f)
{
    char element[80];
    const char *t = net->names.table;
    port_element(element, h, net, p);
    if (p->local_only)
        return runf(f, "publish the port in nft", "add element inet %s local_ports %s", t, element);
    return runf(f, "publish the port in nft",
                "add element inet %1$s local_ports %2$s; add element inet %1$s ports %2$s", t,
                element);
}

int bg_nft_unpublish(struct bg_helper *h, const struct bg_net *net, const struct bg_port *p,
                     struct bg_reply *f)
{
    char element[80];
    port_element(element, h, net, p);
    return runf(
        f, "withdraw the port from nft",
        "add element inet %1$s ports %2$s; delete element inet %1$s ports %2$s\n"
        "add element inet %1$s local_ports %2$s; delete element inet %1$s local_ports %2$s\n",
        net->names.table, element);
}
