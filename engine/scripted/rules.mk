# The scripted engine: the real engine's API front over a VMM that obeys a script (script.h).
SCRIPTED_OBJ := $(patsubst engine/scripted/%.c,$(B)/engine/scripted/obj/%.o,$(filter-out engine/scripted/jail_%,$(wildcard engine/scripted/*.c)))
SCRIPTED_JAIL := $(B)/engine/scripted/obj/jail_script.o
PROGRAMS += $(B)/engine/scripted/firecracker $(B)/engine/scripted/jailer

$(B)/engine/scripted/obj/%.o: engine/scripted/%.c
	@mkdir -p $(@D)
	$(CC) $(ENGINE_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/engine/scripted/firecracker: $(ENGINE_API_OBJ) $(SCRIPTED_OBJ)
	$(CC) $(ENGINE_LDFLAGS) -o $@ $^

$(B)/engine/scripted/jailer: $(JAILER_OBJ) $(SCRIPTED_JAIL)
	$(CC) $(ENGINE_LDFLAGS) -o $@ $^

-include $(SCRIPTED_OBJ:.o=.d) $(SCRIPTED_JAIL:.o=.d)
