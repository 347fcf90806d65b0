/* Lines of a picture out of a recording, reduced to as many points as can be seen. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "record/record.h"

struct point {
	double x, y; /* seconds; bytes */
};

struct points {
	struct point *list; /* owned */
	size_t count, size;
};

void points_add(struct points *p, double x, double y); /* memory exhausted aborts */
void points_drop(struct points *p);

/* Of each of `columns` between the ends: first, least, greatest and last point; so no spike is lost. */
void points_reduce(struct points *p, double low, double high, size_t columns);

/* A figure of each sample, and what events say of it: usage and limit. Memory that rose above its last peak between two
 * samples is a point of its own. Figures that are not known are left out. */
void series_figure(const struct recording *r, enum record_figure which, struct points *ret);

/* anonymous and shared memory: what cannot be taken away without swap. */
void series_held(const struct recording *r, struct points *ret);

/* How fast a figure rises, in equal parts of the time between the ends. */
struct rates {
	double low, width; /* of a part, seconds */
	size_t count;
	double *mean, *most; /* owned; per second; NAN: not known */
	double greatest;     /* of `most`; 0: it never rises, or is not known */
};

void series_rates(const struct recording *r, enum record_figure which, double low, double high, size_t most_parts,
	struct rates *ret);
void rates_drop(struct rates *r);
