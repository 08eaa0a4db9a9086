/* Devices get their virtio-mmio slots by number: drives in their order, then interfaces, then the
 * rest. The guest finds them by ACPI from the last slot to the first, so we count down: the first
 * drive is vda. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SLOTS 24 /* microvm's virtio-mmio transports with a second I/O APIC */

/* Firecracker's, for a config without boot_args. */
#define DEFAULT_LINE                                                                               \
    "reboot=k panic=1 nomodule 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.dumbkbd "             \
    "swiotlb=noforce"

static void add(struct bg_command *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add(struct bg_command *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    if (c->n == BG_MAX_ARGS || vasprintf(&c->argv[c->n], format, ap) < 0)
        c->failed = true;
    else
        c->n++;
    va_end(ap);
}

static void add_words(struct bg_command *c, const char *const *words)
{
    for (; *words; words++)
        add(c, "%s", *words);
}

void bg_command_free(struct bg_command *command)
{
    for (size_t i = 0; i < command->n; i++)
        free(command->argv[i]);
    *command = (struct bg_command){0};
}

static const struct bg_drive *root_drive(const struct bg_config *config)
{
    const struct bg_drive *d = config->drives.n > 0 ? bg_drive_at(config, 0) : NULL;
    return d && d->is_root_device ? d : NULL;
}

char *bg_command_kernel_line(const struct bg_config *config, unsigned long tsc_khz)
{
    const struct bg_drive *root = root_drive(config);
    struct bg_buf line = {0};
    bg_buf_str(&line, config->boot_source.boot_args ? config->boot_source.boot_args : DEFAULT_LINE);
    if (root && root->partuuid)
        bg_buf_fmt(&line, " root=PARTUUID=%s", root->partuuid);
    else if (root)
        bg_buf_str(&line, " root=/dev/vda");
    if (root)
        bg_buf_str(&line, root->is_read_only ? " ro" : " rw");
    /* The keyboard controller is there without a word in ACPI; no_timer_check because the
     * emulated timer is too slow for the kernel's patience on a busy host; norandmaps because the
     * emulator translates code again for each address that it is mapped at: a dynamic program
     * starts four times faster without. */
    bg_buf_fmt(&line, " i8042.noaux no_timer_check norandmaps tsc=reliable tsc_early_khz=%lu",
               tsc_khz);
    if (!bg_buf_ok(&line))
        bg_buf_free(&line);
    return line.data;
}

static void add_memory(struct bg_command *c, const struct bg_command_inputs *in)
{
    unsigned long mib = in->config->machine.mem_size_mib;
    add(c, "-m");
    add(c, "%lu", mib);
    add(c, "-object");
    add(c, "memory-backend-file,id=memory,size=%luM,mem-path=%s,share=on", mib, in->memory_path);
    add(c, "-machine");
    add(c, "memory-backend=memory");
}

/* The next slot's bus; the count goes on beyond the last, so that the caller sees it. */
static const char *take_slot(unsigned *slot, char bus[32])
{
    unsigned i = (*slot)++;
    (void)snprintf(bus, 32, "virtio-mmio-bus.%u", i < MAX_SLOTS ? MAX_SLOTS - 1 - i : 0);
    return bus;
}

static void add_drives(struct bg_command *c, const struct bg_config *config, unsigned *slot)
{
    char bus[32];
    for (size_t i = 0; i < config->drives.n; i++) {
        const struct bg_drive *d = bg_drive_at(config, i);
        const char *read_only = d->is_read_only ? "on" : "off";
        add(c, "-add-fd");
        add(c, "fd=%d,set=%zu", d->fd, i);
        add(c, "-blockdev");
        add(c,
            "driver=file,node-name=file%d,read-only=%s,cache.no-flush=%s,filename=/dev/fdset/%zu,"
            "locking=off,aio=threads",
            d->fd, read_only, d->cache_type == 1 ? "off" : "on", i);
        add(c, "-blockdev");
        add(c, "driver=raw,node-name=drive%zu,read-only=%s,cache.no-flush=%s,file=file%d", i,
            read_only, d->cache_type == 1 ? "off" : "on", d->fd);
        add(c, "-device");
        add(c, "virtio-blk-device,bus=%s,drive=drive%zu,id=blk%zu,write-cache=%s",
            take_slot(slot, bus), i, i, d->cache_type == 1 ? "on" : "off");
    }
}

static void add_nets(struct bg_command *c, const struct bg_config *config, unsigned *slot)
{
    char bus[32];
    for (size_t i = 0; i < config->nets.n; i++) {
        const struct bg_net *n = bg_net_at(config, i);
        char mac[32] = "", mtu[24] = "";
        if (n->guest_mac)
            (void)snprintf(mac, sizeof mac, ",mac=%s", n->guest_mac);
        if (bg_is_set(n, BG_NET_MTU))
            (void)snprintf(mtu, sizeof mtu, ",host_mtu=%u", n->mtu);
        add(c, "-netdev");
        add(c, "tap,id=net%zu,fd=%d,vhost=off", i, n->fd);
        add(c, "-device");
        add(c, "virtio-net-device,bus=%s,netdev=net%zu,id=nic%zu%s%s", take_slot(slot, bus), i, i,
            mac, mtu);
    }
}

/* One more than the ids of the drives' descriptor sets, which the rest does not use. */
static void add_rest(struct bg_command *c, const struct bg_command_inputs *in, unsigned *slot)
{
    char bus[32];
    if (in->vsock_fd >= 0) {
        add(c, "-chardev");
        add(c, "socket,id=vsock,fd=%d", in->vsock_fd);
        add(c, "-device");
        add(c, "virtio-serial-device,bus=%s,id=ports,max_ports=2", take_slot(slot, bus));
        add(c, "-device");
        add(c, "virtserialport,bus=ports.0,chardev=vsock,name=banger.vsock");
    }
    if (bg_has(in->config, BG_CONFIG_ENTROPY)) {
        add(c, "-object");
        add(c, "rng-builtin,id=rng");
        add(c, "-device");
        add(c, "virtio-rng-device,bus=%s,rng=rng", take_slot(slot, bus));
    }
}

int bg_command_build(const struct bg_command_inputs *in, struct bg_command *c,
                     struct bg_vmm_error *error)
{
    static const char *const fixed[] = {
        "-M", "microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off",
        "-accel", "tcg,thread=multi,tb-size=256", "-cpu", BG_CPU, "-nodefaults", "-no-user-config",
        "-display", "none", "-S", "-action", "reboot=shutdown,shutdown=pause", "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        /* the keyboard that Ctrl-Alt-Del is pressed on, and that reboot=k resets by */
        "-device", "i8042", "-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial",
        NULL};
    unsigned slot = 0;
    char *line = bg_command_kernel_line(in->config, in->tsc_khz);
    *c = (struct bg_command){0};
    add(c, "qemu-system-x86_64");
    add_words(c, fixed);
    add(c, "-name");
    add(c, "%s", in->id);
    add(c, "-smp");
    add(c, "%u", in->config->machine.vcpu_count);
    add_memory(c, in);
    add(c, "-kernel");
    add(c, "%s", in->kernel_path);
    if (in->initrd_path) {
        add(c, "-initrd");
        add(c, "%s", in->initrd_path);
    }
    add(c, "-append");
    add(c, "%s", line ? line : "");
    add(c, "-chardev");
    add(c, "socket,id=qmp,fd=%d", in->qmp_fd);
    add(c, "-mon");
    add(c, "chardev=qmp,mode=control");
    add_drives(c, in->config, &slot);
    add_nets(c, in->config, &slot);
    add_rest(c, in, &slot);
    if (in->incoming) {
        add(c, "-incoming");
        add(c, "defer");
    }
    bool too_many = slot > MAX_SLOTS;
    if (line && !c->failed && !too_many) {
        free(line);
        return 0;
    }
    free(line);
    bg_command_free(c);
    (void)snprintf(error->text, sizeof error->text, "%s",
                   too_many ? "Too many devices for the MMIO bus" : "out of memory");
    return -1;
}
