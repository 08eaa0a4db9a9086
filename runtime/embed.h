/*
 * The Lua tree inside the program, made by runtime/embed from lua/banger (one row a module, sorted by name): as
 * source (build/runtime/embedded.c), or as the bytecode of the LuaJIT that is linked with it (compiled.c). Chunks are
 * named by their file below lua/, as in "@banger/core/err.lua".
 */
#ifndef BG_EMBED_H
#define BG_EMBED_H

#include <stddef.h>

struct bg_source {
    const char *module; /* "banger.core.err" */
    const char *chunk;  /* "@banger/core/err.lua" */
    const char *begin;  /* text or bytecode */
    const char *end;
};

extern const struct bg_source bg_sources[];
extern const size_t bg_source_count;
extern const char bg_version[];

#endif
