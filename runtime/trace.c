/*
 * From Lua errors to struct banger_error, without allocating and without metamethods: either
 * could raise again.
 */
#include "trace.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int bg_trace(lua_State *L)
{
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    luaL_traceback(L, L, lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : NULL, 1);
    lua_rawseti(L, -2, 2);
    return 1;
}

/*
 * Copy a string field of the table at `index` (absolute) into a fixed buffer; whether it was
 * there. By iteration: looking it up would push the name, which can raise when memory is out,
 * and nothing protects us here.
 */
static bool copy_field(lua_State *L, int index, const char *name, char *to, size_t capacity)
{
    bool found = false;

    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        if (!found && lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING &&
            strcmp(lua_tostring(L, -2), name) == 0) {
            snprintf(to, capacity, "%s", lua_tostring(L, -1));
            found = true;
        }
        lua_pop(L, 1);
    }
    return found;
}

static void describe_value(lua_State *L, int index, struct banger_error *error)
{
    if (lua_istable(L, index) && copy_field(L, index, "code", error->code, sizeof(error->code)) &&
        copy_field(L, index, "message", error->message, sizeof(error->message))) {
        copy_field(L, index, "remedy", error->remedy, sizeof(error->remedy));
        copy_field(L, index, "traceback", error->traceback, sizeof(error->traceback));
        return;
    }
    snprintf(error->code, sizeof(error->code), "internal");
    if (lua_type(L, index) == LUA_TSTRING)
        snprintf(error->message, sizeof(error->message), "%s", lua_tostring(L, index));
    else
        snprintf(error->message, sizeof(error->message), "a %s was raised",
                 luaL_typename(L, index));
}

void bg_trace_error(lua_State *L, struct banger_error *error)
{
    int failure = lua_gettop(L);

    memset(error, 0, sizeof(*error));
    lua_pushnil(L);
    if (lua_istable(L, failure)) {
        lua_rawgeti(L, failure, 2);
        lua_replace(L, failure + 1);
    }
    if (lua_type(L, failure + 1) == LUA_TSTRING) {
        lua_rawgeti(L, failure, 1);
        describe_value(L, lua_gettop(L), error);
        if (strcmp(error->code, "internal") == 0 && error->traceback[0] == '\0')
            snprintf(error->traceback, sizeof(error->traceback), "%s",
                     lua_tostring(L, failure + 1));
    } else {
        describe_value(L, failure, error);
    }
    lua_settop(L, failure - 1);
}
