#include "plot/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- points ---- */

void points_add(struct points *p, double x, double y)
{
	if (p->count == p->size) {
		p->size = p->size ? p->size * 2 : 256;
		p->list = reallocarray(p->list, p->size, sizeof *p->list);
		if (!p->list)
			abort();
	}
	p->list[p->count++] = (struct point){x, y};
}

void points_drop(struct points *p)
{
	free(p->list);
	*p = (struct points){0};
}

static size_t column_of(double x, double low, double high, size_t columns)
{
	double column = (x - low) / (high - low) * (double)columns;

	if (!(column > 0))
		return 0;
	return column < (double)columns ? (size_t)column : columns - 1;
}

/* Points that stand for the run list[from..to): in their order, each once. */
static size_t keep_run(const struct point *list, size_t from, size_t to, struct point *ret)
{
	size_t least = from, greatest = from, kept = 0;

	for (size_t i = from; i < to; i++) {
		if (list[i].y < list[least].y)
			least = i;
		if (list[i].y > list[greatest].y)
			greatest = i;
	}
	for (size_t i = from; i < to; i++)
		if (i == from || i == least || i == greatest || i + 1 == to)
			ret[kept++] = list[i];
	return kept;
}

void points_reduce(struct points *p, double low, double high, size_t columns)
{
	size_t used = 0, from = 0;

	if (p->count <= columns * 4 || !(high > low))
		return;
	while (from < p->count) {
		size_t column = column_of(p->list[from].x, low, high, columns), to = from + 1;
		struct point kept[4];
		size_t count;

		while (to < p->count && column_of(p->list[to].x, low, high, columns) == column)
			to++;
		count = keep_run(p->list, from, to, kept);
		memcpy(p->list + used, kept, count * sizeof *kept);
		used += count;
		from = to;
	}
	p->count = used;
}

/* ---- figures ---- */

static uint64_t of_event(const struct record_event *event, enum record_figure which)
{
	return which == FIGURE_MEMORY  ? event->usage_bytes
	       : which == FIGURE_LIMIT ? event->limit_bytes
				       : RECORD_UNKNOWN;
}

static void add_known(struct points *p, uint64_t time_us, uint64_t value)
{
	if (value != RECORD_UNKNOWN)
		points_add(p, (double)time_us / 1e6, (double)value);
}

/* The kernel's peak tells of what was between two looks. */
static uint64_t hidden_peak(const struct recording *r, size_t i)
{
	const uint64_t *now = r->samples[i].figures;
	uint64_t before = i ? r->samples[i - 1].figures[FIGURE_PEAK] : RECORD_UNKNOWN;

	if (before == RECORD_UNKNOWN || now[FIGURE_PEAK] == RECORD_UNKNOWN || now[FIGURE_PEAK] <= before ||
		now[FIGURE_PEAK] <= now[FIGURE_MEMORY])
		return RECORD_UNKNOWN;
	return now[FIGURE_PEAK];
}

void series_figure(const struct recording *r, enum record_figure which, struct points *ret)
{
	size_t e = 0;

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct record_sample *s = &r->samples[i];

		for (; e < r->event_count && r->events[e].time_us <= s->time_us; e++)
			add_known(ret, r->events[e].time_us, of_event(&r->events[e], which));
		if (which == FIGURE_MEMORY)
			add_known(ret, s->time_us, hidden_peak(r, i));
		add_known(ret, s->time_us, s->figures[which]);
	}
	for (; e < r->event_count; e++)
		add_known(ret, r->events[e].time_us, of_event(&r->events[e], which));
}

void series_held(const struct recording *r, struct points *ret)
{
	for (size_t i = 0; i < r->sample_count; i++) {
		const uint64_t *f = r->samples[i].figures;

		if (f[FIGURE_ANONYMOUS] != RECORD_UNKNOWN)
			points_add(ret, (double)r->samples[i].time_us / 1e6,
				(double)f[FIGURE_ANONYMOUS] +
					(f[FIGURE_SHMEM] == RECORD_UNKNOWN ? 0 : (double)f[FIGURE_SHMEM]));
	}
}

/* ---- rates ---- */

static void spread(struct rates *r, double *covered, double from, double to, double rise)
{
	double speed = rise / (to - from);

	for (size_t i = column_of(from, r->low, r->low + r->width * (double)r->count, r->count); i < r->count; i++) {
		double begin = r->low + r->width * (double)i, end = begin + r->width;
		double overlap = fmin(end, to) - fmax(begin, from);

		if (begin >= to)
			break;
		if (overlap <= 0)
			continue;
		r->mean[i] += speed * overlap;
		covered[i] += overlap;
		if (!(r->most[i] >= speed))
			r->most[i] = speed;
		if (speed > r->greatest)
			r->greatest = speed;
	}
}

/* Two samples that stand close together, as at an event, would say too much of the moment between them. */
static void spread_all(const struct recording *r, enum record_figure which, struct rates *ret, double *covered)
{
	const struct record_sample *from = NULL;

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct record_sample *s = &r->samples[i];
		uint64_t a, b = s->figures[which];

		if (b == RECORD_UNKNOWN)
			continue;
		if (from && s->time_us - from->time_us <= r->header.interval_us / 2)
			continue;
		if (from) {
			a = from->figures[which];
			spread(ret, covered, (double)from->time_us / 1e6, (double)s->time_us / 1e6,
				b > a ? (double)(b - a) : 0);
		}
		from = s;
	}
}

void series_rates(const struct recording *r, enum record_figure which, double low, double high, size_t most_parts,
	struct rates *ret)
{
	double looks = (high - low) * 1e6 / (double)r->header.interval_us;
	double *covered;

	*ret = (struct rates){.low = low, .count = most_parts};
	if (looks < (double)most_parts)
		ret->count = looks > 1 ? (size_t)looks : 1;
	ret->width = (high - low) / (double)ret->count;
	ret->mean = calloc(ret->count, sizeof *ret->mean);
	ret->most = calloc(ret->count, sizeof *ret->most);
	covered = calloc(ret->count, sizeof *covered);
	if (!ret->mean || !ret->most || !covered)
		abort();
	spread_all(r, which, ret, covered);
	for (size_t i = 0; i < ret->count; i++) {
		ret->mean[i] = covered[i] > 0 ? ret->mean[i] / covered[i] : NAN;
		if (!(covered[i] > 0))
			ret->most[i] = NAN;
	}
	free(covered);
}

void rates_drop(struct rates *r)
{
	free(r->mean);
	free(r->most);
	*r = (struct rates){0};
}
