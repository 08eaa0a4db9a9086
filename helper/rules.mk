# The root helper and its monitor: C, with a link line of their own.
HELPER_CORE := util record ledger names wire link nft netlink beside copy proc engine config sandbox worker \
               op_net op_base op_disk op_snap disk_dm op_jail op_connect op_vm spawn_monitor spawn_service housekeeping server
HELPER_LIBS := -lnl-route-3 -lnl-3 -lcrypto -lnftables -lnftnl -lsystemd -lseccomp -ldevmapper
HELPER_OBJ := $(HELPER_CORE:%=$(B)/helper/%.o)
MONITOR_OBJ := $(patsubst %,$(B)/helper/%.o,monitor proc record names util)

PROGRAMS += $(B)/banger-helper $(B)/banger-monitor $(B)/banger-helper-config

$(B)/banger-helper-config: units/helper-config
	install -D -m 0755 $< $@

$(B)/helper/%.o: helper/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/banger-helper: $(B)/helper/main.o $(HELPER_OBJ)
	$(CC) $(BASE_LDFLAGS) -o $@ $^ $(HELPER_LIBS)

$(B)/banger-monitor: $(MONITOR_OBJ)
	$(CC) $(BASE_LDFLAGS) -o $@ $^

# nft's own notation as C strings: comments out, what the helper puts in as %n$s.
$(B)/helper/%.nft.h: helper/%.nft helper/rules.mk
	@mkdir -p $(@D)
	sed -e '/^#/d' -e 's/["\\]/\\&/g' -e 's/TABLE/%1$$s/g; s/BRIDGE\|SLOT/%2$$s/g; s/TAP\|GUEST/%3$$s/g; s/GATEWAY/%4$$s/g; s/SUBNET/%5$$s/g' \
	    -e 's/.*/"&\\n"/' $< > $@
$(B)/helper/nft.o: $(B)/helper/tables.nft.h $(B)/helper/listed.nft.h
$(B)/helper/nft.o: BASE_CFLAGS += -I$(B)/helper

$(B)/helper/link.o: BASE_CFLAGS += -isystem /usr/include/libnl3

