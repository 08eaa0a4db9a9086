/*
 * luv calls every callback through the function given to luv_set_callback; luv.h has its
 * contract.
 */
#include "uv_hook.h"

#include <lauxlib.h>
#include <luv/luv.h>
#include <stdio.h>

#include "trace.h"

/* Registry keys, by address. */
static const char handler_key;
static const char report_key;
static const char module_key;
static const char loop_key;

struct report {
    banger_report_fn function;
    void *userdata;
};

static void get_registry(lua_State *L, const char *key)
{
    lua_pushlightuserdata(L, (void *)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* Pop the failure on top of the stack and hand it to the host. */
static void report_to_host(lua_State *L)
{
    struct banger_error error;
    const struct report *report;

    bg_trace_error(L, &error);
    get_registry(L, &report_key);
    report = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (report != NULL && report->function != NULL)
        report->function(report->userdata, &error);
    else
        fprintf(stderr, "banger: error in a callback: %s\n%s\n", error.message, error.traceback);
}

/* Pop the failure on top of the stack (see bg_trace) and see that somebody learns of it. */
static void report(lua_State *L)
{
    int failure = lua_gettop(L);

    get_registry(L, &handler_key);
    if (lua_isfunction(L, -1) && lua_istable(L, failure)) {
        lua_pushcfunction(L, bg_trace);
        lua_insert(L, -2);
        lua_rawgeti(L, failure, 1);
        lua_rawgeti(L, failure, 2);
        if (lua_pcall(L, 2, 0, failure + 1) == 0) {
            lua_settop(L, failure - 1);
            return;
        }
        report_to_host(L); /* why the handler failed; the first failure follows */
    }
    lua_settop(L, failure);
    report_to_host(L);
}

/*
 * luv_CFpcall: consumes the function and its arguments; the number of results left, or a
 * negative pcall status.
 */
static int call(lua_State *L, int nargs, int nresults, int flags)
{
    int handler = lua_gettop(L) - nargs;
    int status;

    (void)flags;
    if (lua_checkstack(L, 10) == 0)
        return -LUA_ERRMEM;
    lua_pushcfunction(L, bg_trace);
    lua_insert(L, handler);
    status = lua_pcall(L, nargs, nresults, handler);
    lua_remove(L, handler);
    if (status != 0) {
        report(L);
        return -status;
    }
    return nresults == LUA_MULTRET ? lua_gettop(L) - handler + 1 : nresults;
}

/* luv's own; the same for every handle. */
static uv_poll_cb poll_of_luv;

/*
 * libuv calls every EPOLLERR (a reader that went away, a reset) EBADF, and luv prints that to
 * stderr. The descriptor is fine and has something to tell: let the read or write find it.
 */
static void on_poll(uv_poll_t *handle, int status, int events)
{
    poll_of_luv(handle, 0, status < 0 ? UV_READABLE | UV_WRITABLE : events);
}

/* poll:start(events, callback), as luv has it (upvalue 1), with on_poll in between. */
static int poll_start(lua_State *L)
{
    uv_poll_t *handle = *(uv_poll_t **)luaL_checkudata(L, 1, "uv_poll");

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    if (handle->poll_cb != on_poll && handle->poll_cb != NULL) {
        poll_of_luv = handle->poll_cb;
        handle->poll_cb = on_poll;
    }
    return lua_gettop(L);
}

static void wrap_poll(lua_State *L)
{
    luaL_getmetatable(L, "uv_poll");
    lua_getfield(L, -1, "__index");
    lua_getfield(L, -1, "start");
    lua_pushcclosure(L, poll_start, 1);
    lua_setfield(L, -2, "start");
    lua_pop(L, 2);
}

/*
 * The loop belongs to luv's module table. Whoever drops that from package.loaded (busted does,
 * between files) must not end the loop under the handles, so the registry keeps the first one
 * and every later require gets it again.
 */
int bg_uv_open(lua_State *L)
{
    get_registry(L, &module_key);
    if (!lua_isnil(L, -1))
        return 1;
    luv_set_callback(L, call);
    lua_pushlightuserdata(L, (void *)&module_key);
    luaopen_luv(L);
    wrap_poll(L);
    lua_pushvalue(L, -1);
    lua_insert(L, -3);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(L, (void *)&loop_key);
    lua_pushlightuserdata(L, luv_loop(L));
    lua_rawset(L, LUA_REGISTRYINDEX);
    return 1;
}

uv_loop_t *bg_uv_loop(lua_State *L)
{
    uv_loop_t *loop;

    get_registry(L, &loop_key);
    loop = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return loop;
}

void bg_uv_set_handler(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&handler_key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void bg_uv_set_report(lua_State *L, banger_report_fn function, void *userdata)
{
    struct report *report;

    lua_pushlightuserdata(L, (void *)&report_key);
    report = lua_newuserdata(L, sizeof(*report));
    *report = (struct report){.function = function, .userdata = userdata};
    lua_rawset(L, LUA_REGISTRYINDEX);
}
