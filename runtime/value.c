/*
 * Tables cross as JSON text, so that the border has five kinds of value and no handles that
 * somebody must release.
 */
#include "value.h"

#include <lauxlib.h>

/* Push what cjson's `function` makes of the value on top of the stack, in its place. */
static void through_json(lua_State *L, const char *function)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "cjson");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, function);
    lua_replace(L, -2);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
}

void bg_value_push(lua_State *L, const struct banger_value *value)
{
    luaL_checkstack(L, 8, "too many arguments");
    switch (value->type) {
    case BANGER_NIL:
        lua_pushnil(L);
        return;
    case BANGER_BOOLEAN:
        lua_pushboolean(L, value->boolean);
        return;
    case BANGER_NUMBER:
        lua_pushnumber(L, value->number);
        return;
    case BANGER_STRING:
        lua_pushlstring(L, value->bytes, value->size);
        return;
    case BANGER_JSON:
        lua_pushlstring(L, value->bytes, value->size);
        through_json(L, "decode");
        return;
    }
    luaL_error(L, "a value of the host has the unknown type %d", (int)value->type);
}

void bg_value_read(lua_State *L, int index, struct banger_value *ret_value)
{
    struct banger_value value = {.type = BANGER_NIL};

    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TNONE:
        break;
    case LUA_TBOOLEAN:
        value.type = BANGER_BOOLEAN;
        value.boolean = lua_toboolean(L, index);
        break;
    case LUA_TNUMBER:
        value.type = BANGER_NUMBER;
        value.number = lua_tonumber(L, index);
        break;
    case LUA_TSTRING:
        value.type = BANGER_STRING;
        value.bytes = lua_tolstring(L, index, &value.size);
        break;
    case LUA_TTABLE:
        value.type = BANGER_JSON;
        lua_pushvalue(L, index);
        through_json(L, "encode");
        lua_replace(L, index);
        value.bytes = lua_tolstring(L, index, &value.size);
        break;
    default:
        luaL_error(L, "a %s cannot be given to the host", luaL_typename(L, index));
    }
    *ret_value = value;
}
