/*
 * banger.rt.tap: what follows from instance, subnet and slot, by the helper's own code
 * (helper/names.c).
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "../helper/names.h"
#include "../helper/wire.h"
#include "lua_util.h"
#include "modules.h"

static int tap_derive(lua_State *L)
{
    const char *instance = bg_ltext(L, 1);
    const char *subnet = bg_ltext(L, 2);
    uint32_t slot = (uint32_t)bg_linteger(L, 3, 0, BG_SLOT_MAX);
    struct in_addr address;
    char text[18];

    luaL_argcheck(L, bg_valid_instance(instance), 1, "not the name of an instance");
    luaL_argcheck(L, inet_pton(AF_INET, subnet, &address) == 1, 2,
                  "an IPv4 address such as 10.1.0.0 expected");
    struct bg_net_names names = bg_net_names(instance, ntohl(address.s_addr), slot);
    lua_createtable(L, 0, 5);
    bg_lset_string(L, "ifname", names.tap);
    bg_lset_string(L, "bridge", names.bridge);
    bg_lset_string(L, "address", bg_address(names.address).s);
    bg_lset_string(L, "gateway", bg_address(names.gateway).s);
    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", names.mac[0], names.mac[1],
             names.mac[2], names.mac[3], names.mac[4], names.mac[5]);
    bg_lset_string(L, "mac", text);
    return 1;
}

int luaopen_banger_rt_tap(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, tap_derive);
    lua_setfield(L, -2, "derive");
    return 1;
}
