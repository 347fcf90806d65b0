/* The memory that the program holds: chunks of one size, full of random bytes.
 *
 * Each chunk is a mapping of its own, so that what is given back really goes back to the kernel.  All calls but
 * hold_drop may be made by several threads at once; of hold_take there should be one at a time, for a second one's
 * mmap() would wait for the first, if that is held up, and everybody who gives memory back would wait for both.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct hold;

struct hold_sum {
	uint64_t chunks, bytes;
};

/* chunk_bytes: of each chunk, at least 1. NULL: memory exhausted. */
struct hold *hold_new(size_t chunk_bytes);
void hold_drop(struct hold **h); /* gives all back */

/* Takes a chunk, fills it, and keeps it.  Filling may block for as long as the cage's memory is full.
 * -ENOMEM: there is no room for the mapping.  -ECANCELED: *stop became true; nothing is kept. */
int hold_take(struct hold *h, const atomic_bool *stop, struct err *e);

/* Gives back so many chunks, the latest first, or all that there are; returns what it was. */
struct hold_sum hold_give_back(struct hold *h, uint64_t chunks);

struct hold_sum hold_count(struct hold *h);
size_t hold_chunk_bytes(const struct hold *h);
