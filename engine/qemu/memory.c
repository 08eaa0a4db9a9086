/* The sum goes over the pages that are not zero, each with its place: where the file has holes does
 * not matter. */
#include "memory.h"
#include "sum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE  4096u
#define CHUNK (1u << 20)

static int fail(struct bg_vmm_error *error, int number)
{
    (void)snprintf(error->text, sizeof error->text, "guest memory: %s", strerror(number));
    return -1;
}

static bool is_zero(const char *page)
{
    const uint64_t *words = (const uint64_t *)(const void *)page;
    uint64_t any = 0;
    for (size_t i = 0; i < PAGE / sizeof *words && any == 0; i += 8)
        any = words[i] | words[i + 1] | words[i + 2] | words[i + 3] | words[i + 4] | words[i + 5] |
              words[i + 6] | words[i + 7];
    return any == 0;
}

static void add(uint64_t *sum, const char *page, uint64_t at)
{
    *sum = bg_sum(*sum ^ at, page, PAGE);
}

/* The runs of pages that hold something, and the sum of them. */
static int write_chunk(const char *data, size_t len, uint64_t at, int fd, uint64_t *sum)
{
    size_t begin = 0, i = 0;
    for (; i <= len; i += PAGE) {
        bool zero = i == len || is_zero(data + i);
        if (!zero)
            add(sum, data + i, at + i);
        if (zero && i > begin &&
            pwrite(fd, data + begin, i - begin, (off_t)(at + begin)) != (ssize_t)(i - begin))
            return errno ? errno : ENOSPC;
        if (zero)
            begin = i + PAGE;
    }
    return 0;
}

int bg_memory_save(pid_t pid, uint64_t from, uint64_t size, int fd, uint64_t *ret_sum,
                   struct bg_vmm_error *error)
{
    char *buffer = aligned_alloc(PAGE, CHUNK);
    int r = !buffer ? ENOMEM : ftruncate(fd, (off_t)size) < 0 ? errno : 0;
    *ret_sum = 0;
    for (uint64_t at = 0; r == 0 && at < size;) {
        size_t want = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        struct iovec local = {buffer, want}, remote = {(void *)(uintptr_t)(from + at), want};
        ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        errno = n < 0 ? errno : 0;
        r = n < 0 ? errno : n != (ssize_t)want ? EIO : write_chunk(buffer, want, at, fd, ret_sum);
        at += want;
    }
    free(buffer);
    return r == 0 ? 0 : fail(error, r);
}

int bg_memory_sum(int fd, uint64_t size, uint64_t *ret_sum, struct bg_vmm_error *error)
{
    char *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    off_t at = 0, end;
    *ret_sum = 0;
    if (map == MAP_FAILED)
        return fail(error, errno);
    while ((at = lseek(fd, at, SEEK_DATA)) >= 0 && (uint64_t)at < size) {
        end = lseek(fd, at, SEEK_HOLE);
        for (at -= at % PAGE; at < end && (uint64_t)at < size; at += PAGE)
            if (!is_zero(map + at))
                add(ret_sum, map + at, (uint64_t)at);
    }
    int r = at < 0 && errno != ENXIO ? errno : 0;
    (void)munmap(map, size);
    return r == 0 ? 0 : fail(error, r);
}
