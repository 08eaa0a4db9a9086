/*
 * Values at the border of banger.h. Both functions may raise, so they are called in protected
 * mode only.
 */
#ifndef BG_VALUE_H
#define BG_VALUE_H

#include <lua.h>

#include "banger.h"

/* Push a value of the host; BANGER_JSON is decoded. */
void bg_value_push(lua_State *L, const struct banger_value *value);

/*
 * Turn the value at `index` (absolute) into one of the host. A table is replaced on the stack
 * by its JSON text: the bytes belong to that stack slot. A function, thread or userdata is
 * refused with an error.
 */
void bg_value_read(lua_State *L, int index, struct banger_value *ret_value);

#endif
