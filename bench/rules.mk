# Measurements. `make bench N=5 BENCH=start` runs fewer rounds of fewer.
$(B)/bench/interleave: bench/interleave.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(BASE_LDFLAGS) -o $@ $<
PROGRAMS += $(B)/bench/interleave

.PHONY: bench
bench: all ## measure, against floors that run in turns with us
	@bench/run $(BENCH)
