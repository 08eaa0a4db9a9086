# What every engine shares: the API front, and the jailer's flags. Engines are static programs, so
# that a jail needs nothing but the copied binary; tables of fields leave trailing members out.
ENGINE_CFLAGS = $(BASE_CFLAGS) -Wno-missing-field-initializers -Iengine/api -Iguest
ENGINE_LDFLAGS = -static-pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
ENGINE_API_OBJ := $(patsubst engine/api/%.c,$(B)/engine/api/%.o,$(wildcard engine/api/*.c))

$(B)/engine/api/%.o: engine/api/%.c
	@mkdir -p $(@D)
	$(CC) $(ENGINE_CFLAGS) -MMD -MP -c -o $@ $<

-include $(ENGINE_API_OBJ:.o=.d)

.PHONY: conformance
conformance: ## replay Firecracker's recorded behaviour against an engine (ENGINE=/folder, default the qemu engine)
	@busted -o plainTerminal spec/conformance

# Fuzzers of what a client can send: `make fuzz-engine FUZZ_SECONDS=60`.
FUZZ_ENGINE := $(B)/engine/api/fuzz_http $(B)/engine/api/fuzz_json
$(FUZZ_ENGINE): $(B)/engine/api/fuzz_%: engine/api/test/fuzz_%.c $(addprefix engine/api/,http.c json.c json_string.c schema.c config.c value.c buf.c)
	@mkdir -p $(@D)
	clang -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iengine/api -o $@ $^

.PHONY: fuzz-engine
fuzz-engine: $(FUZZ_ENGINE) ## fuzz the engines' HTTP and JSON for FUZZ_SECONDS each
	for f in $^; do $$f -max_total_time=$(or $(FUZZ_SECONDS),20) -print_final_stats=1 || exit 1; done
