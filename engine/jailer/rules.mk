# The jailer's common part; each engine links it with its own bg_jail_runtime.
JAILER_OBJ := $(patsubst engine/jailer/%.c,$(B)/engine/jailer/%.o,$(wildcard engine/jailer/*.c)) \
	$(B)/engine/api/args.o $(B)/engine/api/text.o

$(B)/engine/jailer/%.o: engine/jailer/%.c
	@mkdir -p $(@D)
	$(CC) $(ENGINE_CFLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(filter $(B)/engine/jailer/%,$(JAILER_OBJ)))
