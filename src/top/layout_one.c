/* One virtual: its memory against the limit over time, what it consists of, its other figures, and its events. */
#include <string.h>

#include "top/figure.h"
#include "top/graph.h"
#include "top/layout.h"

enum { LABEL = 10, GRAPH_LEAST = 6, SPAN_LEAST_MS = 15000 };

/* The clock stands at the right. */
enum { CLOCK = 10 };

static unsigned add_to_head(struct frame *f, unsigned x, int style, const char *text)
{
	return x + frame_text(f, x, 0, f->width > x + CLOCK ? f->width - x - CLOCK : 0, style, text);
}

static const char *trouble(const struct item *i)
{
	if (i->state == ITEM_CRASHED)
		return "  supervisor gone: `virtualing gc` removes it";
	return i->silent && i->state != ITEM_ENDED ? "  supervisor does not answer" : "";
}

static void draw_head(struct frame *f, const struct model *m, const struct item *i)
{
	bool silent = i->silent && i->state < ITEM_CRASHED;
	char text[64], up[FIGURE_TEXT];
	unsigned x = add_to_head(f, 0, STYLE_STRONG, i->label);

	snprintf(text, sizeof text, "  %s", silent ? "silent" : item_state_names[i->state]);
	x = add_to_head(f, x, silent ? STYLE_BAD : layout_state_style(i->state), text);
	x = add_to_head(f, x, STYLE_BAD, trouble(i));
	snprintf(text, sizeof text, "  pid %d  up %s  ", (int)i->pid, figure_time(up, item_uptime(i, m)));
	x = add_to_head(f, x, STYLE_PLAIN, text);
	add_to_head(f, x, STYLE_FAINT, i->command);
	frame_right(f, 0, 0, f->width, STYLE_PLAIN, m->clock);
}

/* Half of it, and again, as long as less than half has been seen. */
static uint64_t fitting_span(uint64_t span_ms, uint64_t seen_ms)
{
	while (span_ms >= 2 * SPAN_LEAST_MS && seen_ms < span_ms / 2)
		span_ms /= 2;
	return span_ms;
}

static void draw_graph(struct frame *f, const struct ui *ui, const struct model *m, const struct item *i, unsigned rows)
{
	uint64_t start = history_start(&i->history), seen = m->now_ms > start ? m->now_ms - start : 0;
	uint64_t span = ui_spans_ms[ui->span] ? fitting_span(ui_spans_ms[ui->span], seen) : seen;
	struct graph g = {.x = 0, .y = 1, .width = f->width, .height = rows, .to_ms = m->now_ms};

	if (span < 1000)
		span = 1000;
	g.from_ms = m->now_ms > span ? m->now_ms - span : 0;
	graph_draw(f, &g, &i->history);
}

static unsigned label(struct frame *f, unsigned x, unsigned y, const char *text)
{
	frame_text(f, x, y, LABEL - 1, STYLE_STRONG, text);
	return x + LABEL;
}

static void draw_memory(struct frame *f, unsigned y, const struct item *i)
{
	const struct cage_usage *u = &i->figures.usage;
	char now[FIGURE_TEXT], limit[FIGURE_TEXT], peak[FIGURE_TEXT], swap[FIGURE_TEXT];
	unsigned x = label(f, 0, y, "memory"), bar = f->width >= 100 ? 40 : f->width >= 70 ? 20 : 10;

	if (u->memory_limit_bytes != UINT64_MAX && u->memory_bytes != UINT64_MAX) {
		frame_bar(f, x, y, bar, layout_share_style(item_share(i)), u->memory_bytes, u->memory_limit_bytes);
		x += bar + 1;
	}
	x += frame_print(f, x, y, STYLE_PLAIN, "%s of %s", figure_size(now, u->memory_bytes),
		u->memory_limit_bytes == UINT64_MAX ? "no limit" : figure_size(limit, u->memory_limit_bytes));
	if (item_share(i) != UINT64_MAX)
		x += frame_print(f, x, y, STYLE_PLAIN, " (%u%%)", (unsigned)(item_share(i) / 10));
	frame_print(f, x, y, STYLE_PLAIN, "  peak %s  swap %s", figure_size(peak, u->memory_peak_bytes),
		figure_size(swap, u->swap_bytes));
}

