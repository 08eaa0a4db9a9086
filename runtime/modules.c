/* The list of C modules. Nothing runs until a module is required. */
#include "modules.h"

#include <lua-cjson.h>

#include "loader.h"
#include "util.h"
#include "uv_hook.h"

extern int luaopen_cjson_safe(lua_State *L); /* lua-cjson.h declares only luaopen_cjson */

static const luaL_Reg modules[] = {
    {"banger.rt.build", luaopen_banger_rt_build},
    {"banger.rt.dm_snapshot", luaopen_banger_rt_dm_snapshot},
    {"banger.rt.helper", luaopen_banger_rt_helper},
    {"banger.rt.http", luaopen_banger_rt_http},
    {"banger.rt.jailer", luaopen_banger_rt_jailer},
    {"banger.rt.pidfile", luaopen_banger_rt_pidfile},
    {"banger.rt.signature", luaopen_banger_rt_signature},
    {"banger.rt.sock", luaopen_banger_rt_sock},
    {"banger.rt.sqlite", luaopen_banger_rt_sqlite},
    {"banger.rt.sys", luaopen_banger_rt_sys},
    {"banger.rt.tap", luaopen_banger_rt_tap},
    {"banger.rt.tty", luaopen_banger_rt_tty},
    {"cjson", luaopen_cjson},
    {"cjson.safe", luaopen_cjson_safe},
    {"luv", bg_uv_open},
};

void bg_modules_preload(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
    for (size_t i = 0; i < BG_COUNT(modules); i++) {
        lua_pushcfunction(L, modules[i].func);
        lua_setfield(L, -2, modules[i].name);
    }
    lua_pop(L, 1);
}
