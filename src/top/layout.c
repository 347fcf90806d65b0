/* All virtuals, one a row, and what stands around every view. */
#include "top/layout.h"

#include <string.h>

#include "top/figure.h"

int layout_state_style(enum item_state s)
{
	static const int styles[ITEM_STATES] = {
		[ITEM_RUNNING] = STYLE_GOOD,
		[ITEM_PAUSED] = STYLE_CARE,
		[ITEM_HELD] = STYLE_BAD,
		[ITEM_WAITS] = STYLE_BAD,
		[ITEM_STOPPING] = STYLE_CARE,
		[ITEM_CRASHED] = STYLE_BAD,
		[ITEM_ENDED] = STYLE_CARE,
	};

	return styles[s];
}

int layout_share_style(uint64_t thousandths)
{
	if (thousandths == UINT64_MAX || thousandths < 750)
		return STYLE_GOOD;
	return thousandths < 900 ? STYLE_CARE : STYLE_BAD;
}

/* ---- columns ---- */

static const char *print_state(const struct item *i, const struct model *m, char *text)
{
	return i->silent && i->state < ITEM_CRASHED ? "silent" : item_state_names[i->state];
}

static const char *print_peak(const struct item *i, const struct model *m, char *text)
{
	return figure_size(text, i->figures.usage.memory_peak_bytes);
}

/* us of a second, as percent of a CPU */
static const char *print_cpu(const struct item *i, const struct model *m, char *text)
{
	return figure_percent(text, i->cpu.per_second < 0 ? -1 : i->cpu.per_second / 1e4);
}

static const char *print_throttled(const struct item *i, const struct model *m, char *text)
{
	return figure_percent(text, i->throttled.per_second < 0 ? -1 : i->throttled.per_second / 1e4);
}

static const char *print_io(const struct item *i, const struct model *m, char *text)
{
	return figure_rate(text, item_io(i));
}

static const char *print_pressure(const struct item *i, const struct model *m, char *text)
{
	return figure_pressure(text, i->figures.memory.some);
}

static const char *print_processes(const struct item *i, const struct model *m, char *text)
{
	return figure_count(text, i->figures.processes);
}

static const char *print_rescues(const struct item *i, const struct model *m, char *text)
{
	return figure_count(text, i->rescues);
}

static const char *print_kills(const struct item *i, const struct model *m, char *text)
{
	return figure_count(text, i->kills);
}

static const char *print_uptime(const struct item *i, const struct model *m, char *text)
{
	return figure_time(text, item_uptime(i, m));
}

static const char *print_pid(const struct item *i, const struct model *m, char *text)
{
	return figure_count(text, i->pid > 0 ? (uint64_t)i->pid : UINT64_MAX);
}

enum {
	BAR_LEAST = 6,
	BAR_MOST = 30,
	FIGURES = 11,
	NAME_LEAST = 9,
	NAME_FAIR = 15,
	NAME_MOST = 32,
	MEMORY = 2,
	NAME = 0
};

