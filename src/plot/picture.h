/* What the parts of a picture share: picture.c (the whole, and the memory) and panels.c (axes, and the small panels
 * below). Nobody else includes this. */
#pragma once

#include "plot/axis.h"
#include "plot/marks.h"
#include "plot/svg.h"

enum {
	WIDTH = 1000,
	LEFT = 84,
	RIGHT = 124,
	PLOT = WIDTH - LEFT - RIGHT,
	EDGE = 14,
	TOP = 40,
	LANE = 17,
	LINE = 17,
	MEMORY_HEIGHT = 250,
	MEMORY_HEIGHT_OF_MANY = 190,
	SMALL_HEIGHT = 72,
	SMALL_HEAD = 32,
	TIME_HEIGHT = 34,
	BETWEEN = 26,
};

enum { PANELS = 3, SERIES_MAX = 3 }; /* small panels, and what is drawn in one */

struct picture {
	FILE *out;
	const struct recording *list;
	size_t count;
	struct axis time, memory, small[PANELS];
	bool shown[PANELS]; /* something happened there, in one of the recordings */
	double memory_height;
};

/* What is drawn of one recording. */
struct block {
	const struct recording *r;
	struct recording shown; /* *r: without what is older than the axis of time; borrowed */
	struct points usage, held, limit;
	struct rates rates[PANELS][SERIES_MAX];
	struct marks marks;
	struct frame frame; /* of its memory */
};

/* ---- panels.c ---- */

struct frame picture_frame(const struct picture *p, double top, double height, const struct axis *y);
void picture_grid(const struct picture *p, const struct frame *f, const struct axis *y, bool with_times);
void picture_edges(const struct picture *p, const struct frame *f);

/* A square, or a line, in its colour, and its words. Returns where the next may stand. */
double picture_key(const struct picture *p, double x, double y, bool line, const char *class, const char *words);

/* Order: measure each block, then the axes of all, then draw. */
void panels_measure(const struct picture *p, struct block *b);
void panels_make_axes(struct picture *p, const struct block *blocks);
void panel_draw(const struct picture *p, struct block *b, size_t n, double top, bool with_times);
void panels_forget(struct block *b);
