/* A checksum against damage, not against people: four lanes of 64 bits, as fast as memory. */
#ifndef BG_ENGINE_SUM_H
#define BG_ENGINE_SUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t bg_sum(uint64_t seed, const void *data, size_t len);

#endif
