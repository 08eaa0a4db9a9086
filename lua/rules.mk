# Annotations for editors and type checkers, made by the program from its own tables.
PROGRAMS += $(B)/banger.d.lua

.PHONY: types
types: $(B)/banger.d.lua ## banger.d.lua: LuaLS annotations of the public API
$(B)/banger.d.lua: $(B)/banger-dev lua/types.lua
	$(B)/banger-dev --lua lua/types.lua > $@.$$$$ && mv -f $@.$$$$ $@

# The parts of docs/ that are the program's own tables. They are in the tree, so that they can be read without a build.
REFERENCES := docs/api.md docs/commands.md docs/errors.md
PROGRAMS += $(REFERENCES)
$(REFERENCES): docs/%.md: $(B)/banger-dev docs/reference.lua
	@$(B)/banger-dev --lua docs/reference.lua $* > $(B)/$*.md.$$$$ && \
	    { cmp -s $(B)/$*.md.$$$$ $@ && rm $(B)/$*.md.$$$$ && touch $@ || mv -f $(B)/$*.md.$$$$ $@; }
