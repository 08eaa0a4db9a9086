/*
 * Small checked files: a struct without pointers, behind a CRC-32 of it. The ledger, and what became of a VMM.
 *
 * Written beside and renamed, so that a reader sees the old or the new one. A struct only ever grows at its end: what an
 * earlier release has written is read with zeros there, and of a later one's the surplus is left out. Both functions
 * return 0 or a negative errno; a damaged file is -EBADMSG.
 */
#ifndef BANGER_HELPER_RECORD_H
#define BANGER_HELPER_RECORD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BG_RECORD_MAX = 1024 };

int bg_record_read(int dir, const char *name, void *ret, size_t size);

/* durable: on disk before it returns (file and folder), so that a power cut cannot take it back. */
int bg_record_write(int dir, const char *name, const void *record, size_t size, bool durable);

/* The run folder's "jail-<vm>": who the VMM is, and after its end how that was. */
struct bg_run {
    char jail[17];
    bool ended;
    uint32_t pid;
    uint64_t start;
    int32_t exit_code;
    uint32_t exit_signal;
};
#endif