-include $(wildcard $(B)/helper/*.d $(B)/helper/test/*.d)

$(B)/helper/test/%.o: helper/test/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -MMD -MP -c -o $@ $<

# The asking end of the protocol is the runtime's.
$(B)/helper/test/wire_client.o: runtime/wire_client.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/helper-client: $(patsubst %,$(B)/helper/%.o,test/client test/talk test/wire_client wire util names)
	$(CC) $(BASE_LDFLAGS) -o $@ $^

HELPER_TEST := $(B)/helper/test_units
$(B)/helper/test_units: $(patsubst %,$(B)/helper/%.o,test/test_units test/wire_client $(HELPER_CORE))
	$(CC) $(BASE_LDFLAGS) -o $@ $^ $(HELPER_LIBS)

UNIT += $(HELPER_TEST)

# Attacks on a running helper (root; exits 77 elsewhere).
TRIES ?= 1000
.PHONY: hostile
hostile: $(B)/helper/hostile $(B)/helper/fake_vmm $(B)/banger-helper $(B)/banger-monitor ## a hostile owner against a running helper (root)
	$< $(abspath $(B)) $(TRIES)

$(B)/helper/hostile: $(patsubst %,$(B)/helper/%.o,test/hostile test/hostile_requests test/hostile_class test/hostile_race test/hostile_two test/hostile_snap test/talk test/wire_client wire \
                          util link netlink names proc)
	$(CC) $(BASE_LDFLAGS) -o $@ $^ -lnl-route-3 -lnl-3 -lnftnl

$(B)/helper/fake_vmm: helper/test/fake_vmm.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fPIC,$(BASE_CFLAGS)) -static -o $@ $<

# 20 s of libFuzzer on whatever a client's bytes reach; FUZZ_SECONDS=3600 for a long run.
FUZZ_SECONDS ?= 20
.PHONY: fuzz-helper
fuzz-helper: ## fuzz the helper's decoder, validator and dispatch
	@command -v clang >/dev/null || { echo "fuzz-helper: skipped, clang is not installed"; exit 77; }
	@$(MAKE) -s $(B)/helper/fuzz_dispatch
	@mkdir -p $(B)/helper/corpus
	@$(B)/helper/fuzz_dispatch -max_total_time=$(FUZZ_SECONDS) -max_len=513 -close_fd_mask=3 -artifact_prefix=$(B)/helper/ -print_final_stats=1 $(B)/helper/corpus helper/test/corpus 2>$(B)/helper/fuzz.log \
	  || { tail -20 $(B)/helper/fuzz.log; exit 1; }
	@grep -E 'stat::number_of_executed_units|cov:' $(B)/helper/fuzz.log | tail -2

FUZZ_SRC := $(patsubst %,helper/%.c,test/fuzz_dispatch wire worker proc names util) runtime/wire_client.c
$(B)/helper/fuzz_dispatch: $(FUZZ_SRC) helper/ops.def helper/wire.h
	@mkdir -p $(@D)
	clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $(filter %.c,$^)

# How much of the decoders the committed corpus reaches: 95 % of their lines at least.
.PHONY: fuzz-coverage
fuzz-coverage: ## lines of the helper's decoders that the fuzzers' corpus reaches
	@rm -rf $(B)/helper/coverage; mkdir -p $(B)/helper/coverage
	@cd $(B)/helper/coverage && gcc -std=gnu11 -D_GNU_SOURCE -DCOVERAGE -O0 --coverage -o run $(FUZZ_SRC:%=$(CURDIR)/%) \
	    && ./run $(CURDIR)/helper/test/corpus/* 2>/dev/null && gcov -nf run-wire.gcda run-proc.gcda 2>/dev/null | awk ' \
	    /^(File|Function) / { what = $$2 } /^Lines executed/ && what ~ /\/wire\.c|bg_proc_parse/ { split($$0, a, /[:%]/); \
	    print "decoders: " what ": " a[2] " % of their lines"; if (a[2] < 95) bad = 1; what = "" } END { exit bad }'

.PHONY: check-helper
check-helper: $(B)/banger-helper $(B)/banger-monitor $(B)/helper/print_ops
	helper/test/gates $(B)
LINT += check-helper

$(B)/helper/print_ops: $(patsubst %,$(B)/helper/%.o,test/print_ops test/wire_client wire)
	$(CC) $(BASE_LDFLAGS) -o $@ $^

# Each system call of each operation made to fail (root). `make full` does all of them: FAULTS=all.
FAULTS ?= 60
.PHONY: faults-helper
faults-helper: $(B)/helper/fake_vmm $(B)/helper-client $(B)/banger-helper $(B)/banger-monitor ## system calls of the helper made to fail (root)
	helper/test/faults $(B) $(FAULTS)

.PHONY: docker-helper
docker-helper: $(B)/helper-client $(B)/banger-helper ## the helper beside Docker, in a network namespace (root)
	helper/test/docker $(B)

# What a guest can send, with raw frames on real taps (root; exits 77 elsewhere).
.PHONY: network-helper
network-helper: $(B)/helper/network $(B)/banger-helper ## frames that a guest may and may not send (root)
	$< $(abspath $(B))

# The same by IPv6, on a host that routes it (a network namespace; root).
.PHONY: network6-helper
network6-helper: $(B)/helper-client $(B)/banger-helper ## IPv6 frames that a guest may and may not send (root)
	@command -v python3 >/dev/null || { echo "network6-helper: skipped, python3 is not installed"; exit 77; }
	helper/test/network6 $(B)

$(B)/helper/network: $(patsubst %,$(B)/helper/%.o,test/network test/talk test/wire_client wire util names)
	$(CC) $(BASE_LDFLAGS) -o $@ $^

# The same where the VM's parent is a real systemd (in a container of smoke/systemd; root).
.PHONY: hostile-systemd
hostile-systemd: $(B)/helper/hostile $(B)/helper/fake_vmm $(B)/banger-helper $(B)/banger-monitor ## the hostile owner where VMs are transient services (root)
	smoke/systemd/host up hostilesd $(abspath $(B)):/b
	smoke/systemd/host exec hostilesd /b/helper/hostile /b; status=$$?; smoke/systemd/host down hostilesd; exit $$status
