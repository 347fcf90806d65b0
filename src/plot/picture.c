/* The picture: where everything stands. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plot/axis.h"
#include "plot/marks.h"
#include "plot/plot.h"
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
	PARTS = PLOT / 4,
};

/* ---- the small panels: one row each ---- */

enum { SERIES_MAX = 3 };
static const struct panel_row {
	const char *title;
	enum axis_unit unit;
	double scale; /* from a figure's rise per second */
	bool stacked; /* areas, one on the other; else lines */
	struct {
		enum record_figure figure;
		const char *words;
	} series[SERIES_MAX]; /* ends with words NULL */
} panel_rows[] = {
	{"CPU", AXIS_PERCENT, 1e-4, true, {{FIGURE_CPU, "used"}, {FIGURE_THROTTLED, "held back by its limit"}}},
	{"Disks", AXIS_BYTES_A_SECOND, 1, false, {{FIGURE_READ, "read"}, {FIGURE_WRITTEN, "written"}}},
	{"Waiting", AXIS_PERCENT, 1e-4, false,
		{{FIGURE_MEMORY_WAIT, "for memory"}, {FIGURE_IO_WAIT, "for disks"}, {FIGURE_CPU_WAIT, "for a CPU"}}},
};
enum { PANELS = sizeof panel_rows / sizeof *panel_rows };

static const char *const area_classes[SERIES_MAX] = {"a", "b", "b"};
static const char *const line_classes[SERIES_MAX] = {"a-line", "b-line", "c-line"};
static const char *const most_classes[SERIES_MAX] = {"a-most", "b-most", "c-most"};

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
	struct points usage, held, limit;
	struct rates rates[PANELS][SERIES_MAX];
	struct marks marks;
	struct frame frame; /* of its memory */
};

/* ---- measuring ---- */

static double first_time(const struct recording *r)
{
	uint64_t first = r->until_us;

	if (r->sample_count && r->samples[0].time_us < first)
		first = r->samples[0].time_us;
	/* An event that is older than all samples that are left is left out of the picture. */
	if (!r->is_cut && r->event_count && r->events[0].time_us < first)
		first = r->events[0].time_us;
	return (double)first / 1e6;
}

static double greatest(const struct points *p)
{
	double most = 0;

	for (size_t i = 0; i < p->count; i++)
		most = fmax(most, p->list[i].y);
	return most;
}

static double greatest_sum(const struct rates *a, const struct rates *b)
{
	double most = 0;

	for (size_t i = 0; i < a->count; i++) {
		double sum = (isnan(a->mean[i]) ? 0 : a->mean[i]) + (isnan(b->mean[i]) ? 0 : b->mean[i]);

		most = fmax(most, fmax(sum, isnan(a->most[i]) ? 0 : a->most[i]));
	}
	return most;
}

static void make_time_axis(struct picture *p)
{
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < p->count; i++) {
		low = fmin(low, first_time(&p->list[i]));
		high = fmax(high, (double)p->list[i].until_us / 1e6);
	}
	/* What began with the axis' end at 0 begins there. */
	if (low < (high - low) * 0.1)
		low = 0;
	p->time = axis_make(AXIS_SECONDS, low, fmax(high, low + 0.05), 9, 0);
}

/* Up to the limit, unless that is so far away that nothing could be seen of the usage. */
static void make_memory_axis(struct picture *p, const struct block *blocks)
{
	double usage = 1 << 20, top = 0;

	for (size_t i = 0; i < p->count; i++)
		usage = fmax(usage, greatest(&blocks[i].usage));
	top = usage * 1.08;
	for (size_t i = 0; i < p->count; i++)
		if (greatest(&blocks[i].limit) <= usage * 4)
			top = fmax(top, greatest(&blocks[i].limit) * 1.04);
	p->memory = axis_make(AXIS_BYTES, 0, top, 6, 0);
}

static double greatest_of(const struct panel_row *row, const struct rates *rates)
{
	double most = 0;

	if (row->stacked)
		return greatest_sum(&rates[0], &rates[1]);
	for (int s = 0; s < SERIES_MAX && row->series[s].words; s++)
		most = fmax(most, rates[s].greatest);
	return most;
}

