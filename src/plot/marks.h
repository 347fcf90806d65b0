/* What happened, as marks over a picture: events that stand close together share one, and no label covers another. */
#pragma once

#include "plot/svg.h"

enum { MARK_LABEL = 160 };

enum mark_mood { MARK_PLAIN, MARK_GOOD, MARK_BAD };

struct mark {
	double x, last_x;      /* pixels: of the line, at its first event; of its last event */
	double label_x, width; /* where the label begins, and how wide it is */
	size_t from, count;    /* of the recording's events */
	unsigned lane;	       /* 0: the lowest */
	enum mark_mood mood;
	char label[MARK_LABEL];
};

struct marks {
	struct mark *list; /* owned */
	size_t count;
	unsigned lanes;
};

/* frame: of the panel below. right: pixels where the picture ends. */
void marks_make(const struct recording *r, const struct frame *frame, double right, struct marks *ret);
void marks_drop(struct marks *m);

enum mark_mood mark_mood_of(const struct record_event *event);
