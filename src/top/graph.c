#include "top/graph.h"

#include <stdlib.h>
#include <string.h>

#include "top/figure.h"

enum { SCALE = 7, DOTS_X_MAX = 2048 };

/* Dots in one cell, across and down. */
static const struct grain {
	unsigned across, down;
} grains[] = {
	[GLYPHS_ALL] = {2, 4},	  /* Braille */
	[GLYPHS_BLOCKS] = {1, 2}, /* half blocks */
	[GLYPHS_ASCII] = {1, 1},
};

struct plot { /* where the dots are */
	struct frame *f;
	unsigned x, y, columns, rows;
	struct grain grain;
	unsigned dots_x, dots_y;
	uint64_t top;
	uint64_t *usage, *limit; /* one each for each dot across */
};

/* ---- scale ---- */

uint64_t graph_top(uint64_t highest_bytes)
{
	static const unsigned steps[] = {4, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 100, 128, 160, 200, 240, 256,
		320, 400, 480, 512, 640, 800, 960, 1000};
	uint64_t unit = 1024;

	for (;;) {
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
			if (steps[i] * unit >= highest_bytes)
				return steps[i] * unit;
		if (unit > UINT64_MAX / 1024 / 1000)
			return UINT64_MAX - 1;
		unit *= 1024;
	}
}

static uint64_t highest(const struct plot *p)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < p->dots_x; i++) {
		if (p->usage[i] != UINT64_MAX && p->usage[i] > most)
			most = p->usage[i];
		if (p->limit[i] != UINT64_MAX && p->limit[i] > most)
			most = p->limit[i];
	}
	return most + most / 16; /* so that the limit does not hide in the edge */
}

/* The number of dots from below that a value reaches. */
static unsigned dots_of(const struct plot *p, uint64_t bytes)
{
	double dots = (double)bytes / (double)p->top * p->dots_y;

	return dots >= p->dots_y ? p->dots_y : (unsigned)(dots + 0.5);
}

/* ---- cells ---- */

