# The QEMU engine: the API front over qemu-system-x86_64, with the guest's vsock on a mux.
QEMU_OBJ := $(patsubst engine/qemu/%.c,$(B)/engine/qemu/obj/%.o,$(filter-out engine/qemu/jail_%,$(wildcard engine/qemu/*.c)))
QEMU_MUX_OBJ := $(B)/engine/qemu/obj/guest/mux.o $(B)/engine/qemu/obj/guest/bridge.o $(B)/engine/qemu/obj/guest/alarm.o
QEMU_JAIL := $(B)/engine/qemu/obj/jail_usr.o
PROGRAMS += $(B)/engine/qemu/firecracker $(B)/engine/qemu/jailer

$(B)/engine/qemu/obj/%.o: engine/qemu/%.c
	@mkdir -p $(@D)
	$(CC) $(ENGINE_CFLAGS) -MMD -MP -c -o $@ $<

# What runs inside QEMU is a shared object, carried in the program's own data.
$(B)/engine/qemu/obj/memory.so: engine/qemu/inside/memory.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize=%,$(BASE_CFLAGS)) -shared -Wl,-z,relro,-z,now,-z,noexecstack -o $@ $<

$(B)/engine/qemu/obj/scratch.o: $(B)/engine/qemu/obj/memory.so
$(B)/engine/qemu/obj/scratch.o: BASE_CFLAGS += -DMEMORY_SO='"$(B)/engine/qemu/obj/memory.so"'

$(B)/engine/qemu/obj/guest/%.o: guest/%.c
	@mkdir -p $(@D)
	$(CC) $(ENGINE_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/engine/qemu/firecracker: $(ENGINE_API_OBJ) $(QEMU_OBJ) $(QEMU_MUX_OBJ)
	$(CC) $(ENGINE_LDFLAGS) -o $@ $^

$(B)/engine/qemu/jailer: $(JAILER_OBJ) $(QEMU_JAIL)
	$(CC) $(ENGINE_LDFLAGS) -o $@ $^

-include $(QEMU_OBJ:.o=.d) $(QEMU_MUX_OBJ:.o=.d) $(QEMU_JAIL:.o=.d)
