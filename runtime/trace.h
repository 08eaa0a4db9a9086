/* The message handler of every protected call: an error keeps its value and gets a traceback. */
#ifndef BG_TRACE_H
#define BG_TRACE_H

#include <lua.h>

#include "banger.h"

/* For lua_pcall: replaces the error value by a table {value, traceback}. */
int bg_trace(lua_State *L);

/*
 * Fill `error` from the failure on top of the stack and pop it: a {value, traceback} table, or
 * a bare value where memory ran out. An error object (a table with code and message) gives its
 * fields, anything else becomes code "internal". Raises nothing.
 */
void bg_trace_error(lua_State *L, struct banger_error *error);

#endif