/* In the order in which they stand. rank: the higher, the sooner it is left out where there is no room. */
static const struct column {
	const char *title;
	unsigned width;
	bool left;
	unsigned rank;
	enum order order;
	const char *(*print)(const struct item *i, const struct model *m, char *text);
} columns[] = {
	[NAME] = {"NAME", NAME_LEAST, true, 0, ORDER_NAME, NULL},
	{"STATE", 8, true, 1, ORDER_STATE, print_state},
	[MEMORY] = {"MEMORY / LIMIT", BAR_LEAST + 1 + FIGURES, true, 0, ORDER_MEMORY, NULL},
	{"PEAK", 5, false, 3, ORDER_PEAK, print_peak},
	{"CPU%", 5, false, 2, ORDER_CPU, print_cpu},
	{"THR%", 5, false, 9, ORDER_THROTTLED, print_throttled},
	{"IO/s", 5, false, 6, ORDER_IO, print_io},
	{"STALL%", 6, false, 8, ORDER_PRESSURE, print_pressure},
	{"PROC", 4, false, 7, ORDER_PROCESSES, print_processes},
	{"RESC", 4, false, 4, ORDER_RESCUES, print_rescues},
	{"KILL", 4, false, 5, ORDER_KILLS, print_kills},
	{"UP", 6, false, 6, ORDER_UPTIME, print_uptime},
	{"PID", 7, false, 10, ORDER_PID, print_pid},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct placed {			 /* the columns that fit */
	unsigned width[COLUMNS]; /* 0: left out */
};

static unsigned total(const struct placed *p)
{
	unsigned sum = 0;

	for (size_t c = 0; c < COLUMNS; c++)
		sum += p->width[c] ? p->width[c] + (c > 0) : 0;
	return sum;
}

static void leave_out(struct placed *p)
{
	size_t worst = NAME;

	for (size_t c = 0; c < COLUMNS; c++)
		if (p->width[c] && columns[c].rank > columns[worst].rank)
			worst = c;
	p->width[worst] = 0;
}

static unsigned at_most(unsigned value, unsigned most)
{
	return value < most ? value : most;
}

/* Columns that the user has passed over make room for those at the right. */
static void place(struct placed *p, unsigned width, unsigned passed_over, unsigned longest_name)
{
	unsigned name = longest_name < NAME_LEAST ? NAME_LEAST : longest_name, spare;

	for (size_t c = 0; c < COLUMNS; c++)
		p->width[c] = c > NAME && c <= passed_over ? 0 : columns[c].width;
	p->width[NAME] = at_most(name, NAME_FAIR);
	while (total(p) > width && total(p) > p->width[NAME])
		leave_out(p);
	spare = width > total(p) ? width - total(p) : 0;
	p->width[NAME] += at_most(spare, at_most(name, NAME_MOST) - p->width[NAME]);
	spare = width > total(p) ? width - total(p) : 0;
	if (p->width[MEMORY])
		p->width[MEMORY] += at_most(spare, BAR_MOST - BAR_LEAST);
}

/* ---- rows ---- */

/* style: of the whole row, or PLAIN */
static void draw_memory(struct frame *f, unsigned x, unsigned y, unsigned width, int style, const struct item *i)
{
	const struct cage_usage *u = &i->figures.usage;
	char now[FIGURE_TEXT], limit[FIGURE_TEXT], text[2 * FIGURE_TEXT + 2];
	unsigned bar = width - FIGURES - 1;

	if (u->memory_limit_bytes != UINT64_MAX && u->memory_bytes != UINT64_MAX)
		frame_bar(f, x, y, bar, style ? style : layout_share_style(item_share(i)), u->memory_bytes,
			u->memory_limit_bytes);
	if (u->memory_bytes == UINT64_MAX)
		snprintf(text, sizeof text, "-");
	else
		snprintf(text, sizeof text, "%s/%s", figure_size(now, u->memory_bytes),
			u->memory_limit_bytes == UINT64_MAX ? "max" : figure_size(limit, u->memory_limit_bytes));
	frame_right(f, x + bar + 1, y, FIGURES, style, text);
}

static int style_of(size_t c, const struct item *i)
{
	if (columns[c].order == ORDER_STATE)
		return i->silent ? STYLE_BAD : layout_state_style(i->state);
	if (columns[c].order == ORDER_KILLS && i->kills && i->kills != UINT64_MAX)
		return STYLE_BAD;
	return STYLE_PLAIN;
}

static void draw_row(struct frame *f, unsigned y, const struct placed *p, const struct item *i, const struct model *m,
	bool is_selected)
{
	unsigned x = 0;

	for (size_t c = 0; c < COLUMNS; c++) {
		char text[FIGURE_TEXT];
		unsigned width = p->width[c];
		int style = is_selected ? STYLE_HEAD : style_of(c, i);

		if (!width)
			continue;
		if (c == NAME)
			frame_text(f, x, y, width, is_selected ? STYLE_HEAD : STYLE_STRONG, i->label);
		else if (c == MEMORY)
			draw_memory(f, x, y, width, style, i);
		else if (columns[c].left)
			frame_text(f, x, y, width, style, columns[c].print(i, m, text));
		else
			frame_right(f, x, y, width, style, columns[c].print(i, m, text));
		x += width + 1;
	}
	if (is_selected)
		frame_paint(f, y, STYLE_HEAD);
}

static bool is_order_of(const struct column *c, enum order order)
{
	return c->order == order || (c->order == ORDER_MEMORY && order == ORDER_SHARE);
}

static void draw_titles(struct frame *f, unsigned y, const struct placed *p, const struct ui *ui)
{
	unsigned x = 0;

	frame_paint(f, y, STYLE_HEAD);
	for (size_t c = 0; c < COLUMNS; c++) {
		char title[32];
		const char *mark = "";

		if (!p->width[c])
			continue;
		if (is_order_of(&columns[c], ui->order))
			mark = f->glyphs == GLYPHS_ASCII ? (ui->reversed ? "^" : "v")
							 : (ui->reversed ? "\u25b2" : "\u25bc");
		snprintf(title, sizeof title, "%s%s%s", columns[c].title,
			c == MEMORY && ui->order == ORDER_SHARE ? " %" : "", mark);
		if (columns[c].left)
			frame_text(f, x, y, p->width[c], STYLE_HEAD, title);
		else /* the mark may stand in the gap at the left */
			frame_right(f, x - 1, y, p->width[c] + 1, STYLE_HEAD, title);
		x += p->width[c] + 1;
	}
}

/* ---- around ---- */

static unsigned count_in(const struct model *m, enum item_state s)
{
	unsigned n = 0;

	for (size_t i = 0; i < m->count; i++)
		n += m->items[i]->state == s;
	return n;
}

static void draw_summary(struct frame *f, const struct model *m)
{
	static const enum item_state told[] = {ITEM_PAUSED, ITEM_HELD, ITEM_WAITS, ITEM_CRASHED};
	char available[FIGURE_TEXT], all[FIGURE_TEXT], text[128];
	size_t shown = m->count - count_in(m, ITEM_ENDED);
	unsigned x;

	x = frame_print(f, 0, 0, STYLE_STRONG, "virtualing");
	x += frame_print(f, x, 0, STYLE_PLAIN, "  %zu virtual%s", shown, shown == 1 ? "" : "s");
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (count_in(m, told[i]))
			x += frame_print(f, x, 0, layout_state_style(told[i]), ", %u %s", count_in(m, told[i]),
				item_state_names[told[i]]);
	if (!m->host_bytes)
		return;
	snprintf(text, sizeof text, "host: %s of %s free  %s", figure_size(available, m->host_available_bytes),
		figure_size(all, m->host_bytes), m->clock);
	if (x + 2 + frame_columns(text) <= f->width)
		frame_right(f, 0, 0, f->width, STYLE_PLAIN, text);
}

static unsigned longest_name(const struct model *m)
{
	unsigned longest = 0;

	for (size_t i = 0; i < m->count; i++) {
		unsigned columns_of_it = frame_columns(m->items[i]->label);

		if (columns_of_it > longest)
			longest = columns_of_it;
	}
	return longest;
}

void layout_all(struct frame *f, struct ui *ui, const struct model *m)
{
	struct placed p;

	if (ui->first_column > COLUMNS - 2)
		ui->first_column = COLUMNS - 2;
	place(&p, f->width, ui->first_column, longest_name(m));
	draw_summary(f, m);
	draw_titles(f, 1, &p, ui);
	ui->rows = f->height - LAYOUT_AROUND;
	for (unsigned row = 0; row < ui->rows && ui->first + row < m->count; row++)
		draw_row(f, row + 2, &p, m->items[ui->first + row], m, m->items[ui->first + row]->id == ui->selected);
	if (!m->count)
		frame_text(f, 2, 3, f->width, STYLE_PLAIN, "no virtual runs: start one with `virtualing run -- CMD`");
}

static void draw_keys(struct frame *f, const struct ui *ui)
{
	static const char *const keys[] = {
		[VIEW_ALL] = "Enter one  o order  p pause  r resume  s stop  +- l limit  ? help  q quit",
		[VIEW_ONE] = "Esc all  t time  p pause  r resume  s stop  +- l limit  ? help  q quit",
		[VIEW_HELP] = "any key: back  q quit",
	};

	frame_paint(f, f->height - 1, STYLE_FAINT);
	frame_text(f, 0, f->height - 1, f->width, STYLE_FAINT, keys[ui->view]);
}

static void draw_prompt(struct frame *f, const struct ui *ui, const struct model *m)
{
	const struct item *i = model_find(m, ui->prompt_for);
	char limit[FIGURE_TEXT];

	if (!i)
		return;
	frame_paint(f, f->height - 1, STYLE_HEAD);
	if (ui->prompt == PROMPT_STOP)
		frame_print(f, 0, f->height - 1, STYLE_HEAD, "stop %s? y: yes, any other key: no", i->label);
	else
		frame_print(f, 0, f->height - 1, STYLE_HEAD, "memory limit of %s (now %s): %s_", i->label,
			i->figures.usage.memory_limit_bytes == UINT64_MAX
				? "max"
				: figure_size(limit, i->figures.usage.memory_limit_bytes),
			ui->typed);
}

static void draw_foot(struct frame *f, const struct ui *ui, const struct model *m)
{
	if (ui->prompt) {
		draw_prompt(f, ui, m);
	} else if (m->now_ms < ui->message_until_ms) {
		frame_paint(f, f->height - 1, STYLE_HEAD);
		frame_text(f, 0, f->height - 1, f->width, STYLE_HEAD, ui->message);
	} else {
		draw_keys(f, ui);
	}
}

/* The words are cut, not wrapped, where not even they fit. */
static void too_small(struct frame *f)
{
	unsigned y = frame_text(f, 0, 0, f->width, STYLE_PLAIN, "too small:") ? 1 : 0;

	frame_print(f, 0, y, STYLE_PLAIN, "%ux%u", f->width, f->height);
	frame_print(f, 0, y + 1, STYLE_PLAIN, "needs %dx%d", LEAST_WIDTH, LEAST_HEIGHT);
}

void layout(struct frame *f, struct ui *ui, const struct model *m)
{
	const struct item *i = model_find(m, ui->selected);

	if (f->width < LEAST_WIDTH || f->height < LEAST_HEIGHT) {
		too_small(f);
		return;
	}
	if (ui->view == VIEW_HELP)
		layout_help(f);
	else if (ui->view == VIEW_ONE && i)
		layout_one(f, ui, m, i);
	else
		layout_all(f, ui, m);
	if (!ui->printed)
		draw_foot(f, ui, m);
}