static void draw_parts(struct frame *f, unsigned y, const struct item *i)
{
	const struct cage_parts *p = &i->figures.usage.parts;
	const struct {
		const char *name;
		uint64_t bytes;
	} parts[] = {{"anonymous", p->anonymous_bytes}, {"file", p->file_bytes}, {"shmem", p->shmem_bytes},
		{"kernel", p->kernel_bytes}};
	unsigned x = label(f, 0, y, "made of");
	char text[FIGURE_TEXT];

	for (size_t n = 0; n < sizeof parts / sizeof *parts; n++)
		x += frame_print(f, x, y, STYLE_PLAIN, "%s %s   ", parts[n].name, figure_size(text, parts[n].bytes));
}

static void draw_cpu(struct frame *f, unsigned y, const struct item *i)
{
	const struct cage_usage *u = &i->figures.usage;
	char now[FIGURE_TEXT], limit[FIGURE_TEXT], throttled[FIGURE_TEXT];
	unsigned x = label(f, 0, y, "CPU");

	x += frame_print(f, x, y, STYLE_PLAIN, "%s%%",
		figure_percent(now, i->cpu.per_second < 0 ? -1 : i->cpu.per_second / 1e4));
	if (i->cpu_limit_us != UINT64_MAX)
		x += frame_print(
			f, x, y, STYLE_PLAIN, " of %s%%", figure_percent(limit, (double)i->cpu_limit_us / 1e3));
	if (u->cpu_us != UINT64_MAX)
		x += frame_print(f, x, y, STYLE_PLAIN, "   %.2f s in all", (double)u->cpu_us / 1e6);
	if (u->cpu_throttled_us != UINT64_MAX)
		frame_print(f, x, y, STYLE_PLAIN, "   throttled %s%%, %.2f s in all",
			figure_percent(throttled, i->throttled.per_second < 0 ? -1 : i->throttled.per_second / 1e4),
			(double)u->cpu_throttled_us / 1e6);
}

static void draw_io(struct frame *f, unsigned y, const struct item *i)
{
	const struct cage_usage *u = &i->figures.usage;
	char read[FIGURE_TEXT], write[FIGURE_TEXT], all_read[FIGURE_TEXT], all_write[FIGURE_TEXT];
	unsigned x = label(f, 0, y, "disks");

	if (u->io_read_bytes == UINT64_MAX && u->io_write_bytes == UINT64_MAX) {
		frame_text(f, x, y, f->width, STYLE_FAINT,
			"not counted: without a limit (--io) the kernel keeps no figure here");
		return;
	}
	frame_print(f, x, y, STYLE_PLAIN, "read %s/s, %s in all   written %s/s, %s in all",
		figure_rate(read, i->io_read.per_second), figure_size(all_read, u->io_read_bytes),
		figure_rate(write, i->io_write.per_second), figure_size(all_write, u->io_write_bytes));
}

static void draw_pressure(struct frame *f, unsigned y, const struct item *i)
{
	const struct {
		const char *name;
		const struct meter_pressure *p;
	} rows[] = {{"memory", &i->figures.memory}, {"cpu", &i->figures.cpu}, {"io", &i->figures.io}};
	unsigned x = label(f, 0, y, "stalled");
	char some[FIGURE_TEXT], full[FIGURE_TEXT];

	if (i->figures.memory.some == UINT64_MAX) {
		frame_text(f, x, y, f->width, STYLE_FAINT, "not known: this kernel tells no pressure of a group");
		return;
	}
	x += frame_text(f, x, y, f->width, STYLE_PLAIN, "of 10 s: ");
	for (size_t n = 0; n < sizeof rows / sizeof *rows; n++)
		x += frame_print(f, x, y, STYLE_PLAIN, "%s %s%% (all %s%%)   ", rows[n].name,
			figure_pressure(some, rows[n].p->some), figure_pressure(full, rows[n].p->full));
}

