/* Axes with round ticks, and numbers as a picture shows them. */
#pragma once

#include <stddef.h>

enum axis_unit { AXIS_SECONDS, AXIS_BYTES, AXIS_BYTES_A_SECOND, AXIS_PERCENT };

struct axis {
	enum axis_unit unit;
	double low, high;
	double step;	/* between ticks */
	double divisor; /* what one of the shown unit is */
	int decimals;
	const char *word; /* "MiB" */
};

/* round_up: the end moves up to the next tick. low < high, else a little is added. */
struct axis axis_make(enum axis_unit unit, double low, double high, int ticks, int round_up);

double axis_first_tick(const struct axis *a);

/* "40 MiB", "1.5 min", "0"; returns buffer. */
char *axis_label(const struct axis *a, double value, char *buffer, size_t size);

/* A figure by itself: "99.6 MiB", "250 ms", "3 min 12 s", "30 %"; returns buffer. */
char *axis_amount(enum axis_unit unit, double value, char *buffer, size_t size);
