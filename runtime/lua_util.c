/* Checks, results and buffers of the bindings. */
#include "lua_util.h"

#include <signal.h>
#include <string.h>

/* Push banger.core.err's constructor, loading the module at the first error of the state. */
static void push_error_constructor(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "banger.core.err");
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        lua_getglobal(L, "require");
        lua_pushliteral(L, "banger.core.err");
        lua_call(L, 1, 1);
    }
    lua_getfield(L, -1, "new");
    lua_replace(L, -3);
    lua_pop(L, 1);
}

int bg_lfail(lua_State *L, const struct bg_err *err)
{
    const char *errno_name = bg_errno_name(err->sys);

    luaL_checkstack(L, 8, NULL);
    lua_pushnil(L);
    push_error_constructor(L);
    lua_pushstring(L, err->code);
    lua_pushstring(L, err->message);
    lua_newtable(L);
    if (errno_name != NULL)
        bg_lset_string(L, "errno", errno_name);
    lua_call(L, 3, 1);
    return 2;
}

int bg_lresult_true(lua_State *L, int result, const struct bg_err *err)
{
    if (result < 0)
        return bg_lfail(L, err);
    lua_pushboolean(L, true);
    return 1;
}

int bg_lresult_integer(lua_State *L, long result, const struct bg_err *err)
{
    if (result < 0)
        return bg_lfail(L, err);
    lua_pushnumber(L, (lua_Number)result);
    return 1;
}

long long bg_linteger(lua_State *L, int arg, long long min, long long max)
{
    lua_Number number;

    luaL_checktype(L, arg, LUA_TNUMBER);
    number = lua_tonumber(L, arg);
    /*
     * Doubles hold every integer up to 2^53; both bounds of all callers are within. NaN fails
     * both comparisons.
     */
    if (!(number >= (lua_Number)min && number <= (lua_Number)max) ||
        number != (lua_Number)(long long)number)
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "a whole number from %f to %f expected, got %f",
                                      (lua_Number)min, (lua_Number)max, number));
    return (long long)number;
}

long long bg_loptinteger(lua_State *L, int arg, long long min, long long max, long long otherwise)
{
    return lua_isnoneornil(L, arg) ? otherwise : bg_linteger(L, arg, min, max);
}

int bg_lfd(lua_State *L, int arg)
{
    return (int)bg_linteger(L, arg, 0, 0x7fffffff);
}

const char *bg_ltext(lua_State *L, int arg)
{
    size_t size;
    const char *text;

    luaL_checktype(L, arg, LUA_TSTRING);
    text = lua_tolstring(L, arg, &size);
    luaL_argcheck(L, size > 0, arg, "must not be empty");
    luaL_argcheck(L, strlen(text) == size, arg, "must not hold a NUL byte");
    return text;
}

int bg_lsignal(lua_State *L, int arg)
{
    const char *name = bg_ltext(L, arg);

    for (int number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (known != NULL && strcmp(known, name) == 0)
            return number;
    }
    return luaL_argerror(L, arg, "a signal's name without SIG expected, as in TERM");
}

static int buf_gc(lua_State *L)
{
    bg_buf_free(lua_touserdata(L, 1));
    return 0;
}

struct bg_buf *bg_lbuf(lua_State *L)
{
    struct bg_buf *buf = lua_newuserdata(L, sizeof(*buf));

    *buf = (struct bg_buf){0};
    bg_lclass(L, "banger.buf", NULL, buf_gc);
    lua_setmetatable(L, -2);
    return buf;
}

void bg_lset_integer(lua_State *L, const char *name, long long value)
{
    lua_pushnumber(L, (lua_Number)value);
    lua_setfield(L, -2, name);
}

void bg_lset_string(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

void bg_lclass(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc)
{
    if (luaL_newmetatable(L, name) == 0)
        return;
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    if (methods != NULL)
        luaL_register(L, NULL, methods);
    lua_setfield(L, -2, "__index");
}
