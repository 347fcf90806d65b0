#include "top/history.h"

#include <stdbool.h>

static uint32_t to_k(uint64_t bytes)
{
	return bytes / 1024 >= UINT32_MAX ? UINT32_MAX : (uint32_t)(bytes / 1024);
}

static uint64_t to_bytes(uint32_t k)
{
	return k == UINT32_MAX ? UINT64_MAX : (uint64_t)k * 1024;
}

/* Later is what follows. UINT32_MAX of usage is "not known", which any usage is more than. */
static void put_together(struct history_point *p, const struct history_point *later)
{
	if (p->usage_k == UINT32_MAX || (later->usage_k != UINT32_MAX && later->usage_k > p->usage_k))
		p->usage_k = later->usage_k;
	p->limit_k = later->limit_k;
}

static void halve(struct history *h)
{
	for (size_t i = 0; i < HISTORY_POINTS / 2; i++) {
		h->whole[i] = h->whole[2 * i];
		put_together(&h->whole[i], &h->whole[2 * i + 1]);
	}
	h->whole_count = HISTORY_POINTS / 2;
	h->per_point *= 2;
}

void history_add(struct history *h, uint64_t ms, uint64_t usage_bytes, uint64_t limit_bytes)
{
	struct history_point p = {ms, to_k(usage_bytes), to_k(limit_bytes)};

	h->recent[h->recent_next] = p;
	h->recent_next = (h->recent_next + 1) % HISTORY_POINTS;
	if (h->recent_count < HISTORY_POINTS)
		h->recent_count++;

	if (h->per_point == 0)
		h->per_point = 1;
	if (h->whole_count && h->in_last < h->per_point) {
		put_together(&h->whole[h->whole_count - 1], &p);
		h->in_last++;
		return;
	}
	if (h->whole_count == HISTORY_POINTS)
		halve(h);
	h->whole[h->whole_count++] = p;
	h->in_last = 1;
}

uint64_t history_start(const struct history *h)
{
	return h->whole_count ? h->whole[0].ms : 0;
}

static const struct history_point *recent_at(const struct history *h, size_t i)
{
	return &h->recent[(h->recent_next + HISTORY_POINTS - h->recent_count + i) % HISTORY_POINTS];
}

static const struct history_point *point_at(const struct history *h, bool whole, size_t i)
{
	return whole ? &h->whole[i] : recent_at(h, i);
}

void history_slices(const struct history *h, uint64_t from_ms, uint64_t to_ms, size_t count, uint64_t *usage_bytes,
	uint64_t *limit_bytes)
{
	bool whole = h->recent_count && recent_at(h, 0)->ms > from_ms && history_start(h) < recent_at(h, 0)->ms;
	size_t points = whole ? h->whole_count : h->recent_count, at = 0;
	struct history_point last = {0, UINT32_MAX, UINT32_MAX};

	for (size_t slice = 0; slice < count; slice++) {
		uint64_t begin = from_ms + (to_ms - from_ms) * slice / count;
		uint64_t end = from_ms + (to_ms - from_ms) * (slice + 1) / count;
		struct history_point here = last;
		bool fresh = true;

		for (; at < points && point_at(h, whole, at)->ms <= end; at++) {
			last = *point_at(h, whole, at);
			if (fresh || last.ms < begin)
				here = last;
			else
				put_together(&here, &last);
			fresh = false;
		}
		usage_bytes[slice] = to_bytes(here.usage_k);
		limit_bytes[slice] = to_bytes(here.limit_k);
	}
}
