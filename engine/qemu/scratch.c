/* See scratch.h. */
#include "scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

__asm__(".section .rodata\n"
        "memory_so: .incbin \"" MEMORY_SO "\"\n"
        "memory_so_end:\n"
        ".previous\n");
extern const char memory_so[], memory_so_end[];

int bg_scratch(char ret_path[BG_SCRATCH_MAX], struct bg_vmm_error *error)
{
    static const char *const folders[] = {".", "/tmp"};
    int fd = -1;
    for (size_t i = 0; fd < 0 && i < sizeof folders / sizeof folders[0]; i++) {
        (void)snprintf(ret_path, BG_SCRATCH_MAX, "%s/.banger-XXXXXX", folders[i]);
        fd = mkostemp(ret_path, O_CLOEXEC);
    }
    if (fd < 0) {
        (void)snprintf(error->text, sizeof error->text, "%s: %m", ret_path);
        ret_path[0] = '\0';
    }
    return fd;
}

/* Closes; a file that is not what it should be goes. */
static int finish(int fd, bool ok, char *path, struct bg_vmm_error *error)
{
    if (!ok) {
        (void)snprintf(error->text, sizeof error->text,
                       "Error with the KvmVm object: Cannot set the memory regions: %m");
        (void)unlink(path);
        path[0] = '\0';
    }
    close(fd);
    return ok ? 0 : -1;
}

int bg_scratch_inside(char ret_path[BG_SCRATCH_MAX], struct bg_vmm_error *error)
{
    ssize_t size = memory_so_end - memory_so;
    int fd = bg_scratch(ret_path, error);
    if (fd < 0)
        return -1;
    bool ok = write(fd, memory_so, (size_t)size) == size && fchmod(fd, 0500) == 0;
    return finish(fd, ok, ret_path, error);
}

int bg_scratch_memory(uint64_t size, char ret_path[BG_SCRATCH_MAX], struct bg_vmm_error *error)
{
    int fd = bg_scratch(ret_path, error);
    return fd < 0 ? -1 : finish(fd, ftruncate(fd, (off_t)size) == 0, ret_path, error);
}
