/* See memory.h. */
#include "memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int bg_memory_create(uint64_t size, struct bg_memory *ret, struct bg_vmm_error *error)
{
    *ret = (struct bg_memory){.fd = -1};
    char path[] = "/dev/shm/banger-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (ftruncate(fd, (off_t)size) < 0) {
        (void)snprintf(error->text, sizeof error->text,
                       "Error with the KvmVm object: Cannot set the memory regions: %m");
        (void)unlink(path);
        close(fd);
        return -1;
    }
    (void)snprintf(ret->path, sizeof ret->path, "%s", path);
    ret->fd = fd;
    return 0;
}

void bg_memory_unname(struct bg_memory *memory)
{
    if (memory->path[0])
        (void)unlink(memory->path);
    memory->path[0] = '\0';
}