static void make_small_axes(struct picture *p, const struct block *blocks)
{
	for (size_t n = 0; n < PANELS; n++) {
		double most = 0;

		for (size_t i = 0; i < p->count; i++)
			most = fmax(most, greatest_of(&panel_rows[n], blocks[i].rates[n]) * panel_rows[n].scale);
		p->shown[n] = most > (panel_rows[n].unit == AXIS_PERCENT ? 0.5 : 0);
		p->small[n] = axis_make(panel_rows[n].unit, 0, fmax(most, 1), 3, 1);
	}
}

static void measure(struct picture *p, struct block *b)
{
	double low = p->time.low, high = p->time.high;

	series_figure(b->r, FIGURE_MEMORY, &b->usage);
	series_figure(b->r, FIGURE_LIMIT, &b->limit);
	series_held(b->r, &b->held);
	points_reduce(&b->usage, low, high, PLOT);
	points_reduce(&b->held, low, high, PLOT);
	for (size_t n = 0; n < PANELS; n++)
		for (int s = 0; s < SERIES_MAX && panel_rows[n].series[s].words; s++)
			series_rates(b->r, panel_rows[n].series[s].figure, low, high, PARTS, &b->rates[n][s]);
}

static void forget(struct block *b)
{
	points_drop(&b->usage);
	points_drop(&b->held);
	points_drop(&b->limit);
	marks_drop(&b->marks);
	for (size_t n = 0; n < PANELS; n++)
		for (int s = 0; s < SERIES_MAX; s++)
			rates_drop(&b->rates[n][s]);
}

static struct frame frame_of(const struct picture *p, double top, double height, const struct axis *y)
{
	return (struct frame){LEFT, top, PLOT, height, p->time.low, p->time.high, y->low, y->high};
}

/* ---- axes ---- */

static void draw_grid(const struct picture *p, const struct frame *f, const struct axis *y, bool with_times)
{
	double tick;
	char text[32];

	for (tick = axis_first_tick(&p->time); tick <= p->time.high + p->time.step * 1e-6; tick += p->time.step) {
		double x = frame_x(f, tick);

		svg_line(p->out, x, f->top, x, f->top + f->height, "grid");
		if (with_times)
			svg_text(p->out, x, f->top + f->height + 17, "soft", "middle",
				axis_label(&p->time, tick, text, sizeof text));
	}
	for (tick = axis_first_tick(y); tick <= y->high + y->step * 1e-6; tick += y->step) {
		svg_line(p->out, f->left, frame_y(f, tick), f->left + f->width, frame_y(f, tick), "grid");
		svg_text(p->out, f->left - 8, frame_y(f, tick) + 4, "soft", "end",
			axis_label(y, tick, text, sizeof text));
	}
}

static void draw_edges(const struct picture *p, const struct frame *f)
{
	svg_line(p->out, f->left, f->top, f->left, f->top + f->height, "axis");
	svg_line(p->out, f->left, f->top + f->height, f->left + f->width, f->top + f->height, "axis");
}

/* A square, or a line, in its colour, and its words. Returns where the next may stand. */
static double draw_key(const struct picture *p, double x, double y, bool line, const char *class, const char *words)
{
	if (line)
		svg_line(p->out, x, y - 4, x + 22, y - 4, class);
	else
		svg_rect(p->out, x + 8, y - 10, 12, 12, class);
	svg_text(p->out, x + 27, y, "soft", "start", words);
	return x + 27 + svg_text_width(words, 12) + 12;
}

/* ---- memory ---- */

static void draw_peak(const struct picture *p, const struct block *b)
{
	size_t at = 0;
	char amount[32], text[48];
	const struct frame *f = &b->frame;
	double x, y;
	bool fits;

	for (size_t i = 1; i < b->usage.count; i++)
		if (b->usage.list[i].y > b->usage.list[at].y)
			at = i;
	if (b->usage.count == 0)
		return;
	snprintf(text, sizeof text, "peak %s", axis_amount(AXIS_BYTES, b->usage.list[at].y, amount, sizeof amount));
	x = frame_x(f, b->usage.list[at].x);
	y = frame_y(f, b->usage.list[at].y);
	svg_dot(p->out, x, y, 3.5, "dot");
	/* Right below: left of it usage has climbed, and the limit is above. */
	fits = x + 9 + svg_text_width(text, 12) < WIDTH;
	svg_text(p->out, fits ? x + 9 : x - 9, fmin(y + 18, f->top + f->height - 5), "halo", fits ? "start" : "end",
		text);
}

