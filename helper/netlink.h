/*
 * Requests to the kernel that it answers with an error code; and elements of nft sets as such, some 20 times faster than
 * libnftables, which reads every table of the host first. The sets themselves are libnftables' (tables.nft).
 */
#ifndef BANGER_HELPER_NETLINK_H
#define BANGER_HELPER_NETLINK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Send messages of which one at least has NLM_F_ACK, and wait. 0, or the negative errno of the first that failed. The
 * socket in *fd is made when it is -1, and kept: closing one of nft would wait until the kernel has freed what was taken
 * out, some 10 ms later.
 */
int bg_netlink(int *fd, int protocol, const void *messages, size_t n);

/* Changes of sets that all happen, in order, or none. */
struct bg_batch {
    uint8_t bytes[4096]; /* room for 15 changes; begin with {.n = 0} */
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
