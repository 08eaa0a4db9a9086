# Annotations for editors and type checkers, made by the program from its own tables.
PROGRAMS += $(B)/banger.d.lua

.PHONY: types
types: $(B)/banger.d.lua ## banger.d.lua: LuaLS annotations of the public API
$(B)/banger.d.lua: $(B)/banger-dev lua/types.lua
	$(B)/banger-dev --lua lua/types.lua > $@.$$$$ && mv -f $@.$$$$ $@
