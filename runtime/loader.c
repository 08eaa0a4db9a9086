/* Where Lua code comes from: the program itself, and text that the user names. */
#include "loader.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "embed.h"

static const struct bg_source *find_source(const char *module)
{
    for (size_t i = 0; i < bg_source_count; i++)
        if (strcmp(bg_sources[i].module, module) == 0)
            return &bg_sources[i];
    return NULL;
}

#ifdef BANGER_DEV
/*
 * Development builds read the tree instead, when BANGER_LUA_DIR names it. Returns whether a
 * loader was pushed.
 */
static int load_from_tree(lua_State *L, const struct bg_source *source)
{
    const char *tree = getenv("BANGER_LUA_DIR");

    if (tree == NULL)
        return 0;
    lua_pushfstring(L, "%s/%s", tree, source->chunk + 1);
    if (luaL_loadfilex(L, lua_tostring(L, -1), "t") != 0)
        lua_error(L);
    return 1;
}
#else
static int load_from_tree(lua_State *L, const struct bg_source *source)
{
    (void)L;
    (void)source;
    return 0;
}
#endif

static int search_sources(lua_State *L)
{
    const char *module = luaL_checkstring(L, 1);
    const struct bg_source *source = find_source(module);

    if (source == NULL) {
        lua_pushfstring(L, "\n\tno module '%s' inside the program", module);
        return 1;
    }
    if (load_from_tree(L, source))
        return 1;
    if (luaL_loadbufferx(L, source->begin, (size_t)(source->end - source->begin), source->chunk,
                         "bt") != 0)
        return lua_error(L);
    return 1;
}

/* Lua's own searcher for package.path takes bytecode; this one does not. */
static int search_path(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchpath");
    lua_pushvalue(L, 1);
    lua_getfield(L, -3, "path");
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2))
        return 1; /* the list of files tried */
    if (luaL_loadfilex(L, lua_tostring(L, -2), "t") != 0)
        return lua_error(L);
    return 1;
}

/*
 * load, loadstring and loadfile have their mode at argument 2 or 3 (the upvalue tells), and
 * only "t" is allowed.
 */
static int load_text(lua_State *L)
{
    int mode = (int)lua_tointeger(L, lua_upvalueindex(2));

    if (lua_gettop(L) < mode)
        lua_settop(L, mode);
    lua_pushliteral(L, "t");
    lua_replace(L, mode);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int dofile_text(lua_State *L)
{
    const char *path = luaL_optstring(L, 1, NULL);

    lua_settop(L, 1);
    if (luaL_loadfilex(L, path, "t") != 0)
        return lua_error(L);
    lua_call(L, 0, LUA_MULTRET);
    return lua_gettop(L) - 1;
}

static void refuse_bytecode(lua_State *L)
{
    static const struct {
        const char *name;
        int mode;
    } functions[] = {{"load", 3}, {"loadstring", 3}, {"loadfile", 2}};

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        lua_getglobal(L, functions[i].name);
        lua_pushinteger(L, functions[i].mode);
        lua_pushcclosure(L, load_text, 2);
        lua_setglobal(L, functions[i].name);
    }
    lua_pushcfunction(L, dofile_text);
    lua_setglobal(L, "dofile");
}

void bg_loader_install(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_pushnil(L);
    lua_setfield(L, -2, "loadlib");
    /* require keeps its own reference to this very table: change its slots, do not replace it. */
    lua_getfield(L, -1, "loaders");
    lua_pushcfunction(L, search_sources);
    lua_rawseti(L, -2, 2); /* 1 is preload */
    lua_pushcfunction(L, search_path);
    lua_rawseti(L, -2, 3);
    lua_pushnil(L);
    lua_rawseti(L, -2, 4);
    lua_pop(L, 2);
    refuse_bytecode(L);
}

static int build_modules(lua_State *L)
{
    lua_createtable(L, (int)bg_source_count, 0);
    for (size_t i = 0; i < bg_source_count; i++) {
        lua_pushstring(L, bg_sources[i].module);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

int luaopen_banger_rt_build(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, bg_version);
    lua_setfield(L, -2, "version");
    lua_pushcfunction(L, build_modules);
    lua_setfield(L, -2, "modules");
    return 1;
}
