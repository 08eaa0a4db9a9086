/*
 * What every binding (mod_*.c) uses: argument checks, results, buffers.
 *
 * A binding has three steps: check the arguments (misuse raises, at the caller's line), call
 * the core, push the results. lua_push* can raise when memory is out, and a raise skips the
 * rest of the C function. So nothing that needs a release may be held by a plain local while
 * Lua is called: it is in a userdata with __gc (bg_lbuf), or in a local with a cleanup
 * attribute, which runs on a raise because the runtime is compiled with -fexceptions and LuaJIT
 * unwinds C frames.
 */
#ifndef BG_LUA_UTIL_H
#define BG_LUA_UTIL_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "buf.h"
#include "err.h"

/*
 * Push nil and the error object that banger.core.err makes of `err`; returns 2, for `return
 * bg_lfail(L, &err)`.
 */
int bg_lfail(lua_State *L, const struct bg_err *err);

/* result < 0: bg_lfail; otherwise push true. */
int bg_lresult_true(lua_State *L, int result, const struct bg_err *err);

/* result < 0: bg_lfail; otherwise push it as an integer (a descriptor, a count). */
int bg_lresult_integer(lua_State *L, long result, const struct bg_err *err);

/* A whole number within min..max, or an argument error that names the range. */
long long bg_linteger(lua_State *L, int arg, long long min, long long max);
long long bg_loptinteger(lua_State *L, int arg, long long min, long long max, long long otherwise);

/* A descriptor number. */
int bg_lfd(lua_State *L, int arg);

/* A string without NUL bytes and not empty: what a path or a name may be. */
const char *bg_ltext(lua_State *L, int arg);

/* A signal by its name without SIG ("TERM"), as its number. */
int bg_lsignal(lua_State *L, int arg);

/*
 * Push a userdata that frees the buffer when it is collected, and return the (empty) buffer in
 * it.
 */
struct bg_buf *bg_lbuf(lua_State *L);

/* t[name] = value, for the table on top of the stack. */
void bg_lset_integer(lua_State *L, const char *name, long long value);
void bg_lset_string(lua_State *L, const char *name, const char *value);

/*
 * Make the metatable of a userdata class on first use and leave it on the stack: methods in
 * __index, `gc` as __gc, and no access to the metatable from Lua.
 */
void bg_lclass(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc);

#endif
