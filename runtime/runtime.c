/* Life of a runtime: the Lua state, its memory limit, and the one way into it from C. */
#include "runtime.h"

#include <errno.h>
#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed.h"
#include "loader.h"
#include "modules.h"
#include "trace.h"
#include "uv_hook.h"

/*
 * lua_Alloc: malloc with a ceiling. A refused growth makes LuaJIT collect garbage and then
 * raise "not enough memory".
 */
static void *allocate(void *userdata, void *block, size_t old_size, size_t new_size)
{
    struct banger *runtime = userdata;
    void *moved;

    if (new_size == 0) {
        runtime->memory_used -= old_size;
        free(block);
        return NULL;
    }
    if (runtime->memory_limit > 0 && new_size > old_size &&
        runtime->memory_used + (new_size - old_size) > runtime->memory_limit)
        return NULL;
    moved = realloc(block, new_size);
    if (moved != NULL)
        runtime->memory_used += new_size - old_size;
    return moved;
}

static int set_up(lua_State *L)
{
    const struct banger_options *options = lua_touserdata(L, 1);

    /* Read by luaopen_package: LUA_PATH and LUA_CPATH are not looked at. */
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
    luaL_openlibs(L);
    if ((options->flags & BANGER_NO_JIT) != 0)
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    bg_loader_install(L);
    bg_modules_preload(L);
    bg_uv_set_report(L, options->report, options->userdata);
    return 0;
}

int bg_runtime_protect(struct banger *runtime, lua_CFunction function, void *userdata,
                       struct banger_error *error)
{
    lua_State *L = runtime->L;
    int status;

    if (runtime->busy)
        return banger_fail(error, "usage.invalid",
                           "a function of the host called its runtime again");
    lua_settop(L, 0);
    lua_pushcfunction(L, bg_trace);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, userdata);
    runtime->busy = true;
    status = lua_pcall(L, 1, 1, 1);
    runtime->busy = false;
    if (status != 0) {
        bg_trace_error(L, error);
        lua_settop(L, 0);
        return -1;
    }
    lua_remove(L, 1);
    return 0;
}

int banger_open(const struct banger_options *options, struct banger **ret_runtime,
                struct banger_error *error)
{
    struct banger_options known = {.size = sizeof(known)};
    struct banger *runtime;

    if (options != NULL) {
        if (options->size < sizeof(options->size) || options->size > sizeof(known))
            return banger_fail(error, "usage.invalid",
                               "struct banger_options of size %zu: %zu is known", options->size,
                               sizeof(known));
        memcpy(&known, options, options->size);
    }
    runtime = calloc(1, sizeof(*runtime));
    if (runtime == NULL)
        return banger_fail(error, "sys.failed", "make a runtime: %s", strerror(ENOMEM));
    runtime->memory_limit = known.memory_limit;
    runtime->L = lua_newstate(allocate, runtime);
    if (runtime->L == NULL) {
        free(runtime);
        return banger_fail(error, "sys.failed", "make a runtime: %s", strerror(ENOMEM));
    }
    if (bg_runtime_protect(runtime, set_up, &known, error) < 0) {
        banger_close(runtime);
        return -1;
    }
    *ret_runtime = runtime;
    return 0;
}

void banger_close(struct banger *runtime)
{
    if (runtime == NULL)
        return;
    runtime->memory_limit = 0; /* finalisers may need a little */
    lua_close(runtime->L);
    free(runtime);
}

const char *banger_version(void)
{
    return bg_version;
}

int banger_fail(struct banger_error *error, const char *code, const char *format, ...)
{
    va_list args;

    memset(error, 0, sizeof(*error));
    snprintf(error->code, sizeof(error->code), "%s", code);
    va_start(args, format);
    vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    return -1;
}
