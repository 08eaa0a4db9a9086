/* banger.rt.tty: see tty.h. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "lua_util.h"
#include "modules.h"
#include "tty.h"

#define RAW_CLASS "banger.tty.Raw"

static int tty_is(lua_State *L)
{
    lua_pushboolean(L, isatty(bg_lfd(L, 1)));
    return 1;
}

static int tty_size(lua_State *L)
{
    struct winsize size;

    if (ioctl(bg_lfd(L, 1), TIOCGWINSZ, &size) < 0)
        return 0;
    lua_pushinteger(L, size.ws_col);
    lua_pushinteger(L, size.ws_row);
    return 2;
}

static int raw_restore(lua_State *L)
{
    bg_tty_restore(luaL_checkudata(L, 1, RAW_CLASS));
    return 0;
}

static int raw_gc(lua_State *L)
{
    bg_tty_restore(lua_touserdata(L, 1));
    return 0;
}

static int tty_raw(lua_State *L)
{
    static const luaL_Reg methods[] = {{"restore", raw_restore}, {NULL, NULL}};
    int fd = bg_lfd(L, 1);
    bool keep_output = lua_toboolean(L, 2);
    struct bg_tty *tty = lua_newuserdata(L, sizeof(*tty));
    struct bg_err err;

    tty->fd = -1;
    bg_lclass(L, RAW_CLASS, methods, raw_gc);
    lua_setmetatable(L, -2);
    return bg_tty_raw(fd, keep_output, tty, &err) < 0 ? bg_lfail(L, &err) : 1;
}

static const luaL_Reg tty_functions[] = {
    {"is", tty_is},
    {"size", tty_size},
    {"raw", tty_raw},
    {NULL, NULL},
};

int luaopen_banger_rt_tty(lua_State *L)
{
    lua_createtable(L, 0, 3);
    luaL_register(L, NULL, tty_functions);
    return 1;
}
