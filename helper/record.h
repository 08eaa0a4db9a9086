/*
 * Small checked text files: lines "key value", then "sum <crc32>". The ledger and the monitor's exit records.
 *
 * Written beside and renamed, so that a reader sees the old or the new one. Keys are [a-z_]{1,15}, values
 * [a-z0-9-]{1,64}. All functions return 0 or a negative errno; a damaged file is -EBADMSG.
 */
#ifndef BANGER_HELPER_RECORD_H
#define BANGER_HELPER_RECORD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BG_RECORD_FIELDS = 16, BG_RECORD_MAX = 1400 };

struct bg_record {
    size_t n;
    struct {
        char key[16], value[65];
    } f[BG_RECORD_FIELDS];
};

int bg_record_parse(struct bg_record *ret, const char *text, size_t length);
int bg_record_read(struct bg_record *ret, int dir, const char *name);

/* durable: on disk before it returns (file and folder), so that a power cut cannot take it back. */
int bg_record_write(const struct bg_record *r, int dir, const char *name, bool durable);

/* Setting a key again replaces it. */
void bg_record_set(struct bg_record *r, const char *key, const char *value);
void bg_record_set_u64(struct bg_record *r, const char *key, uint64_t value);
const char *bg_record_get(const struct bg_record *r, const char *key); /* NULL when absent */
bool bg_record_u64(const struct bg_record *r, const char *key, uint64_t *ret); /* plain decimal */
bool bg_record_u32(const struct bg_record *r, const char *key, uint32_t *ret);
#endif
