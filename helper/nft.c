/* The tables of nft.h. Whole ones are text for libnftables, elements of their sets go by netlink. */
#include "nft.h"
#include "netlink.h"
#include <linux/netfilter.h>
#include <nftables/libnftables.h>
#include <stdarg.h>

static const char tables[] =
#include "tables.nft.h"
    ;
/* %1$s table, %2$s slot, %3$s the guest's address */
static const char unlisted[] =
#include "listed.nft.h"
    "delete chain inet %1$s to-%2$s; delete set inet %1$s hosts-%2$s; delete set inet %1$s "
    "nets-%2$s";
static const char listed[] =
#include "listed.nft.h"
    "add rule inet %1$s to-%2$s ip daddr @hosts-%2$s return\n"
    "add rule inet %1$s to-%2$s ip daddr @nets-%2$s return\n"
    "add rule inet %1$s to-%2$s reject with icmpx admin-prohibited\n"
    "add element inet %1$s listed { %3$s : jump to-%2$s }";

/* ret_output: NULL, or what a listing said, with the rules' handles, the caller's to free. */
__attribute__((format(printf, 4, 5))) static int run(struct bg_reply *f, const char *step,
                                                     char **ret_output, const char *format, ...)
{
    struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
    char *text = NULL;
    va_list ap;
    va_start(ap, format);
    if (!ctx || vasprintf(&text, format, ap) < 0)
        bg_fail(f, BG_SYSTEM, ENOMEM, "%s: no memory", step);
    va_end(ap);
    if (!text)
        return -1;
    nft_ctx_buffer_error(ctx);
    nft_ctx_buffer_output(ctx);
    nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_HANDLE);
    int result = nft_run_cmd_from_buffer(ctx, text);
    if (result != 0)
        bg_fail(f, BG_SYSTEM, 0, "%s: %.120s", step, nft_ctx_get_error_buffer(ctx));
    else if (ret_output)
        *ret_output = strdup(nft_ctx_get_output_buffer(ctx));
    free(text);
    nft_ctx_free(ctx);
    return result == 0 ? 0 : -1;
}

int bg_nft_up(struct bg_helper *h, const struct bg_net *net, struct bg_reply *f)
{
    return run(f, "write the nft tables", NULL, tables, net->names.table, net->names.bridge,
               bg_name("bg%.8s-t", h->instance).s, bg_address(net->names.gateway).s,
               bg_name("%s/%u", bg_address(net->subnet).s, net->prefix).s);
}

int bg_nft_down(const struct bg_net *net, struct bg_reply *f)
{
    return run(f, "remove the nft tables", NULL,
               "add table inet %1$s; delete table inet %1$s; "
               "add table bridge %1$s; delete table bridge %1$s",
               net->names.table);
}

bool bg_nft_is_up(const struct bg_net *net)
{
    /* One at a time: of two families in one command libnftables reads one, and the other's table is not found. */
    return run(NULL, "look", NULL, "list map inet %s listed", net->names.table) == 0 &&
           run(NULL, "look", NULL, "list set bridge %s guests6", net->names.table) == 0;
}

int bg_nft_beside_docker(const struct bg_net *net, bool wanted, struct bg_reply *f)
{
    char text[2048] = "", *chain = NULL;
    unsigned handle, found = 0;
    size_t n = 0;
    struct bg_name mark = bg_name("comment \"%s\"", net->names.table);
    if (run(NULL, "look", &chain, "list chain ip filter DOCKER-USER") < 0 || !chain)
        return 0;
    for (const char *at = chain; (at = strstr(at, mark.s)) && n < sizeof(text) / 2; at++)
        if (sscanf(at + strlen(mark.s), " # handle %u", &handle) == 1 && ++found)
            n += (size_t)snprintf(text + n, sizeof(text) - n,
                                  "delete rule ip filter DOCKER-USER handle %u\n", handle);
    free(chain);
    if (found == (wanted ? 2 : 0))
        return 0;
    for (int out = 0; wanted && out < 2; out++)
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "insert rule ip filter DOCKER-USER %s \"%s\" counter accept %s\n",
                              out ? "oifname" : "iifname", net->names.bridge, mark.s);
    return run(f, "write the rules in DOCKER-USER", NULL, "%s", text);
}

