/* Pure derivations; see names.h. Lengths are checked by names' own limits: an instance has at most
 * 8 characters. */
#include "names.h"
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool bg_valid_instance(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789");
    return n >= 1 && n <= BG_INSTANCE_MAX && s[n] == 0 && s[0] >= 'a' && strcmp(s, "root") != 0;
}

static void mac_of(uint8_t ret[6], uint32_t address)
{
    uint32_t wire = htobe32(address);
    memcpy(ret, "\x02\xb6", 2);
    memcpy(ret + 2, &wire, sizeof(wire));
}

struct bg_net_names bg_net_names(const char *instance, uint32_t subnet, uint32_t slot)
{
    struct bg_net_names n = {.gateway = subnet + 1, .address = subnet + 2 + slot};
    snprintf(n.bridge, sizeof(n.bridge), "bg%.8s-br", instance);
    snprintf(n.tap, sizeof(n.tap), "bg%.8s-t%03x", instance, slot & 0xfff);
    snprintf(n.table, sizeof(n.table), "banger-%.8s", instance);
    mac_of(n.mac, n.address);
    mac_of(n.bridge_mac, n.gateway);
    return n;
}

uint32_t bg_slots(uint32_t prefix)
{
    uint32_t slots = (UINT32_C(1) << (32 - prefix)) - 4;
    return slots < 4092 ? slots : 4092;
}

bool bg_private_subnet(uint32_t subnet, uint32_t prefix)
{
    if (prefix < 16 || prefix > 24 || (subnet & ((UINT32_C(1) << (32 - prefix)) - 1)) != 0)
        return false;
    return subnet >> 24 == 10 || subnet >> 20 == 0xac1 || subnet >> 16 == 0xc0a8;
}

struct bg_name bg_name(const char *format, ...)
{
    struct bg_name n;
    va_list ap;
    va_start(ap, format);
    vsnprintf(n.s, sizeof(n.s), format, ap);
    va_end(ap);
    return n;
}

struct bg_name bg_place(const char *stem, const char *instance)
{
    return strcmp(instance, "main") == 0 ? bg_name("%s", stem) : bg_name("%s-%.8s", stem, instance);
}