static void draw_limit(const struct picture *p, const struct block *b)
{
	const struct frame *f = &b->frame;
	double last;
	char amount[32], text[64];

	if (b->limit.count == 0) {
		svg_text(p->out, f->left + f->width + 8, f->top + 12, "soft", "start", "no limit");
		return;
	}
	last = b->limit.list[b->limit.count - 1].y;
	axis_amount(AXIS_BYTES, last, amount, sizeof amount);
	if (last > p->memory.high) {
		snprintf(text, sizeof text, "limit %s ↑", amount);
		svg_text(p->out, f->left + f->width + 8, f->top + 12, "limit-text", "start", text);
		return;
	}
	svg_path(p->out, f, &b->limit, true, (double)b->r->until_us / 1e6, "limit");
	snprintf(text, sizeof text, "limit %s", amount);
	svg_text(p->out, fmin(frame_x(f, (double)b->r->until_us / 1e6), f->left + f->width) + 8, frame_y(f, last) + 4,
		"limit-text halo", "start", text);
}

/* Each event is a dot at what was in use then, and each mark a line through all panels. */
static void draw_dots(const struct picture *p, const struct block *b)
{
	static const char *const classes[] = {"dot", "dot good-dot", "dot bad-dot"};

	for (size_t i = 0; i < b->r->event_count; i++) {
		const struct record_event *event = &b->r->events[i];

		if (event->usage_bytes != RECORD_UNKNOWN && (double)event->time_us / 1e6 >= p->time.low)
			svg_dot(p->out, frame_x(&b->frame, (double)event->time_us / 1e6),
				frame_y(&b->frame, (double)event->usage_bytes), 3, classes[mark_mood_of(event)]);
	}
}

static void draw_marks(const struct picture *p, const struct block *b, double bottom)
{
	static const char *const lines[] = {"mark", "mark good-mark", "mark bad-mark"};
	static const char *const texts[] = {"halo", "good halo", "bad halo"};

	for (size_t i = 0; i < b->marks.count; i++) {
		const struct mark *m = &b->marks.list[i];

		/* Up to its label, or under one that had to move to the left. */
		svg_line(p->out, m->x, b->frame.top - m->lane * LANE - (m->label_x < m->x ? 4 : 18), m->x, bottom,
			lines[m->mood]);
		/* How far the events of one label reach. */
		if (m->last_x - m->x > 8)
			svg_line(p->out, m->x, b->frame.top - 4 - m->lane * LANE, m->last_x,
				b->frame.top - 4 - m->lane * LANE, lines[m->mood]);
	}
	for (size_t i = 0; i < b->marks.count; i++) {
		const struct mark *m = &b->marks.list[i];
		bool flipped = m->label_x < m->x;

		svg_text(p->out, flipped ? m->label_x : m->x + 4, b->frame.top - 8 - m->lane * LANE, texts[m->mood],
			"start", m->label);
	}
}

static void draw_memory(const struct picture *p, const struct block *b, bool with_times)
{
	const struct frame *f = &b->frame;

	draw_grid(p, f, &p->memory, with_times);
	svg_area(p->out, f, &b->usage, "rest");
	svg_area(p->out, f, &b->held, "held");
	svg_path(p->out, f, &b->usage, false, 0, "usage");
	draw_edges(p, f);
	draw_limit(p, b);
}

/* ---- CPU, disks, pressure ---- */

static void scale_rates(struct rates *r, double scale)
{
	for (size_t i = 0; i < r->count; i++) {
		r->mean[i] *= scale;
		r->most[i] *= scale;
	}
}

static bool is_known(const struct rates *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!isnan(r->mean[i]))
			return true;
	return false;
}

