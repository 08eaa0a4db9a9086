# The root helper and its monitor: C, with a link line of their own.
HELPER_CORE := util record ledger names wire link nft copy sha256 proc engine config sandbox worker \
               op_net op_base op_disk disk_dm op_jail op_connect op_vm spawn_monitor spawn_service housekeeping server
HELPER_LIBS := -lmnl -lnftables -lsystemd -lseccomp -ldevmapper
HELPER_OBJ := $(HELPER_CORE:%=$(B)/helper/%.o)
MONITOR_OBJ := $(patsubst %,$(B)/helper/%.o,monitor proc record util)

PROGRAMS += $(B)/banger-helper $(B)/banger-monitor

$(B)/helper/%.o: helper/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/banger-helper: $(B)/helper/main.o $(HELPER_OBJ)
	$(CC) $(BASE_LDFLAGS) -o $@ $^ $(HELPER_LIBS)

$(B)/banger-monitor: $(MONITOR_OBJ)
	$(CC) $(BASE_LDFLAGS) -o $@ $^

-include $(wildcard $(B)/helper/*.d $(B)/helper/test/*.d)

$(B)/helper/test/%.o: helper/test/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/helper-client: $(patsubst %,$(B)/helper/%.o,test/client wire util)
	$(CC) $(BASE_LDFLAGS) -o $@ $^
