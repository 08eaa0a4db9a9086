/* The QEMU command line of a configuration: pure text, nothing is opened or started here. */
#ifndef BG_QEMU_COMMAND_H
#define BG_QEMU_COMMAND_H

#include "vmm.h"

#define BG_MAX_ARGS 256

/* Without what the emulator is slow at: `rep movsb`, which ERMS would have kernel and C library take for
 * every copy, goes byte by byte, and SMAP ends a block of translated code at each access to user memory. */
#define BG_CPU "max,erms=off,smap=off"

struct bg_command {
    char *argv[BG_MAX_ARGS + 1]; /* NULL-terminated, each malloc'ed */
    size_t n;
    bool failed;
};

struct bg_command_inputs {
    const struct bg_config *config;
    const char *id, *kernel_path, *initrd_path; /* initrd_path NULL: none */
    const char *memory_path;                    /* the file that memory begins as */
    bool incoming;                              /* wait for a saved state */
    int qmp_fd, vsock_fd;                       /* QEMU's ends; vsock_fd -1: none */
    unsigned long tsc_khz;
    /* Work to do while QEMU starts, or NULL; as the start itself it is 0, or -1 with the text. */
    int (*meanwhile)(void *arg, struct bg_vmm_error *error);
    void *arg;
};

/* Leaves command empty and returns -1 without memory, or when there are too many devices. */
int bg_command_build(const struct bg_command_inputs *inputs, struct bg_command *command,
                     struct bg_vmm_error *error);
void bg_command_free(struct bg_command *command);
/* The kernel command line: the client's or Firecracker's default, the root device, and what this
 * machine needs. malloc'ed; NULL without memory. */
char *bg_command_kernel_line(const struct bg_config *config, unsigned long tsc_khz);

#endif
