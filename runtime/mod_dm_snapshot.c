/* banger.rt.dm_snapshot: see dmsnap.h. */
#include "dmsnap.h"
#include "lua_util.h"
#include "modules.h"

static int dm_parse_status(lua_State *L)
{
    static const char *const states[] = {
        [BG_DMSNAP_OK] = "ok",
        [BG_DMSNAP_INVALID] = "invalid",
        [BG_DMSNAP_OVERFLOW] = "overflow",
        [BG_DMSNAP_MERGE_FAILED] = "merge_failed",
    };
    struct bg_dmsnap_status status;
    struct bg_err err;

    if (bg_dmsnap_parse_status(bg_ltext(L, 1), &status, &err) < 0)
        return bg_lfail(L, &err);
    lua_createtable(L, 0, 3);
    bg_lset_string(L, "state", states[status.state]);
    if (status.state == BG_DMSNAP_OK) {
        bg_lset_integer(L, "used", (long long)status.used);
        bg_lset_integer(L, "total", (long long)status.total);
    }
    return 1;
}

static int dm_store_size(lua_State *L)
{
    uint64_t origin = (uint64_t)bg_linteger(L, 1, 1, 1LL << 50);

    lua_pushnumber(L, (lua_Number)bg_dmsnap_store_size(origin));
    return 1;
}

static const luaL_Reg dm_functions[] = {
    {"parse_status", dm_parse_status},
    {"store_size", dm_store_size},
    {NULL, NULL},
};

int luaopen_banger_rt_dm_snapshot(lua_State *L)
{
    lua_createtable(L, 0, 2);
    luaL_register(L, NULL, dm_functions);
    return 1;
}
