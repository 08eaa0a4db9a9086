/*
 * Entry for specs: busted runs under a plain luajit, which loads build/spec/banger.so by
 * `require "banger.rt"`. From then on the runtime's C modules, and luv and cjson as the runtime
 * has them, are there; Lua modules come from the tree.
 */
#include "modules.h"

__attribute__((visibility("default"))) int luaopen_banger_rt(lua_State *L);

int luaopen_banger_rt(lua_State *L)
{
    bg_modules_preload(L);
    lua_newtable(L);
    return 1;
}
