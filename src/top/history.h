/* Memory and its limit over time, in a fixed space: the last minutes as they were read, and all of it in points that
 * are put together in pairs whenever there is no more room, so that the highest usage of each is kept. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { HISTORY_POINTS = 1024 };

struct history_point {
	uint64_t ms;		   /* on the clock of the caller */
	uint32_t usage_k, limit_k; /* KiB; UINT32_MAX: none, or not known */
};

struct history {
	struct history_point recent[HISTORY_POINTS]; /* a ring */
	struct history_point whole[HISTORY_POINTS];
	size_t recent_count, recent_next;
	size_t whole_count, per_point, in_last; /* readings that a point of the whole stands for; that the last has */
};

/* All zero is empty.  Bytes; UINT64_MAX: no limit. */
void history_add(struct history *h, uint64_t ms, uint64_t usage_bytes, uint64_t limit_bytes);

/* When the first reading was. */
uint64_t history_start(const struct history *h);

/* The span from from_ms to to_ms in `count` slices: in each the highest usage and the last limit; where no reading was
 * in a slice what was before it, and UINT64_MAX before the first. */
void history_slices(const struct history *h, uint64_t from_ms, uint64_t to_ms, size_t count, uint64_t *usage_bytes,
	uint64_t *limit_bytes);
