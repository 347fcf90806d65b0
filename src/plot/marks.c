#include "plot/marks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/axis.h"

enum { FONT = 12, LANES_WISHED = 4, LANES_MAX = 16, KINDS_SHOWN = 3, CLOSE = 6, GAP = 10 };

/* The most important first: when a label has no room for all, these stay. */
static const struct kind {
	const char *type, *words;
	enum mark_mood mood;
	bool limit; /* the limit after it is told */
} kinds[] = {
	{"killed", "killed:", MARK_BAD, false},
	{"exit", "ended", MARK_PLAIN, false},
	{"grew", "grew to", MARK_GOOD, true},
	{"rescued", "rescued", MARK_GOOD, false},
	{"waits", "stopped, for it is full", MARK_BAD, false},
	{"gave_back", "gave back, down to", MARK_PLAIN, true},
	{"set", "limits set", MARK_PLAIN, false},
	{"paused", "paused", MARK_PLAIN, false},
	{"resumed", "resumed", MARK_PLAIN, false},
	{"oom", "full", MARK_PLAIN, false},
	{"pressure", "pressure", MARK_PLAIN, false},
	{"usage", "crossed a level", MARK_PLAIN, false},
	{"started", "started", MARK_PLAIN, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static size_t kind_of(const struct record_event *event)
{
	size_t i = 0;

	while (i < KINDS && strcmp(kinds[i].type, event->type) != 0)
		i++;
	return i;
}

enum mark_mood mark_mood_of(const struct record_event *event)
{
	size_t kind = kind_of(event);

	if (strcmp(event->type, "exit") == 0 && (event->value != 0 || *event->text))
		return MARK_BAD;
	return kind < KINDS ? kinds[kind].mood : MARK_PLAIN;
}

/* ---- the words ---- */

static void put_detail(const struct record_event *event, size_t kind, char *text, size_t size)
{
	char amount[32];

	*text = '\0';
	if (kind < KINDS && kinds[kind].limit && event->limit_bytes != RECORD_UNKNOWN)
		snprintf(text, size, " %s", axis_amount(AXIS_BYTES, (double)event->limit_bytes, amount, sizeof amount));
	else if (strcmp(event->type, "set") == 0 && *event->text)
		snprintf(text, size, ": %s", event->text);
	else if (strcmp(event->type, "exit") == 0 && *event->text)
		snprintf(text, size, " by %s", event->text);
	else if (strcmp(event->type, "exit") == 0 && event->value != RECORD_UNKNOWN)
		snprintf(text, size, " with status %llu", (unsigned long long)event->value);
	else if (*event->text)
		snprintf(text, size, " %s", event->text);
}

/* "grew to 200 MiB", "rescued ×4" */
static void put_kind(const struct record_event *event, size_t kind, size_t times, char *text, size_t size)
{
	const char *words = kind < KINDS ? kinds[kind].words : event->type;
	char detail[RECORD_TEXT + 16], count[24] = "";

	put_detail(event, kind, detail, sizeof detail);
	if (times > 1)
		snprintf(count, sizeof count, " ×%zu", times);
	snprintf(text, size, "%s%s%s", words, detail, count);
}

/* Kinds of the run, by their importance; events of an unknown one are KINDS. */
static void put_label(const struct recording *r, struct mark *m)
{
	size_t times[KINDS + 1] = {0}, latest[KINDS + 1] = {0}, shown = 0;

	m->mood = MARK_PLAIN;
	for (size_t i = m->from; i < m->from + m->count; i++) {
		size_t kind = kind_of(&r->events[i]);
		enum mark_mood mood = mark_mood_of(&r->events[i]);

		times[kind]++;
		latest[kind] = i;
		if (mood > m->mood)
			m->mood = mood;
	}
	m->label[0] = '\0';
	for (size_t kind = 0; kind <= KINDS; kind++) {
		size_t used = strlen(m->label);
		char words[RECORD_TEXT + 64];

		if (times[kind] == 0)
			continue;
		if (shown++ == KINDS_SHOWN) {
			snprintf(m->label + used, sizeof m->label - used, " …");
			break;
		}
		put_kind(&r->events[latest[kind]], kind, times[kind], words, sizeof words);
		snprintf(m->label + used, sizeof m->label - used, "%s%s", used ? "; " : "", words);
	}
	m->width = svg_text_width(m->label, FONT);
}

/* ---- where they stand ---- */

static double event_x(const struct recording *r, const struct frame *f, size_t i)
{
	return frame_x(f, (double)r->events[i].time_us / 1e6);
}

/* Runs of events that are not farther apart than `close` pixels. */
static void gather(const struct recording *r, const struct frame *f, double close, struct marks *ret)
{
	double last = -INFINITY;

	ret->count = 0;
	for (size_t i = 0; i < r->event_count; i++) {
		double x = event_x(r, f, i);

		if (x - last > close)
			ret->list[ret->count++] = (struct mark){.x = x, .from = i};
		ret->list[ret->count - 1].count++;
		ret->list[ret->count - 1].last_x = x;
		last = x;
	}
}

/* Neither over the next label of this lane, nor over a line that goes up through it. */
static bool fits(const struct marks *all, size_t which, unsigned lane)
{
	const struct mark *m = &all->list[which];

	for (size_t i = which + 1; i < all->count; i++) {
		const struct mark *other = &all->list[i];

		if (other->lane == lane && m->label_x + m->width + GAP > other->label_x)
			return false;
		if (other->lane > lane && m->label_x + m->width + CLOSE > other->x)
			return false;
	}
	return true;
}

/* From the right: each into the lowest lane where it fits. */
static void stack(const struct recording *r, double right, struct marks *ret)
{
	ret->lanes = 0;
	for (size_t i = ret->count; i-- > 0;) {
		struct mark *m = &ret->list[i];

		put_label(r, m);
		m->label_x = fmin(m->x, right - m->width);
		while (m->lane < LANES_MAX && !fits(ret, i, m->lane))
			m->lane++;
		if (m->lane >= ret->lanes)
			ret->lanes = m->lane + 1;
	}
}

void marks_make(const struct recording *r, const struct frame *frame, double right, struct marks *ret)
{
	*ret = (struct marks){.list = calloc(r->event_count + 1, sizeof *ret->list)};
	if (!ret->list)
		abort();
	for (double close = CLOSE; close < frame->width * 2; close *= 1.5) {
		gather(r, frame, close, ret);
		stack(r, right, ret);
		if (ret->lanes <= LANES_WISHED)
			return;
	}
}

void marks_drop(struct marks *m)
{
	free(m->list);
	*m = (struct marks){0};
}