/* Parts that stand for many looks show the greatest of them, too, paler. */
static bool is_coarse(const struct block *b, const struct rates *r)
{
	return r->width * 1e6 > 2.5 * (double)b->r->header.interval_us;
}

static void draw_series(const struct picture *p, const struct block *b, const struct frame *f, size_t n)
{
	const struct panel_row *row = &panel_rows[n];

	for (int s = 0; s < SERIES_MAX && row->series[s].words; s++) {
		const struct rates *r = &b->rates[n][s];

		if (is_coarse(b, r) && (!row->stacked || s == 0))
			svg_steps(p->out, f, r, r->most, NULL, true, row->stacked ? "a most" : most_classes[s]);
	}
	for (int s = 0; s < SERIES_MAX && row->series[s].words; s++) {
		const struct rates *r = &b->rates[n][s];

		if (r->greatest > 0)
			svg_steps(p->out, f, r, r->mean, row->stacked && s ? b->rates[n][0].mean : NULL, row->stacked,
				row->stacked ? area_classes[s] : line_classes[s]);
	}
}

static void draw_small(const struct picture *p, struct block *b, size_t n, double top, bool with_times)
{
	const struct panel_row *row = &panel_rows[n];
	struct frame f = frame_of(p, top + SMALL_HEAD, SMALL_HEIGHT, &p->small[n]);
	double x = LEFT;
	char text[64], amount[32];

	for (int s = 0; s < SERIES_MAX && row->series[s].words; s++)
		scale_rates(&b->rates[n][s], row->scale);
	draw_grid(p, &f, &p->small[n], with_times);
	draw_series(p, b, &f, n);
	draw_edges(p, &f);
	svg_text(p->out, EDGE, top + SMALL_HEAD - 11, "", "start", row->title);
	for (int s = 0; s < SERIES_MAX && row->series[s].words; s++)
		if (b->rates[n][s].greatest > 0)
			x = draw_key(p, x, top + SMALL_HEAD - 11, !row->stacked,
				row->stacked ? area_classes[s] : line_classes[s], row->series[s].words);
	if (x <= LEFT)
		svg_text(p->out, LEFT, top + SMALL_HEAD - 11, "soft", "start",
			is_known(&b->rates[n][0]) ? "none" : "not known");
	else if (is_coarse(b, &b->rates[n][0])) {
		axis_amount(AXIS_SECONDS, (double)b->r->header.interval_us / 1e6, amount, sizeof amount);
		snprintf(text, sizeof text, "pale: the most in any %s", amount);
		svg_text(p->out, x + 8, top + SMALL_HEAD - 11, "soft halo", "start", text);
	}
}

/* ---- the words above ---- */

static const struct record_event *find_event(const struct recording *r, const char *type)
{
	for (size_t i = r->event_count; i-- > 0;)
		if (strcmp(r->events[i].type, type) == 0)
			return &r->events[i];
	return NULL;
}

static void put_end(const struct recording *r, char *text, size_t size)
{
	const struct record_event *end = find_event(r, "exit");

	if (!end)
		snprintf(text, size, "%s", r->is_written ? "still running" : "its end was not recorded");
	else if (*end->text)
		snprintf(text, size, "ended by %s", end->text);
	else if (end->value != RECORD_UNKNOWN)
		snprintf(text, size, "ended with status %" PRIu64, end->value);
	else
		snprintf(text, size, "ended");
}

/* "eat · 27 Nov 2026, 17:11:12 · 12.3 s · cgroup hybrid · ended with status 0" */
static void put_facts(const struct recording *r, char *text, size_t size)
{
	time_t seconds = (time_t)(r->header.started_us / 1000000);
	const char *command = strrchr(r->header.command, '/');
	char date[64] = "?", length[32], end[RECORD_TEXT + 32];
	struct tm local;

	if (localtime_r(&seconds, &local))
		strftime(date, sizeof date, "%F %T %Z", &local);
	put_end(r, end, sizeof end);
	snprintf(text, size, "%s · started %s · %s%s · cgroup %s · %s", command ? command + 1 : r->header.command, date,
		axis_amount(AXIS_SECONDS, (double)r->until_us / 1e6, length, sizeof length),
		r->is_cut ? ", the beginning is no longer there" : "", r->header.kind, end);
}

