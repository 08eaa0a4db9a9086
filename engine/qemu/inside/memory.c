/* Preloaded into QEMU. The file that is the guest's memory is opened read-only and mapped privately,
 * whatever QEMU asks for:
 *  - A snapshot's memory is root's, read-only, and shared by all VMs that came from it; QEMU before
 *    8.2 opens a memory file for writing only.
 *  - QEMU believes that it maps the file shared. Then x-ignore-shared leaves memory out of the
 *    stream, of a VM that came from a snapshot too.
 * Holes become anonymous memory, which costs no page cache. BANGER_MEMORY is "<fd> <path>": where
 * the mapping is goes to that descriptor, as eight bytes. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/fcntl.h>

#define GAP (128 * 1024) /* smaller holes are mapped with their neighbours: mappings are counted */

int open64(const char *path, int flags, ...);
int __open64_2(const char *path, int flags);

static const char *wanted;
static int report = -1, memory = -1;

__attribute__((constructor)) static void begin(void)
{
    char *end;
    const char *what = getenv("BANGER_MEMORY");
    if (!what)
        return;
    report = (int)strtol(what, &end, 10);
    wanted = end + 1;
}

static int open_any(const char *path, int flags, unsigned mode)
{
    if (!wanted || strcmp(path, wanted) != 0)
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
    memory = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    return memory;
}

int open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    unsigned mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    return open_any(path, flags, mode);
}

int __open64_2(const char *path, int flags)
{
    return open_any(path, flags, 0);
}

static void *map(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
}

/* The end of the data that begins at `at`, over small holes. */
static off_t data_end(off_t at, off_t size)
{
    for (;;) {
        off_t hole = lseek(memory, at, SEEK_HOLE), next = lseek(memory, hole, SEEK_DATA);
        if (hole < 0 || hole >= size)
            return size;
        if (next < 0 || next >= size || next - hole >= GAP)
            return hole;
        at = next;
    }
}

static void *map_memory(void *at, size_t len, int prot, int flags)
{
    const int private = MAP_PRIVATE | MAP_NORESERVE;
    off_t size = (off_t)len, data = 0;
    char *base = map(at, len, prot, (flags & MAP_FIXED) | private | MAP_ANONYMOUS, -1, 0);
    while (base != MAP_FAILED && (data = lseek(memory, data, SEEK_DATA)) >= 0 && data < size) {
        off_t end = data_end(data, size);
        if (map(base + data, (size_t)(end - data), prot, private | MAP_FIXED, memory, data) ==
            MAP_FAILED)
            return MAP_FAILED;
        data = end;
    }
    uint64_t where = (uintptr_t)base;
    if (base != MAP_FAILED && write(report, &where, sizeof where) != (ssize_t)sizeof where)
        return MAP_FAILED;
    return base;
}

void *mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    if (fd < 0 || fd != memory)
        return map(at, len, prot, flags, fd, offset);
    return map_memory(at, len, prot, flags);
}
