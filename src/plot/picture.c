/* The picture: where everything stands, its memory, and the words above. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plot/axis.h"
#include "plot/picture.h"
#include "plot/plot.h"

/* ---- measuring ---- */

static double first_time(const struct recording *r)
{
	uint64_t first = r->until_us;

	if (r->sample_count && r->samples[0].time_us < first)
		first = r->samples[0].time_us;
	/* An event that is older than all samples that are left is left out of the picture (choose_shown). */
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

/* Events outlive the samples of their time, for there are fewer of them; left of the axis there is no place. */
static void choose_shown(const struct picture *p, const struct recording *r, struct block *b)
{
	b->shown = *r;
	while (b->shown.event_count > 0 && (double)b->shown.events->time_us / 1e6 < p->time.low) {
		b->shown.events++;
		b->shown.event_count--;
	}
	b->r = &b->shown;
}

static void measure(struct picture *p, struct block *b)
{
	double low = p->time.low, high = p->time.high;

	series_figure(b->r, FIGURE_MEMORY, &b->usage);
	series_figure(b->r, FIGURE_LIMIT, &b->limit);
	series_held(b->r, &b->held);
	points_reduce(&b->usage, low, high, PLOT);
	points_reduce(&b->held, low, high, PLOT);
	panels_measure(p, b);
}

static void forget(struct block *b)
{
	points_drop(&b->usage);
	points_drop(&b->held);
	points_drop(&b->limit);
	marks_drop(&b->marks);
	panels_forget(b);
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

		if (event->usage_bytes != RECORD_UNKNOWN)
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

	picture_grid(p, f, &p->memory, with_times);
	svg_area(p->out, f, &b->usage, "rest");
	svg_area(p->out, f, &b->held, "held");
	svg_path(p->out, f, &b->usage, false, 0, "usage");
	picture_edges(p, f);
	draw_limit(p, b);
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

	if (find_event(r, "released"))
		snprintf(text, size, "released");
	else if (!end)
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
	const char *path = r->header.command, *slash = strrchr(path, '/'), *command = slash ? slash + 1 : path;
	char date[64] = "?", length[32], end[RECORD_TEXT + 32];
	struct tm local;

	if (localtime_r(&seconds, &local))
		strftime(date, sizeof date, "%F %T %Z", &local);
	put_end(r, end, sizeof end);
	snprintf(text, size, "%s%sstarted %s · %s%s · cgroup %s · %s", command, *command ? " · " : "", date,
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
		x = picture_key(p, x, top, true, "limit", "limit");
	x = picture_key(p, x, top, true, "usage", "in use:");
	if (b->held.count) {
		x = picture_key(p, x, top, false, "held", "anonymous and shared");
		picture_key(p, x, top, false, "rest", "page cache and kernel");
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
	b->frame = picture_frame(p, 0, p->memory_height, &p->memory);
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
			panel_draw(p, b, n, y, --left == 0);
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
		choose_shown(&p, &list[i], &blocks[i]);
		measure(&p, &blocks[i]);
	}
	make_memory_axis(&p, blocks);
	panels_make_axes(&p, blocks);
	for (size_t i = 0; i < count; i++)
		place(&p, &blocks[i]);
	draw_all(&p, blocks);
	for (size_t i = 0; i < count; i++)
		forget(&blocks[i]);
	free(blocks);
}