static void draw_head(const struct picture *p, const struct block *b, double top)
{
	char facts[1024];
	double x;

	svg_text(p->out, EDGE, top + 14, "name", "start", b->r->header.name);
	put_facts(b->r, facts, sizeof facts);
	svg_text(p->out, EDGE, top + 14 + LINE, "soft", "start", facts);
	x = LEFT;
	top += 14 + 2 * LINE + 4;
	svg_text(p->out, EDGE, top, "", "start", "Memory");
	if (b->limit.count)
		x = draw_key(p, x, top, true, "limit", "limit");
	x = draw_key(p, x, top, true, "usage", "in use:");
	if (b->held.count) {
		x = draw_key(p, x, top, false, "held", "anonymous and shared");
		draw_key(p, x, top, false, "rest", "page cache and kernel");
	}
}

/* ---- the whole ---- */

static double head_height(const struct block *b)
{
	return 14 + 2 * LINE + 14 + (b->marks.lanes ? b->marks.lanes * LANE : 0) + 4;
}

static size_t shown_count(const struct picture *p)
{
	size_t count = 0;

	for (size_t n = 0; n < PANELS; n++)
		count += p->shown[n];
	return count;
}

static double block_height(const struct picture *p, const struct block *b)
{
	return head_height(b) + p->memory_height + (double)shown_count(p) * (SMALL_HEAD + SMALL_HEIGHT) + TIME_HEIGHT +
	       BETWEEN;
}

static void place(const struct picture *p, struct block *b)
{
	b->frame = frame_of(p, 0, p->memory_height, &p->memory);
	marks_make(b->r, &b->frame, WIDTH - EDGE, &b->marks);
}

static void draw_block(const struct picture *p, struct block *b, double top)
{
	size_t left = shown_count(p);
	double y;

	draw_head(p, b, top);
	b->frame.top = top + head_height(b);
	draw_memory(p, b, left == 0);
	y = b->frame.top + b->frame.height;
	for (size_t n = 0; n < PANELS; n++)
		if (p->shown[n]) {
			draw_small(p, b, n, y, --left == 0);
			y += SMALL_HEAD + SMALL_HEIGHT;
		}
	draw_marks(p, b, y);
	draw_peak(p, b);
	draw_dots(p, b);
	svg_text(p->out, LEFT + PLOT, y + 31, "soft", "end", "time since the start");
}

static void draw_all(struct picture *p, struct block *blocks)
{
	double height = TOP - BETWEEN / 2.0, top = TOP;
	char title[256];

	if (p->count == 1)
		snprintf(title, sizeof title, "%s: memory within its limit", p->list[0].header.name);
	else
		snprintf(title, sizeof title, "Memory within its limit");
	for (size_t i = 0; i < p->count; i++)
		height += block_height(p, &blocks[i]);
	svg_begin(p->out, WIDTH, height, title);
	svg_text(p->out, EDGE, 27, "title", "start", "Memory within its limit");
	for (size_t i = 0; i < p->count; i++) {
		draw_block(p, &blocks[i], top);
		top += block_height(p, &blocks[i]);
	}
	svg_end(p->out);
}

void plot_svg(FILE *out, const struct recording *list, size_t count)
{
	struct picture p = {.out = out, .list = list, .count = count};
	struct block *blocks = calloc(count + 1, sizeof *blocks);

	if (!blocks)
		abort();
	p.memory_height = count > 1 ? MEMORY_HEIGHT_OF_MANY : MEMORY_HEIGHT;
	make_time_axis(&p);
	for (size_t i = 0; i < count; i++) {
		blocks[i].r = &list[i];
		measure(&p, &blocks[i]);
	}
	make_memory_axis(&p, blocks);
	make_small_axes(&p, blocks);
	for (size_t i = 0; i < count; i++)
		place(&p, &blocks[i]);
	draw_all(&p, blocks);
	for (size_t i = 0; i < count; i++)
		forget(&blocks[i]);
	free(blocks);
}
