/* The inside of struct banger, shared by the files that implement banger.h. */
#ifndef BG_RUNTIME_H
#define BG_RUNTIME_H

#include <lua.h>
#include <stdbool.h>

#include "banger.h"

struct banger {
    lua_State *L;
    size_t memory_used;
    size_t memory_limit; /* 0: none */
    bool busy;           /* inside a call: the host may not enter again */
};

/*
 * Run `function(L)` with `userdata` (a light userdata) as its argument in protected mode. Its
 * result, if any, stays in the runtime's stack slot 1, which keeps the bytes of a result alive
 * until the next call. 0, or -1 with `error` filled.
 */
int bg_runtime_protect(struct banger *runtime, lua_CFunction function, void *userdata,
                       struct banger_error *error);

#endif