/* Bits of U+2800: the dots of the left and of the right column, from above. */
static const unsigned char braille[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

struct mixed {		     /* what falls into one cell */
	unsigned area, line; /* bits: down * across */
};

static uint32_t rune_of(enum glyphs glyphs, const struct mixed *m)
{
	unsigned all = m->area | m->line, bits = 0;

	if (!all)
		return ' ';
	switch (glyphs) {
	case GLYPHS_ALL:
		for (unsigned i = 0; i < 8; i++)
			if (all & 1U << i)
				bits |= braille[i / 2][i % 2];
		return 0x2800 + bits;
	case GLYPHS_BLOCKS:
		if (m->line)
			return 0x2500; /* a line is thinner than a block, and tells itself apart from the area */
		return all == 3 ? 0x2588 : all == 1 ? 0x2580 : 0x2584;
	case GLYPHS_ASCII:
		return m->line ? '-' : '#';
	}
	return ' ';
}

/* The line of the limit joins its steps. */
static void add_line(const struct plot *p, unsigned dot_x, unsigned low_y, unsigned high_y, struct mixed *m)
{
	unsigned level, before;

	if (p->limit[dot_x] == UINT64_MAX)
		return;
	level = dots_of(p, p->limit[dot_x]);
	before = dot_x && p->limit[dot_x - 1] != UINT64_MAX ? dots_of(p, p->limit[dot_x - 1]) : level;
	for (unsigned y = low_y; y < high_y; y++)
		if (y + 1 == level || (y + 1 > before && y + 1 < level) || (y + 1 < before && y + 1 > level))
			m->line |= 1U << ((high_y - 1 - y) * p->grain.across + dot_x % p->grain.across);
}

static void add_area(const struct plot *p, unsigned dot_x, unsigned low_y, unsigned high_y, struct mixed *m)
{
	unsigned level = p->usage[dot_x] == UINT64_MAX ? 0 : dots_of(p, p->usage[dot_x]);

	for (unsigned y = low_y; y < high_y && y < level; y++)
		m->area |= 1U << ((high_y - 1 - y) * p->grain.across + dot_x % p->grain.across);
}

static bool is_near(const struct plot *p, unsigned column)
{
	unsigned dot = column * p->grain.across;
	uint64_t usage = p->usage[dot], limit = p->limit[dot];

	return usage != UINT64_MAX && limit != UINT64_MAX && usage >= limit - limit / 10;
}

/* Usage reaches the limit, as far as the grain tells. */
static bool touches(const struct plot *p, unsigned column)
{
	for (unsigned i = 0; i < p->grain.across; i++) {
		unsigned dot = column * p->grain.across + i;

		if (p->usage[dot] != UINT64_MAX && p->limit[dot] != UINT64_MAX &&
			dots_of(p, p->usage[dot]) + 1 >= dots_of(p, p->limit[dot]))
			return true;
	}
	return false;
}

static void draw_cell(const struct plot *p, unsigned column, unsigned row)
{
	unsigned high = p->dots_y - row * p->grain.down, low = high - p->grain.down;
	struct mixed m = {0};
	int style;

	for (unsigned i = 0; i < p->grain.across; i++) {
		add_area(p, column * p->grain.across + i, low, high, &m);
		add_line(p, column * p->grain.across + i, low, high, &m);
	}
	if (!m.area && !m.line)
		return;
	if (m.line && !touches(p, column)) /* a cell has one colour: the line keeps it for itself */
		m.area = 0;
	style = m.line ? STYLE_BAD : is_near(p, column) ? STYLE_CARE : STYLE_GOOD;
	frame_rune(p->f, p->x + column, p->y + row, style, rune_of(p->f->glyphs, &m));
}

/* ---- around it ---- */

/* As many parts as have a row between them. */
static void draw_scale(const struct plot *p)
{
	unsigned parts = p->rows >= 8 ? 4 : p->rows >= 4 ? 2 : 1;
	bool ascii = p->f->glyphs == GLYPHS_ASCII;
	char text[FIGURE_TEXT];

	for (unsigned row = 0; row < p->rows; row++)
		frame_rune(p->f, p->x - 1, p->y + row, STYLE_FAINT, ascii ? '|' : 0x2502);
	for (unsigned i = 0; i <= parts; i++) { /* the lowest stands where the time begins */
		unsigned row = (p->rows * i + parts / 2) / parts;

		frame_right(p->f, p->x - SCALE, p->y + row, SCALE - 2, STYLE_PLAIN,
			figure_size(text, p->top / parts * (parts - i)));
		frame_rune(p->f, p->x - 1, p->y + row, STYLE_FAINT, ascii ? '+' : 0x2524);
	}
}

static const char *print_ago(char *text, size_t size, uint64_t ms)
{
	char time[FIGURE_TEXT];

	if (ms >= 60000 && ms % 60000 == 0)
		snprintf(text, size, "%u min ago", (unsigned)(ms / 60000));
	else
		snprintf(text, size, "%s ago", figure_time(time, ms));
	return text;
}

static void draw_time(const struct plot *p, const struct graph *g)
{
	unsigned y = p->y + p->rows, half = p->columns / 2;
	bool ascii = p->f->glyphs == GLYPHS_ASCII;
	char label[FIGURE_TEXT + 8];
	uint64_t span = g->to_ms - g->from_ms;

	for (unsigned i = 0; i < p->columns; i++)
		frame_rune(p->f, p->x + i, y, STYLE_FAINT, ascii ? '-' : 0x2500);
	frame_text(p->f, p->x, y + 1, p->columns, STYLE_PLAIN, print_ago(label, sizeof label, span));
	print_ago(label, sizeof label, span / 2);
	if (p->columns > 40)
		frame_text(p->f, p->x + half - frame_columns(label) / 2, y + 1, p->columns, STYLE_PLAIN, label);
	frame_right(p->f, p->x, y + 1, p->columns, STYLE_PLAIN, "now");
}

static void name_limit(const struct plot *p)
{
	uint64_t limit = p->limit[p->dots_x - 1];
	char text[FIGURE_TEXT], label[FIGURE_TEXT + 8];
	unsigned row, columns;

	if (limit == UINT64_MAX)
		return;
	row = (p->dots_y - dots_of(p, limit)) / p->grain.down;
	row -= row > 0; /* above its line, where there is room */
	snprintf(label, sizeof label, " limit %s ", figure_size(text, limit));
	columns = frame_columns(label);
	if (columns + 4 < p->columns)
		frame_text(p->f, p->x + p->columns - columns - 1, p->y + row, columns, STYLE_BAD, label);
}

void graph_draw(struct frame *f, const struct graph *g, const struct history *h)
{
	static const unsigned below = 2;
	uint64_t usage[DOTS_X_MAX], limit[DOTS_X_MAX];
	struct plot p = {
		.f = f, .x = g->x + SCALE, .y = g->y, .grain = grains[f->glyphs], .usage = usage, .limit = limit};

	if (g->width < SCALE + 8 || g->height < below + 2 || !h)
		return;
	p.columns = g->width - SCALE;
	p.rows = g->height - below;
	if (p.columns * p.grain.across > DOTS_X_MAX)
		p.columns = DOTS_X_MAX / p.grain.across;
	p.dots_x = p.columns * p.grain.across;
	p.dots_y = p.rows * p.grain.down;
	history_slices(h, g->from_ms, g->to_ms, p.dots_x, usage, limit);
	p.top = graph_top(highest(&p));
	for (unsigned row = 0; row < p.rows; row++)
		for (unsigned column = 0; column < p.columns; column++)
			draw_cell(&p, column, row);
	name_limit(&p);
	draw_time(&p, g);
	draw_scale(&p);
}
