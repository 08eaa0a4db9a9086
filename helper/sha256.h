/* SHA-256 (FIPS 180-4). Our own, so that root code links no crypto library for one digest. */
#ifndef BANGER_HELPER_SHA256_H
#define BANGER_HELPER_SHA256_H
#include <stddef.h>
#include <stdint.h>

struct bg_sha256 {
    uint32_t h[8];
    uint8_t block[64];
    uint64_t length;
};
void bg_sha256_init(struct bg_sha256 *s);
void bg_sha256_add(struct bg_sha256 *s, const void *bytes, size_t n);
void bg_sha256_end(struct bg_sha256 *s, uint8_t ret[static 32]);
#endif
