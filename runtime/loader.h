/* How `require` and `load` work inside a runtime. */
#ifndef BG_LOADER_H
#define BG_LOADER_H

#include <lua.h>

/*
 * Replace package.loaders by: preload, the sources inside the program, package.path (empty) as
 * text. No C module can be loaded from a file. load, loadstring, loadfile and dofile refuse
 * bytecode.
 */
void bg_loader_install(lua_State *L);

/* banger.rt.build: the program's version and the modules inside it. */
int luaopen_banger_rt_build(lua_State *L);

#endif