#define bg_number(slot) bg_name("%03x", (slot)&0xfff) /* as in the tap's name */

int bg_nft_tap(struct bg_helper *h, const struct bg_net *net, const struct bg_vm *vm, bool here,
               struct bg_reply *f)
{
    const uint32_t reach = vm->tap_reach;
    struct bg_net_names n = bg_net_names(h->instance, net->subnet, vm->slot);
    struct bg_batch b = {.n = 0};
    struct {
        char tap[16];
        uint8_t mac[8];
        uint32_t address;
    } guest = {.address = htonl(n.address)};
    if (here && reach == BG_V_listed &&
        run(f, "write the VM's list in nft", NULL, listed, n.table, bg_number(vm->slot).s,
            bg_address(n.address).s) < 0)
        return -1;
    memcpy(guest.tap, n.tap, strlen(n.tap)); /* padded with NULs, as the kernel compares it */
    memcpy(guest.mac, n.mac, sizeof(n.mac));
    const struct {
        struct bg_element e;
        bool wanted;
    } sets[] = {
        {{NFPROTO_INET, "offline", &guest.address, NULL, 4, 0, 0, false}, reach == BG_V_offline},
        {{NFPROTO_INET, "alone", &guest.address, NULL, 4, 0, 0, false}, reach != BG_V_open},
        {{NFPROTO_BRIDGE, "alone", guest.tap, NULL, 16, 0, 0, false}, reach != BG_V_open},
        {{NFPROTO_BRIDGE, "guests6", &guest, NULL, sizeof(guest), 0, 0, false}, reach == BG_V_open},
        {{NFPROTO_BRIDGE, "guests", &guest, NULL, sizeof(guest), 0, 0, false}, true}};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        if (!here || sets[i].wanted)
            bg_batch_add(&b, n.table, &sets[i].e, here);
    int error = bg_batch_commit(&b);
    if (error < 0 && (here || error != -ENOENT))
        return bg_step(f, here ? "admit the tap to nft" : "dismiss the tap from nft", error);
    if (error < 0 || here || reach != BG_V_listed)
        return 0;
    return run(f, "remove the VM's list from nft", NULL, unlisted, n.table, bg_number(vm->slot).s,
               bg_address(n.address).s);
}

int bg_nft_allow(const struct bg_net *net, uint32_t slot, uint32_t network, uint32_t prefix,
                 uint32_t seconds, struct bg_reply *f)
{
    struct bg_batch b = {.n = 0};
    uint32_t first = htonl(network), behind = htonl(network + (UINT32_C(1) << (32 - prefix)));
    struct bg_name set = bg_name("%s-%s", seconds ? "hosts" : "nets", bg_number(slot).s);
    struct bg_element e = {.family = NFPROTO_INET, .set = set.s, .key = &first, .key_size = 4};
    e.timeout_ms = (uint64_t)seconds * 1000;
    if (seconds) /* anew, or the time that it has would stay */
        bg_batch_add(&b, net->names.table, &e, false);
    bg_batch_add(&b, net->names.table, &e, true);
    e.key = &behind;
    e.end = true;
    if (!seconds && behind != 0)
        bg_batch_add(&b, net->names.table, &e, true);
    return bg_step(f, "allow the network in nft", bg_batch_commit(&b));
}

int bg_nft_port(struct bg_helper *h, const struct bg_net *net, const struct bg_port *p, bool here,
                struct bg_reply *f)
{
    struct bg_net_names n = bg_net_names(h->instance, net->subnet, p->slot);
    struct bg_batch b = {.n = 0};
    uint32_t key[] = {0, htons((uint16_t)p->host_port)},
             data[] = {0, htons((uint16_t)p->guest_port)};
    struct bg_element e = {NFPROTO_INET, "local_ports", key, data, 8, 8, 0, false};
    *(uint8_t *)key = p->proto == BG_V_udp ? IPPROTO_UDP : IPPROTO_TCP;
    data[0] = htonl(n.address);
    for (int both = 0; both < 2; both++, e.set = "ports")
        if (!here || !both || !p->local_only)
            bg_batch_add(&b, n.table, &e, here);
    int error = bg_batch_commit(&b);
    if (error == -ENOENT && !here)
        return 0;
    return bg_step(f, here ? "publish the port in nft" : "withdraw the port from nft", error);
}
