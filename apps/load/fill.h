/* Random bytes at the speed of memory, for data that neither a compressing swap nor a deduplicating disk makes smaller.
 *
 * xoshiro256++, two generators side by side in one vector, seeded by the kernel: not for keys.
 * Sources: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021); getrandom(2).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef uint64_t fill_lanes __attribute__((vector_size(16)));

struct fill {
	fill_lanes state[4];
};

int fill_seed(struct fill *f, struct err *e);

/* Any length and alignment; the next call goes on where this one ended. */
void fill_bytes(struct fill *f, void *to, size_t length);
