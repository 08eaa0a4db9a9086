# The runtime: libbanger (static, shared), the programs banger and bangerd, and what specs load into a plain luajit.
RT := $(B)/runtime
RT_SRC := $(filter-out runtime/main.c,$(wildcard runtime/*.c))
RT_OBJ := $(RT_SRC:runtime/%.c=$(RT)/%.o) $(RT)/wire.o $(RT)/names.o \
	$(RT)/embedded.o $(RT)/version.o
RT_CFLAGS := -fexceptions -fvisibility=hidden -MMD -MP -Iruntime \
	$(shell pkg-config --cflags luajit) -idirafter /usr/include/lua5.1
RT_LIBS := -l:liblua5.1-luv.a -l:libuv_a.a -l:liblua5.1-cjson.a -l:libluajit-5.1.a -lm -ldl -lpthread

PROGRAMS += $(B)/banger $(B)/bangerd $(B)/banger-dev $(B)/libbanger.so $(B)/libbanger.a $(B)/spec/banger.so

$(RT)/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) -c -o $@ $<

# Both ends of the helper's protocol compile the same two files.
$(RT)/wire.o $(RT)/names.o: $(RT)/%.o: helper/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) -c -o $@ $<

# The Lua tree inside the program. The list of files is a prerequisite by its content, so that a removed file counts too.
LUA_FILES := $(shell cd lua && find banger -name '*.lua' ! -name 'types*.lua' | LC_ALL=C sort)
$(RT)/lua.list: FORCE
	@mkdir -p $(@D)
	@echo '$(LUA_FILES)' | cmp -s - $@ || echo '$(LUA_FILES)' > $@
$(RT)/embedded.c: runtime/embed $(RT)/lua.list
	@runtime/embed lua $(LUA_FILES) > $@.$$$$ && mv -f $@.$$$$ $@
$(RT)/embedded.o: $(RT)/embedded.c $(LUA_FILES:%=lua/%)
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) -c -o $@ $<

# The programs' own tree is bytecode. What links a LuaJIT that may be another one on the day it runs (libbanger.so), or whose host
# brings its own (libbanger.a), has the source.
$(RT)/tool/%: runtime/tool/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) $(BASE_LDFLAGS) -o $@ $< -l:libluajit-5.1.a -lm -ldl
$(RT)/compiled.c: $(RT)/tool/compile runtime/embed $(RT)/lua.list $(LUA_FILES:%=lua/%)
	@mkdir -p $(sort $(dir $(LUA_FILES:%=$(RT)/lua/%)))
	@cd lua && $(abspath $<) $(abspath $(RT))/lua $(LUA_FILES)
	@runtime/embed $(RT)/lua $(LUA_FILES) > $@.$$$$ && mv -f $@.$$$$ $@
$(RT)/compiled.o: $(RT)/compiled.c
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) -c -o $@ $<

$(RT)/version.c: FORCE
	@mkdir -p $(@D)
	@new=$@.$$$$; printf '#include "embed.h"\nconst char bg_version[] = "%s";\n' '$(VERSION)' > $$new; \
	if cmp -s $$new $@; then rm $$new; else mv -f $$new $@; fi
$(RT)/version.o: $(RT)/version.c
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) -c -o $@ $<
.PHONY: FORCE
FORCE:

$(B)/libbanger.a: $(RT_OBJ)
	rm -f $@
	$(AR) rcs $@ $^
# Debian's archives are not position independent, so the shared objects need the shared libraries.
RT_SHARED := -llua5.1-luv -luv -llua5.1-cjson
$(B)/libbanger.so: $(RT_OBJ)
	$(CC) -shared $(filter-out -pie,$(BASE_LDFLAGS)) -Wl,-soname,libbanger.so.1 -Wl,--exclude-libs,ALL -Wl,-z,defs \
		-o $@ $^ $(RT_SHARED) -lluajit-5.1
	ln -sf libbanger.so $(B)/libbanger.so.1

$(B)/banger: $(RT)/main.o $(RT)/compiled.o $(B)/libbanger.a
	$(CC) $(BASE_LDFLAGS) -o $@.$$$$ $^ $(RT_LIBS) && mv -f $@.$$$$ $@
$(B)/bangerd: $(B)/banger
	ln -sf banger $@

# banger-dev: `--lua FILE ARG...` runs a file, BANGER_LUA_DIR=lua takes the tree instead of the embedded sources. Never installed.
$(RT)/dev/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) -DBANGER_DEV -c -o $@ $<
$(B)/banger-dev: $(RT)/dev/main.o $(RT)/dev/loader.o $(RT)/compiled.o $(filter-out $(RT)/loader.o $(RT)/embedded.o,$(RT_OBJ))
	$(CC) $(BASE_LDFLAGS) -o $@.$$$$ $^ $(RT_LIBS) && mv -f $@.$$$$ $@

# For specs: `require "banger.rt.sys"` under a plain luajit with package.cpath = build/spec/?.so (see spec/support/init.lua).
$(RT)/spec/%.o: runtime/spec/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) -c -o $@ $<
$(B)/spec/banger.so: $(RT)/spec/open.o $(RT_OBJ)
	@mkdir -p $(@D)
	$(CC) -shared $(filter-out -pie,$(BASE_LDFLAGS)) -Wl,--exclude-libs,ALL -o $@ $^ $(RT_SHARED)

# Unit tests of the cores, and of banger.h by a host that sees nothing else of the runtime.
$(RT)/test/%.o: runtime/test/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(RT_CFLAGS) -c -o $@ $<
RT_TESTS := $(patsubst runtime/test/%.c,$(RT)/test/%,$(wildcard runtime/test/test_*.c))
$(RT_TESTS): $(RT)/test/%: $(RT)/test/%.o $(B)/libbanger.a
	$(CC) $(BASE_LDFLAGS) -o $@ $^ $(RT_LIBS)
UNIT += $(RT_TESTS)

# The embedding example, against the static library here and the shared one in its spec.
$(B)/examples/embed/host: examples/embed/host.c $(B)/libbanger.a
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -Iruntime $(BASE_LDFLAGS) -o $@ $^ $(RT_LIBS)
$(B)/examples/embed/host-shared: examples/embed/host.c $(B)/libbanger.so
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -Iruntime $(BASE_LDFLAGS) -o $@ $< -L$(B) -lbanger -Wl,-rpath,$(abspath $(B))
PROGRAMS += $(B)/examples/embed/host $(B)/examples/embed/host-shared

# Only bindings and what holds the Lua state may see lua.h; a core that does is no core.
RT_LUA_FILES := mod_% lua_util.% loader.% modules.% runtime.% script.% loop.% trace.% uv_hook.% spin_hook.% value.%
.PHONY: lint-runtime
lint-runtime:
	@! grep -lE 'include <(lua|lauxlib|lualib|luajit)\.h>' \
	    $(addprefix runtime/,$(filter-out $(RT_LUA_FILES),$(notdir $(wildcard runtime/*.[ch])))) \
	    || { echo "lint: these are cores, and include Lua's headers"; exit 1; }
LINT += lint-runtime

# For programs that embed banger; the programs themselves are a release's business (units/release, banger system install).
.PHONY: install-runtime
install-runtime: $(B)/libbanger.so $(B)/libbanger.a $(B)/banger.pc
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 0755 $(B)/banger $(DESTDIR)$(PREFIX)/bin/banger
	ln -sf banger $(DESTDIR)$(PREFIX)/bin/bangerd
	install -m 0644 runtime/banger.h $(DESTDIR)$(PREFIX)/include/banger.h
	install -m 0644 $(B)/libbanger.a $(DESTDIR)$(PREFIX)/lib/libbanger.a
	install -m 0755 $(B)/libbanger.so $(DESTDIR)$(PREFIX)/lib/libbanger.so.1
	ln -sf libbanger.so.1 $(DESTDIR)$(PREFIX)/lib/libbanger.so
	install -m 0644 $(B)/banger.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/banger.pc
INSTALL += install-runtime
$(B)/banger.pc: runtime/banger.pc.in FORCE
	@sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' $< > $@

-include $(wildcard $(RT)/*.d $(RT)/dev/*.d $(RT)/spec/*.d $(RT)/test/*.d)
