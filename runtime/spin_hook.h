/*
 * Lua code that computes and never waits keeps the event loop from its turn, and the loop is who learns of signals.
 *
 * bg_spin_watch(L): from now on INT, TERM and HUP also arm a hook. While it is armed, the Lua function on top of the stack
 * (popped) is called every million instructions that the interpreter does, with the signal's name ("sigint"); it may raise,
 * which ends what was being computed. It stays armed for good: a script that was cancelled may spin again. A second signal that
 * comes before the loop has seen the first has its default action.
 *
 * To be called once in a program, by its main thread, after libuv has taken the three signals: what it installed is called
 * first, and closing libuv's last handle of a signal takes the watch away with it. Compiled code does not look at hooks: turn
 * the JIT off for what shall be interruptible.
 */
#pragma once

#include <lua.h>

void bg_spin_watch(lua_State *L);
