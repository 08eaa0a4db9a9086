/*
 * Errors in event loop callbacks. Stock luv ends the process when a callback raises; a daemon
 * must live. Here the error goes to a handler, and the loop goes on.
 *
 * A callback that raises outside of any task is a bug in a script or in banger.aio; tasks have
 * their own protection.
 */
#ifndef BG_UV_HOOK_H
#define BG_UV_HOOK_H

#include <lua.h>

#include "banger.h"

/* The module function of luv, for package.preload["luv"]: sets the hook, then opens luv. */
int bg_uv_open(lua_State *L);

/*
 * Pop a function (or nil: none) and make it the handler. It is called with the error value and
 * a traceback. Without a handler, or when it raises itself, the error goes to the host's report
 * function.
 */
void bg_uv_set_handler(lua_State *L);

/*
 * The host's report function; before the first call of this, and with report NULL, errors are
 * printed to stderr.
 */
void bg_uv_set_report(lua_State *L, banger_report_fn report, void *userdata);

/* The loop, or NULL while nobody has required luv. Allocates nothing and raises nothing. */
struct uv_loop_s *bg_uv_loop(lua_State *L);

#endif
