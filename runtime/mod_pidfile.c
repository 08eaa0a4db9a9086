/* banger.rt.pidfile: see pidfile.h. */
#include "lua_util.h"
#include "modules.h"
#include "pidfile.h"

static int pidfile_acquire(lua_State *L)
{
    struct bg_err err;

    return bg_lresult_integer(L, bg_pidfile_acquire(bg_ltext(L, 1), &err), &err);
}

static int pidfile_holder(lua_State *L)
{
    struct bg_pidfile_holder holder;
    struct bg_err err;

    if (bg_pidfile_holder(bg_ltext(L, 1), &holder, &err) < 0)
        return bg_lfail(L, &err);
    lua_createtable(L, 0, 2);
    bg_lset_integer(L, "pid", holder.pid);
    bg_lset_integer(L, "start", (long long)holder.start);
    return 1;
}

static int pidfile_signal(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    int signal = bg_lsignal(L, 2);
    struct bg_err err;

    return bg_lresult_true(L, bg_pidfile_signal(path, signal, &err), &err);
}

static const luaL_Reg pidfile_functions[] = {
    {"acquire", pidfile_acquire},
    {"holder", pidfile_holder},
    {"signal", pidfile_signal},
    {NULL, NULL},
};

int luaopen_banger_rt_pidfile(lua_State *L)
{
    lua_createtable(L, 0, 3);
    luaL_register(L, NULL, pidfile_functions);
    return 1;
}
