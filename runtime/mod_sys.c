/*
 * banger.rt.sys: processes, users, time, and the service's start; the part about files is in
 * mod_sys_file.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "background.h"
#include "kvm.h"
#include "lua_util.h"
#include "modules.h"
#include "proc.h"
#include "spin_hook.h"
#include "uv_hook.h"

#define RANDOM_MAX 65536

static int sys_getpid(lua_State *L)
{
    lua_pushinteger(L, getpid());
    return 1;
}

static int sys_getuid(lua_State *L)
{
    lua_pushnumber(L, getuid());
    return 1;
}

static int sys_geteuid(lua_State *L)
{
    lua_pushnumber(L, geteuid());
    return 1;
}

static int sys_user(lua_State *L)
{
    const char *name = lua_type(L, 1) == LUA_TNUMBER ? NULL : bg_ltext(L, 1);
    uid_t uid = name != NULL ? 0 : (uid_t)bg_linteger(L, 1, 0, 0xffffffffLL);
    struct bg_buf *text = bg_lbuf(L);
    struct bg_user user;
    struct bg_err err;

    if (bg_proc_user(name, uid, &user, &err) < 0)
        return bg_lfail(L, &err);
    *text = user.text;
    lua_createtable(L, 0, 4);
    bg_lset_string(L, "name", user.name);
    bg_lset_string(L, "home", user.home);
    bg_lset_integer(L, "uid", user.uid);
    bg_lset_integer(L, "gid", user.gid);
    return 1;
}

static int sys_boot_id(lua_State *L)
{
    char id[33];
    struct bg_err err;

    if (bg_proc_boot_id(id, &err) < 0)
        return luaL_error(L, "%s", err.message);
    lua_pushstring(L, id);
    return 1;
}

static int push_clock(lua_State *L, clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
    return 1;
}

static int sys_monotonic(lua_State *L)
{
    return push_clock(L, CLOCK_MONOTONIC);
}

static int sys_time(lua_State *L)
{
    return push_clock(L, CLOCK_REALTIME);
}

static int sys_random(lua_State *L)
{
    size_t want = (size_t)bg_linteger(L, 1, 0, RANDOM_MAX);
    char bytes[RANDOM_MAX];

    for (size_t have = 0; have < want;) {
        ssize_t n = getrandom(bytes + have, want - have, 0);
        if (n < 0 && errno != EINTR)
            return luaL_error(L, "getrandom failed");
        have += n < 0 ? 0 : (size_t)n;
    }
    lua_pushlstring(L, bytes, want);
    return 1;
}

static int sys_pidfd(lua_State *L)
{
    pid_t pid = (pid_t)bg_linteger(L, 1, 1, 0x7fffffff);
    struct bg_err err;

    return bg_lresult_integer(L, bg_proc_pidfd(pid, &err), &err);
}

static int sys_pidfd_signal(lua_State *L)
{
    int fd = bg_lfd(L, 1);
    int signal = bg_lsignal(L, 2);
    struct bg_err err;

    return bg_lresult_true(L, bg_proc_signal(fd, signal, &err), &err);
}

static int sys_proc(lua_State *L)
{
    pid_t pid = (pid_t)bg_linteger(L, 1, 1, 0x7fffffff);
    struct bg_proc proc;
    struct bg_err err;

    if (bg_proc_read(pid, &proc, &err) < 0)
        return bg_lfail(L, &err);
    lua_createtable(L, 0, 5);
    bg_lset_integer(L, "start", (long long)proc.start);
    bg_lset_integer(L, "ppid", proc.ppid);
    bg_lset_integer(L, "uid", proc.uid);
    lua_pushlstring(L, &proc.state, 1);
    lua_setfield(L, -2, "state");
    if (proc.exe[0] != '\0')
        bg_lset_string(L, "exe", proc.exe);
    return 1;
}

static int sys_kvm(lua_State *L)
{
    struct bg_err err;

    return bg_lresult_true(L, bg_kvm_probe(&err), &err);
}

static int sys_umask(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)umask((mode_t)bg_linteger(L, 1, 0, 0777)));
    return 1;
}

static int sys_getenv(lua_State *L)
{
    lua_pushstring(L, getenv(bg_ltext(L, 1)));
    return 1;
}

static int sys_background(lua_State *L)
{
    struct bg_err err;

    return bg_lresult_true(L, bg_background(&err), &err);
}

static int sys_ready(lua_State *L)
{
    bg_ready((int)bg_linteger(L, 1, 0, 255));
    return 0;
}

static int sys_notify(lua_State *L)
{
    bg_notify(bg_ltext(L, 1));
    return 0;
}

static int sys_on_callback_error(lua_State *L)
{
    if (!lua_isnil(L, 1))
        luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    bg_uv_set_handler(L);
    return 0;
}

static int sys_on_spin(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    bg_spin_watch(L);
    return 0;
}

static const luaL_Reg sys_functions[] = {
    {"getpid", sys_getpid},
    {"getuid", sys_getuid},
    {"geteuid", sys_geteuid},
    {"user", sys_user},
    {"boot_id", sys_boot_id},
    {"monotonic", sys_monotonic},
    {"time", sys_time},
    {"random", sys_random},
    {"pidfd", sys_pidfd},
    {"pidfd_signal", sys_pidfd_signal},
    {"proc", sys_proc},
    {"kvm", sys_kvm},
    {"umask", sys_umask},
    {"getenv", sys_getenv},
    {"background", sys_background},
    {"ready", sys_ready},
    {"notify", sys_notify},
    {"on_callback_error", sys_on_callback_error},
    {"on_spin", sys_on_spin},
    {NULL, NULL},
};

int luaopen_banger_rt_sys(lua_State *L)
{
    lua_createtable(L, 0, 40);
    luaL_register(L, NULL, bg_sys_files);
    luaL_register(L, NULL, bg_sys_place);
    luaL_register(L, NULL, sys_functions);
    return 1;
}
