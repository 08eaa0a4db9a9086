/*
 * Elements of nft sets, straight by netlink: some 20 times faster than libnftables, which reads every table of the host
 * first. The sets themselves are libnftables' (tables.nft).
 *
 * A batch is a transaction: all of it happens, in order, or nothing.
 */
#ifndef BANGER_HELPER_NFT_SET_H
#define BANGER_HELPER_NFT_SET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bg_batch {
    uint8_t bytes[4096]; /* room for some 20 changes; begin with {.n = 0} */
    size_t n;
};

struct bg_element {
    uint8_t family; /* NFPROTO_x */
    const char *set;
    const void *key, *data; /* as the kernel has them: each part padded to 4 bytes; data of maps */
    int key_size, data_size;
    uint64_t timeout_ms; /* 0: stays */
    bool end;            /* of an interval: the first address behind it */
};

/* The element is to be there, or not: put in first, so that taking out succeeds whether it was there. */
void bg_batch_add(struct bg_batch *b, const char *table, const struct bg_element *e, bool here);
/* 0, or the negative errno of the first change that failed: -ENOENT when the table is not there. */
int bg_batch_commit(struct bg_batch *b);
#endif
