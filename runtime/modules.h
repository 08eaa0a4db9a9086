/*
 * The C modules that `require` finds in every runtime; lua/banger/types_rt.lua says what each
 * holds.
 */
#ifndef BG_MODULES_H
#define BG_MODULES_H

#include <lauxlib.h>
#include <lua.h>

/* Put all of them, luv (with our callback hook) and cjson into package.preload. */
void bg_modules_preload(lua_State *L);

extern const luaL_Reg bg_sys_files[]; /* the part of banger.rt.sys that is about files */
extern const luaL_Reg bg_sys_place[]; /* putting files and links into place */

int luaopen_banger_rt_dm_snapshot(lua_State *L);
int luaopen_banger_rt_helper(lua_State *L);
int luaopen_banger_rt_http(lua_State *L);
int luaopen_banger_rt_jailer(lua_State *L);
int luaopen_banger_rt_pidfile(lua_State *L);
int luaopen_banger_rt_signature(lua_State *L);
int luaopen_banger_rt_sock(lua_State *L);
int luaopen_banger_rt_sqlite(lua_State *L);
int luaopen_banger_rt_sys(lua_State *L);
int luaopen_banger_rt_tap(lua_State *L);
int luaopen_banger_rt_tty(lua_State *L);

#endif
