/* A graph of memory under its limit in a part of a frame: usage as an area, the limit as a line above it, with a scale
 * at the left and the time below. */
#pragma once

#include "top/frame.h"
#include "top/history.h"

struct graph {
	unsigned x, y, width, height; /* of all, with scale and time */
	uint64_t from_ms, to_ms;      /* what is shown */
};

void graph_draw(struct frame *f, const struct graph *g, const struct history *h);

/* The value of the uppermost line of the scale: a bit more than `highest`, and a round number of which a quarter is
 * one, too. For tests. */
uint64_t graph_top(uint64_t highest_bytes);
