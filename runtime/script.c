/* banger.h: running scripts, and functions of the host that scripts call. */
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "value.h"

/* One call from the host; what to run is `source`, or `path`, or `module` and `function`. */
struct call {
    const char *name;
    const char *source;
    size_t source_size;
    const char *path;
    const char *module;
    const char *function;
    const struct banger_value *args;
    size_t arg_count;
    struct banger_value result;
};

static void push_callee(lua_State *L, const struct call *call)
{
    int status = 0;

    if (call->source != NULL) {
        status = luaL_loadbufferx(L, call->source, call->source_size, call->name, "t");
    } else if (call->path != NULL) {
        status = luaL_loadfilex(L, call->path, "t");
    } else {
        lua_getglobal(L, "require");
        lua_pushstring(L, call->module);
        lua_call(L, 1, 1);
        lua_getfield(L, -1, call->function);
        lua_replace(L, -2);
    }
    if (status != 0)
        lua_error(L);
}

static int run(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);

    push_callee(L, call);
    for (size_t i = 0; i < call->arg_count; i++)
        bg_value_push(L, &call->args[i]);
    lua_call(L, (int)call->arg_count, 2);
    /*
     * `nil, err` is a failure: raise err, and the protected call above makes a banger_error of
     * it.
     */
    if (lua_isnil(L, -2) && !lua_isnil(L, -1))
        return lua_error(L);
    lua_pop(L, 1);
    bg_value_read(L, lua_gettop(L), &call->result);
    return 1;
}

static int start(struct banger *runtime, struct call *call, struct banger_value *ret_result,
                 struct banger_error *error)
{
    if (bg_runtime_protect(runtime, run, call, error) < 0)
        return -1;
    if (ret_result != NULL)
        *ret_result = call->result;
    return 0;
}

int banger_run_text(struct banger *runtime, const char *name, const char *source,
                    size_t source_size, const struct banger_value *args, size_t arg_count,
                    struct banger_value *ret_result, struct banger_error *error)
{
    struct call call = {.name = name,
                        .source = source,
                        .source_size = source_size,
                        .args = args,
                        .arg_count = arg_count};

    return start(runtime, &call, ret_result, error);
}

int banger_run_file(struct banger *runtime, const char *path, const struct banger_value *args,
                    size_t arg_count, struct banger_value *ret_result, struct banger_error *error)
{
    struct call call = {.path = path, .args = args, .arg_count = arg_count};

    return start(runtime, &call, ret_result, error);
}

int banger_call(struct banger *runtime, const char *module, const char *function,
                const struct banger_value *args, size_t arg_count, struct banger_value *ret_result,
                struct banger_error *error)
{
    struct call call = {
        .module = module, .function = function, .args = args, .arg_count = arg_count};

    return start(runtime, &call, ret_result, error);
}

struct primitive {
    banger_fn function;
    void *userdata;
};

/* nil and an error object from what a primitive filled. */
static int push_failure(lua_State *L, const struct banger_error *error)
{
    lua_pushnil(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "banger.core.err");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "new");
    lua_replace(L, -2);
    lua_pushstring(L, error->code);
    lua_pushstring(L, error->message);
    lua_newtable(L);
    if (error->remedy[0] != '\0') {
        lua_pushstring(L, error->remedy);
        lua_setfield(L, -2, "remedy");
    }
    lua_call(L, 3, 1);
    return 2;
}

/* What Lua calls for a function of the host. */
static int call_primitive(lua_State *L)
{
    const struct primitive *primitive = lua_touserdata(L, lua_upvalueindex(1));
    int count = lua_gettop(L);
    /* In a userdata, so that it is collected whatever is raised. */
    struct banger_value *args = lua_newuserdata(L, sizeof(*args) * (size_t)(count + 1));
    struct banger_value result = {.type = BANGER_NIL};
    struct banger_error error = {.code = "internal", .message = "the host gave no reason"};

    for (int i = 0; i < count; i++)
        bg_value_read(L, i + 1, &args[i]);
    if (primitive->function(primitive->userdata, args, (size_t)count, &result, &error) < 0)
        return push_failure(L, &error);
    bg_value_push(L, &result);
    return 1;
}

struct registration {
    const char *module;
    const char *name;
    struct primitive primitive;
};

static int add_primitive(lua_State *L)
{
    const struct registration *registration = lua_touserdata(L, 1);
    struct primitive *primitive;

    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, registration->module);
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, registration->module);
    }
    primitive = lua_newuserdata(L, sizeof(*primitive));
    *primitive = registration->primitive;
    lua_pushcclosure(L, call_primitive, 1);
    lua_setfield(L, -2, registration->name);
    return 0;
}

int banger_register(struct banger *runtime, const char *module, const char *name,
                    banger_fn function, void *userdata, struct banger_error *error)
{
    struct registration registration = {
        .module = module, .name = name, .primitive = {.function = function, .userdata = userdata}};

    if (strcmp(module, "banger") == 0 || strncmp(module, "banger.", 7) == 0)
        return banger_fail(error, "usage.invalid",
                           "register %s.%s: modules below banger are banger's own", module, name);
    return bg_runtime_protect(runtime, add_primitive, &registration, error);
}
