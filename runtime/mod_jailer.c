/* banger.rt.jailer: see jail.h. */
#include <limits.h>

#include "jail.h"
#include "lua_util.h"
#include "modules.h"

static int jailer_jail_root(lua_State *L)
{
    const char *base = bg_ltext(L, 1);
    const char *exec_name = bg_ltext(L, 2);
    size_t id_size;
    const char *id = luaL_checklstring(L, 3, &id_size);
    char path[PATH_MAX];

    luaL_argcheck(L, bg_jail_valid_id(id, id_size), 3, "not an id that the jailer takes");
    if (bg_jail_root(base, exec_name, id, path, sizeof(path)) < 0)
        return luaL_argerror(L, 1, "too long");
    lua_pushstring(L, path);
    return 1;
}

static int jailer_valid_id(lua_State *L)
{
    size_t size;
    const char *id = luaL_checklstring(L, 1, &size);

    lua_pushboolean(L, bg_jail_valid_id(id, size));
    return 1;
}

static int jailer_describe_exit(lua_State *L)
{
    int code = (int)bg_linteger(L, 1, -1, 255);
    int signal = (int)bg_loptinteger(L, 2, 0, 64, 0);
    char text[160];

    bg_jail_describe_exit(code, signal, text);
    lua_pushstring(L, text);
    return 1;
}

static const luaL_Reg jailer_functions[] = {
    {"jail_root", jailer_jail_root},
    {"valid_id", jailer_valid_id},
    {"describe_exit", jailer_describe_exit},
    {NULL, NULL},
};

int luaopen_banger_rt_jailer(lua_State *L)
{
    lua_createtable(L, 0, 3);
    luaL_register(L, NULL, jailer_functions);
    return 1;
}
