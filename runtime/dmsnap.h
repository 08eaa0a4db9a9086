/*
 * Pure knowledge of device-mapper's snapshot target (the kernel's
 * Documentation/admin-guide/device-mapper/snapshot.rst).
 */
#ifndef BG_DMSNAP_H
#define BG_DMSNAP_H

#include <stdint.h>

#include "err.h"

#define BG_DMSNAP_CHUNK_SECTORS 8 /* 4 KiB: what banger makes its stores with */

enum bg_dmsnap_state {
    BG_DMSNAP_OK,
    BG_DMSNAP_INVALID,      /* an I/O error, or the store was full: the content is lost */
    BG_DMSNAP_OVERFLOW,     /* the store is full */
    BG_DMSNAP_MERGE_FAILED, /* merging into the origin failed */
};

struct bg_dmsnap_status {
    enum bg_dmsnap_state state;
    uint64_t used; /* sectors of the store, with metadata; only for BG_DMSNAP_OK */
    uint64_t total;
};

/*
 * A line of `dmsetup status` or the parameters of DM_TABLE_STATUS alone: "[name: ][0 2097152
 * snapshot ]16/20480 16". -EPROTO with code dm.malformed for anything else.
 */
int bg_dmsnap_parse_status(const char *line, struct bg_dmsnap_status *ret_status,
                           struct bg_err *err);

/*
 * Bytes of a persistent store that can hold every chunk of an origin of this size: it never
 * overflows.
 */
uint64_t bg_dmsnap_store_size(uint64_t origin_bytes);

#endif
