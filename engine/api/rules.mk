# What every engine shares: the API front, and the jailer's flags. Engines are static programs, so
# that a jail needs nothing but the copied binary; tables of fields leave trailing members out.
ENGINE_CFLAGS = $(BASE_CFLAGS) -Wno-missing-field-initializers -Iengine/api -Iguest
ENGINE_LDFLAGS = -static-pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
ENGINE_API_OBJ := $(patsubst engine/api/%.c,$(B)/engine/api/%.o,$(wildcard engine/api/*.c))

$(B)/engine/api/%.o: engine/api/%.c
	@mkdir -p $(@D)
	$(CC) $(ENGINE_CFLAGS) -MMD -c -o $@ $<

-include $(ENGINE_API_OBJ:.o=.d)

.PHONY: conformance
conformance: ## replay Firecracker's recorded behaviour against an engine (ENGINE=/folder, default the qemu engine)
	@busted -o plainTerminal spec/conformance