static void draw_counts(struct frame *f, unsigned y, const struct item *i)
{
	char processes[FIGURE_TEXT], threads[FIGURE_TEXT], most[FIGURE_TEXT], rescues[FIGURE_TEXT], kills[FIGURE_TEXT];
	unsigned x = label(f, 0, y, "inside");

	x += frame_print(f, x, y, STYLE_PLAIN, "processes %s", figure_count(processes, i->figures.processes));
	if (i->figures.usage.pids != UINT64_MAX)
		x += frame_print(f, x, y, STYLE_PLAIN, "   threads %s of %s",
			figure_count(threads, i->figures.usage.pids),
			i->threads_limit == UINT64_MAX ? "max" : figure_count(most, i->threads_limit));
	x += frame_print(f, x, y, STYLE_PLAIN, "   rescues %s   ", figure_count(rescues, i->rescues));
	frame_print(f, x, y, i->kills && i->kills != UINT64_MAX ? STYLE_BAD : STYLE_PLAIN, "killed for memory %s",
		figure_count(kills, i->kills));
}

static void draw_guard(struct frame *f, unsigned y, const struct item *i)
{
	unsigned x = label(f, 0, y, "guard");

	frame_text(f, x, y, f->width, i->guard ? STYLE_PLAIN : STYLE_FAINT,
		i->guard ? i->guard : "none: --grow, --give-back or a block for :oom sets one");
}

/* The type stands behind the time, "07:15:39.123 ". */
static int event_style(const char *line)
{
	static const char *const bad[] = {" killed", " oom", " waits"};
	const char *type = strchr(line, ' ');

	for (size_t n = 0; type && n < sizeof bad / sizeof *bad; n++)
		if (strncmp(type, bad[n], strlen(bad[n])) == 0)
			return STYLE_BAD;
	return STYLE_PLAIN;
}

static void draw_events(struct frame *f, unsigned y, unsigned rows, const struct item *i)
{
	unsigned shown = rows < i->events_count ? rows : (unsigned)i->events_count;

	if (!shown && rows)
		frame_text(f, 0, y, f->width, STYLE_FAINT, "no events yet");
	for (unsigned n = 0; n < shown; n++) /* the latest at the bottom */
		frame_text(f, 0, y + shown - 1 - n, f->width, event_style(item_event(i, n)), item_event(i, n));
}

/* In the order in which they are worth their row. */
static void (*const figures[])(struct frame *f, unsigned y, const struct item *i) = {
	draw_memory, draw_parts, draw_cpu, draw_counts, draw_pressure, draw_io, draw_guard};
enum { FIGURE_ROWS = sizeof figures / sizeof *figures };

/* Of the rows between head and foot: figures as far as they leave the graph its least, then events a third of the
 * rest. */
void layout_one(struct frame *f, const struct ui *ui, const struct model *m, const struct item *i)
{
	unsigned between = f->height - 2, shown = FIGURE_ROWS, events, y;

	while (shown > 1 && between < shown + GRAPH_LEAST + 1)
		shown--;
	events = (between - shown) / 3;
	draw_head(f, m, i);
	draw_graph(f, ui, m, i, between - shown - events - (events > 1));
	y = 1 + between - shown - events - (events > 1);
	for (unsigned n = 0; n < shown; n++)
		figures[n](f, y + n, i);
	if (events > 1) {
		frame_paint(f, y + shown, STYLE_FAINT);
		frame_text(f, 0, y + shown, f->width, STYLE_STRONG, "events");
	}
	draw_events(f, y + shown + (events > 1), events, i);
}
