#include "cage/grow.h"

enum { LEAST_STEP = 1 << 20, MARGIN = 16 << 20 }; /* less would be used up at once by what the kernel charges ahead */

bool grow_keeps_reserve(const struct grow *g, uint64_t limit_bytes, uint64_t usage_bytes, uint64_t available_bytes)
{
	uint64_t more = limit_bytes > usage_bytes ? limit_bytes - usage_bytes : 0;

	return more == 0 || (available_bytes >= g->reserve_bytes && more <= available_bytes - g->reserve_bytes);
}

enum grow_verdict grow_decide(const struct grow *g, const struct grow_situation *s, uint64_t *ret_limit_bytes)
{
	uint64_t step = g->step_bytes, kept = g->reserve_bytes, spare;

	if (s->limit_bytes >= g->ceiling_bytes)
		return GROW_AT_CEILING;
	if (!s->full && s->since_ms < g->cooldown_ms)
		return GROW_NOT_YET;
	if (step > g->ceiling_bytes - s->limit_bytes)
		step = g->ceiling_bytes - s->limit_bytes;
	if (s->limit_bytes > s->usage_bytes)
		kept += s->limit_bytes - s->usage_bytes;
	spare = s->available_bytes > kept ? s->available_bytes - kept : 0;
	if (step > spare)
		step = spare;
	if (step < LEAST_STEP && s->limit_bytes + step < g->ceiling_bytes)
		return GROW_NO_RESERVE;
	*ret_limit_bytes = s->limit_bytes + step;
	return GROW_BY_STEP;
}

/* An eighth more than what is used, and a margin: a limit that is reached again at once was lowered in vain. */
uint64_t give_back_decide(const struct give_back *g, uint64_t limit_bytes, uint64_t used_bytes)
{
	uint64_t target = used_bytes + used_bytes / 8 + MARGIN;

	if (target < g->floor_bytes)
		target = g->floor_bytes;
	target = (target + LEAST_STEP - 1) / LEAST_STEP * LEAST_STEP;
	return target + MARGIN / 4 < limit_bytes ? target : limit_bytes;
}
