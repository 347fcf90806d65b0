/* Axes, and the small panels below the memory: CPU, disks, pressure. */
#include <math.h>
#include <string.h>

#include "plot/picture.h"

enum { PARTS = PLOT / 4 };

struct frame picture_frame(const struct picture *p, double top, double height, const struct axis *y)
{
	return (struct frame){LEFT, top, PLOT, height, p->time.low, p->time.high, y->low, y->high};
}

/* ---- axes ---- */

void picture_grid(const struct picture *p, const struct frame *f, const struct axis *y, bool with_times)
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

void picture_edges(const struct picture *p, const struct frame *f)
{
	svg_line(p->out, f->left, f->top, f->left, f->top + f->height, "axis");
	svg_line(p->out, f->left, f->top + f->height, f->left + f->width, f->top + f->height, "axis");
}

double picture_key(const struct picture *p, double x, double y, bool line, const char *class, const char *words)
{
	if (line)
		svg_line(p->out, x, y - 4, x + 22, y - 4, class);
	else
		svg_rect(p->out, x + 8, y - 10, 12, 12, class);
	svg_text(p->out, x + 27, y, "soft", "start", words);
	return x + 27 + svg_text_width(words, 12) + 12;
}

/* ---- the small panels: one row each ---- */

static const struct panel_row {
	const char *title;
	enum axis_unit unit;
	double scale; /* from a figure's rise per second */
	bool stacked; /* areas, one on the other; else lines */
	struct {
		enum record_figure figure;
		const char *words;
	} series[SERIES_MAX]; /* ends with words NULL */
} panel_rows[PANELS] = {
	{"CPU", AXIS_PERCENT, 1e-4, true, {{FIGURE_CPU, "used"}, {FIGURE_THROTTLED, "held back by its limit"}}},
	{"Disks", AXIS_BYTES_A_SECOND, 1, false, {{FIGURE_READ, "read"}, {FIGURE_WRITTEN, "written"}}},
	{"Waiting", AXIS_PERCENT, 1e-4, false,
		{{FIGURE_MEMORY_WAIT, "for memory"}, {FIGURE_IO_WAIT, "for disks"}, {FIGURE_CPU_WAIT, "for a CPU"}}},
};
static const char *const area_classes[SERIES_MAX] = {"a", "b", "b"};
static const char *const line_classes[SERIES_MAX] = {"a-line", "b-line", "c-line"};
static const char *const most_classes[SERIES_MAX] = {"a-most", "b-most", "c-most"};

/* ---- measuring ---- */

void panels_measure(const struct picture *p, struct block *b)
{
	for (size_t n = 0; n < PANELS; n++)
		for (int s = 0; s < SERIES_MAX && panel_rows[n].series[s].words; s++)
			series_rates(b->r, panel_rows[n].series[s].figure, p->time.low, p->time.high, PARTS,
				&b->rates[n][s]);
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

static double greatest_of(const struct panel_row *row, const struct rates *rates)
{
	double most = 0;

	if (row->stacked)
		return greatest_sum(&rates[0], &rates[1]);
	for (int s = 0; s < SERIES_MAX && row->series[s].words; s++)
		most = fmax(most, rates[s].greatest);
	return most;
}

void panels_make_axes(struct picture *p, const struct block *blocks)
{
	for (size_t n = 0; n < PANELS; n++) {
		double most = 0;

		for (size_t i = 0; i < p->count; i++)
			most = fmax(most, greatest_of(&panel_rows[n], blocks[i].rates[n]) * panel_rows[n].scale);
		p->shown[n] = most > (panel_rows[n].unit == AXIS_PERCENT ? 0.5 : 0);
		p->small[n] = axis_make(panel_rows[n].unit, 0, fmax(most, 1), 3, 1);
	}
}

void panels_forget(struct block *b)
{
	for (size_t n = 0; n < PANELS; n++)
		for (int s = 0; s < SERIES_MAX; s++)
			rates_drop(&b->rates[n][s]);
}

/* ---- drawing ---- */

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
	return r->width * 1e6 > 5 * (double)b->r->header.interval_us;
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

void panel_draw(const struct picture *p, struct block *b, size_t n, double top, bool with_times)
{
	const struct panel_row *row = &panel_rows[n];
	struct frame f = picture_frame(p, top + SMALL_HEAD, SMALL_HEIGHT, &p->small[n]);
	double x = LEFT;
	char text[64], amount[32];

	for (int s = 0; s < SERIES_MAX && row->series[s].words; s++)
		scale_rates(&b->rates[n][s], row->scale);
	picture_grid(p, &f, &p->small[n], with_times);
	draw_series(p, b, &f, n);
	picture_edges(p, &f);
	svg_text(p->out, EDGE, top + SMALL_HEAD - 11, "", "start", row->title);
	for (int s = 0; s < SERIES_MAX && row->series[s].words; s++)
		if (b->rates[n][s].greatest > 0)
			x = picture_key(p, x, top + SMALL_HEAD - 11, !row->stacked,
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
