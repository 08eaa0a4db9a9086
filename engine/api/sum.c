/* The rounds are those of xxHash64 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md), with the
 * tail padded by zeros. */
#include "sum.h"

#include <string.h>

#define P1 UINT64_C(0x9e3779b185ebca87)
#define P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3 UINT64_C(0x165667b19e3779f9)

static uint64_t turn(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

static void stripe(uint64_t lanes[4], const unsigned char *p)
{
    uint64_t words[4];
    memcpy(words, p, sizeof words);
    for (int i = 0; i < 4; i++)
        lanes[i] = turn(lanes[i] + words[i] * P2, 31) * P1;
}

uint64_t bg_sum(uint64_t seed, const void *data, size_t len)
{
    uint64_t lanes[4] = {seed + P1 + P2, seed + P2, seed, seed - P1};
    const unsigned char *p = data;
    unsigned char tail[32] = {0};
    size_t left = len;
    for (; left >= 32; left -= 32, p += 32)
        stripe(lanes, p);
    memcpy(tail, p, left);
    stripe(lanes, tail);
    uint64_t sum = turn(lanes[0], 1) + turn(lanes[1], 7) + turn(lanes[2], 12) + turn(lanes[3], 18);
    sum = (sum ^ len) * P3;
    sum = (sum ^ sum >> 33) * P2;
    return sum ^ sum >> 29;
}
