/* banger.h: the event loop of a runtime, for hosts that have one of their own. */
#include <lauxlib.h>
#include <uv.h>

#include "runtime.h"
#include "uv_hook.h"

static int open_loop(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "luv");
    lua_call(L, 1, 0);
    return 0;
}

int banger_loop_fd(struct banger *runtime, struct banger_error *error)
{
    if (bg_runtime_protect(runtime, open_loop, NULL, error) < 0)
        return -1;
    return uv_backend_fd(bg_uv_loop(runtime->L));
}

int banger_loop_timeout(struct banger *runtime)
{
    uv_loop_t *loop = bg_uv_loop(runtime->L);

    return loop == NULL ? -1 : uv_backend_timeout(loop);
}

/*
 * Callbacks protect themselves (uv_hook.c), so no error can pass through here. Without a loop
 * nothing can be due.
 */
static int run_loop(struct banger *runtime, uv_run_mode mode)
{
    uv_loop_t *loop = bg_uv_loop(runtime->L);
    int left;

    if (loop == NULL || runtime->busy)
        return 0;
    runtime->busy = true;
    left = uv_run(loop, mode);
    runtime->busy = false;
    return left != 0;
}

int banger_loop_step(struct banger *runtime)
{
    return run_loop(runtime, UV_RUN_NOWAIT);
}

void banger_loop_run(struct banger *runtime)
{
    run_loop(runtime, UV_RUN_DEFAULT);
}
