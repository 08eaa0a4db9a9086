/* See kernel.h; the texts are linux-loader's. */
#include "kernel.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(struct bg_vmm_error *error, const char *text)
{
    (void)snprintf(error->text, sizeof error->text,
                   "System configuration error: Cannot load kernel due to invalid memory "
                   "configuration or invalid kernel image: Kernel Loader: failed to load ELF "
                   "kernel image: Kernel Loader: %s",
                   text);
    return -1;
}

int bg_kernel_check(int fd, uint64_t memory_bytes, struct bg_vmm_error *error)
{
    Elf64_Ehdr header;
    ssize_t n = pread(fd, &header, sizeof header, 0);
    if (n >= SELFMAG && memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return fail(error, "Invalid Elf magic number");
    if (n != (ssize_t)sizeof header || header.e_phentsize != sizeof(Elf64_Phdr))
        return fail(error, "Unable to read ELF header");
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        if (pread(fd, &segment, sizeof segment, (off_t)(header.e_phoff + i * sizeof segment)) !=
            (ssize_t)sizeof segment)
            return fail(error, "Unable to read program header");
        if (segment.p_type == PT_LOAD &&
            (segment.p_filesz > memory_bytes || segment.p_paddr > memory_bytes - segment.p_filesz))
            return fail(error, "Unable to read kernel image");
    }
    return 0;
}
