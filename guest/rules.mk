# What runs inside a VM: one static program with several names, and the initrd's init. Both are as
# small as the C library lets them be; GUEST_LIMIT is the gate.
GUEST := $(B)/guest
GUEST_CFLAGS = $(filter-out -fPIC,$(BASE_CFLAGS)) -Os -fno-pie -ffunction-sections -fdata-sections -MMD
GUEST_LDFLAGS = -static -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack
GUEST_LIMIT := 1048576

GUEST_PURE := alarm mux bridge transport agent/frame agent/user agent/family agent/command agent/exec agent/copy \
              agent/put agent/get agent/control agent/hold agent/wake agent/session agent/spare agent/notify \
              init/seed init/net \
              init/identity
GUEST_ALL := $(GUEST_PURE) agent/agent init/main init/pid1 init/mounts init/ssh init/halt init/vsockd

PROGRAMS += $(GUEST)/banger-guest $(GUEST)/initrd-init $(GUEST)/files

$(GUEST)/%.o: guest/%.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -c $< -o $@

$(GUEST)/banger-guest: $(GUEST_ALL:%=$(GUEST)/%.o)
	$(CC) $(GUEST_LDFLAGS) $^ -o $@.unstripped
	strip -o $@ $@.unstripped
	@test $$(stat -c %s $@) -le $(GUEST_LIMIT) || { echo "$@: over $(GUEST_LIMIT) bytes"; rm $@; exit 1; }

$(GUEST)/initrd-init: $(GUEST)/initrd/init.o
	$(CC) $(GUEST_LDFLAGS) $^ -o $@.unstripped
	strip -o $@ $@.unstripped

$(GUEST)/files: guest/files guest/banger-identity.service guest/banger-vsockd.service guest/banger-agent.service
	@mkdir -p $(@D)
	cp $^ $(@D)/

# Tests run on the host, with the sanitizers.
GUEST_TESTS := $(patsubst guest/test/%.c,%,$(wildcard guest/test/test_*.c))
UNIT += $(GUEST_TESTS:%=$(GUEST)/%)
$(GUEST)/test_%: guest/test/test_%.c $(GUEST_PURE:%=guest/%.c)
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -MMD -MF $@.d -o $@ $^

# Programs for specs: one end of the mux, and a connection as the agent serves it.
GUEST_TOOLS := $(GUEST)/bridge_tool $(GUEST)/session_tool
spec: $(GUEST_TOOLS)
$(GUEST)/%_tool: guest/test/%_tool.c $(GUEST_PURE:%=guest/%.c)
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -MMD -MF $@.d -o $@ $^

# The one tool that runs in a guest.
PROGRAMS += $(GUEST)/loopback_tool
$(GUEST)/loopback_tool: $(GUEST)/test/loopback_tool.o $(GUEST)/agent/frame.o
	$(CC) $(GUEST_LDFLAGS) $^ -o $@

GUEST_FUZZ := $(patsubst guest/test/%.c,$(GUEST)/%,$(wildcard guest/test/fuzz_*.c))
$(GUEST)/fuzz_%: guest/test/fuzz_%.c $(GUEST_PURE:%=guest/%.c)
	@mkdir -p $(@D)
	clang $(filter-out -D_FORTIFY_SOURCE=2,$(BASE_CFLAGS)) -O1 -fsanitize=fuzzer,address,undefined -o $@ $^

# The fuzz targets over guest/test/corpus, without a fuzzer.
GUEST_CORPORA := $(patsubst guest/test/fuzz_%.c,$(GUEST)/corpus_%,$(wildcard guest/test/fuzz_*.c))
UNIT += $(GUEST_CORPORA)
$(GUEST)/corpus_%: guest/test/fuzz_%.c guest/test/corpus.c $(GUEST_PURE:%=guest/%.c)
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -MMD -MF $@.d -DCORPUS='"guest/test/corpus/$*"' -o $@ $^

# Whatever a peer's bytes reach: the mux, the agent's requests, the seed. FUZZ_SECONDS=3600 for a long run.
.PHONY: fuzz-guest
fuzz-guest: $(GUEST_FUZZ) ## fuzz the guest's decoders
	@for fuzz in $^; do \
	    mkdir -p $$fuzz.corpus && $$fuzz -max_total_time=$(or $(FUZZ_SECONDS),20) -max_len=5000 -close_fd_mask=3 \
	        -artifact_prefix=$$fuzz. $$fuzz.corpus guest/test/corpus/$${fuzz##*_} 2>$$fuzz.log || { tail -30 $$fuzz.log; exit 1; }; \
	    echo "  $$fuzz: $$(grep -o 'Done .* runs' $$fuzz.log)"; \
	done

-include $(GUEST_ALL:%=$(GUEST)/%.d) $(GUEST)/initrd/init.d $(GUEST_TESTS:%=$(GUEST)/%.d) $(GUEST_CORPORA:%=%.d) $(GUEST_TOOLS:%=%.d)
