/* The list of C modules. Nothing runs until a module is required. */
#include "modules.h"

#include <lua-cjson.h>

#include "loader.h"
#include "util.h"
#include "uv_hook.h"

extern int luaopen_cjson_safe(lua_State *L); /* lua-cjson.h declares only luaopen_cjson */

static const luaL_Reg modules[] = {
    {"banger.rt.build", luaopen_banger_rt_build},
    {"banger.rt.signature", luaopen_banger_rt_signature},
    {"banger.rt.sqlite", luaopen_banger_rt_sqlite},
    {"banger.rt.tty", luaopen_banger_rt_tty},
    {"banger.rt.sys", luaopen_banger_rt_sys},
    {"banger.rt.sock", luaopen_banger_rt_sock},
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
