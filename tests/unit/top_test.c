/* What `top` shows, without a terminal: frames as text, the graph, keys, and what is made of figures and messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top/figure.h"
#include "top/graph.h"
#include "top/layout.h"

enum { MIB = 1 << 20 };

struct shown { /* a frame, and its rows as text */
	struct model m;
	struct ui ui;
	char *text, *copy; /* whole, and cut into rows */
	char **rows;
	size_t count;
};

static void forget(struct shown *s)
{
	free(s->rows);
	free(s->text);
	free(s->copy);
	s->rows = NULL;
	s->text = s->copy = NULL;
	s->count = 0;
}

static void show(struct shown *s, unsigned width, unsigned height, enum glyphs glyphs)
{
	struct frame f;
	size_t size;
	FILE *out;

	forget(s);
	frame_open(&f, width, height, glyphs);
	ui_settle(&s->ui, &s->m);
	layout(&f, &s->ui, &s->m);
	ui_settle(&s->ui, &s->m); /* now that the number of rows is known */
	frame_drop(&f);
	frame_open(&f, width, height, glyphs);
	layout(&f, &s->ui, &s->m);
	out = open_memstream(&s->text, &size);
	assert_non_null(out);
	frame_write(&f, out);
	fclose(out);
	frame_drop(&f);
	s->rows = calloc(height + 1, sizeof *s->rows);
	assert_non_null(s->rows);
	s->copy = strdup(s->text);
	assert_non_null(s->copy);
	for (char *rest = s->copy, *row; s->count < height && (row = strsep(&rest, "\n"));)
		s->rows[s->count++] = row;
}

static void begin(struct shown *s)
{
	*s = (struct shown){.m = {.clock = "12:00:00", .now_ms = 1000000, .boot_ms = 5000000}};
}

static void end(struct shown *s)
{
	forget(s);
	model_drop(&s->m);
}

static struct item *add(struct shown *s, const char *name, uint64_t memory, uint64_t limit)
{
	struct item *i = model_add(&s->m, name, 1000 + s->m.count);

	i->state = i->said = ITEM_RUNNING;
	i->pid = 4711;
	i->started_ms = 5000000 - 187000;
	i->figures.usage.memory_bytes = memory;
	i->figures.usage.memory_limit_bytes = limit;
	i->figures.usage.memory_peak_bytes = memory;
	i->figures.processes = 3;
	i->rescues = 2;
	i->kills = 1;
	return i;
}

/* No row is wider than the frame. */
static void assert_fits(const struct shown *s, unsigned width)
{
	for (size_t i = 0; i < s->count; i++)
		if (frame_columns(s->rows[i]) > width)
			fail_msg("row %zu takes %u columns of %u: %s", i, frame_columns(s->rows[i]), width, s->rows[i]);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

static struct action press(struct shown *s, uint32_t key)
{
	struct action a = ui_key(&s->ui, &s->m, key);

	ui_settle(&s->ui, &s->m);
	return a;
}

/* ---- figures ---- */

static void sizes_take_at_most_five_columns(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {{0, "0"}, {512, "512B"}, {999, "999B"}, {1000, "1K"}, {1536, "1.5K"}, {64 << 20, "64M"},
		{(64 << 20) - 65536, "63.9M"}, {104752742, "99.9M"}, {104857600, "100M"}, {1047527424, "999M"},
		{1ULL << 30, "1G"}, {UINT64_MAX, "-"}, {UINT64_MAX - 1, "16E"}};
	char text[FIGURE_TEXT];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_string_equal(figure_size(text, rows[i].bytes), rows[i].text);
		assert_true(strlen(text) <= 5);
	}
}

static void times_and_shares_are_short(void **state)
{
	char text[FIGURE_TEXT];

	assert_string_equal(figure_time(text, 59999), "59s");
	assert_string_equal(figure_time(text, 187000), "3m07s");
	assert_string_equal(figure_time(text, 3720000), "1h02m");
	assert_string_equal(figure_time(text, 90000000), "1d01h");
	assert_string_equal(figure_time(text, UINT64_MAX), "-");
	assert_string_equal(figure_percent(text, 0.04), "0");
	assert_string_equal(figure_percent(text, 12.34), "12.3");
	assert_string_equal(figure_percent(text, 99.96), "100");
	assert_string_equal(figure_percent(text, -1), "-");
	assert_string_equal(figure_pressure(text, 123), "1.2");
}

static void a_rate_is_counted_over_about_a_second(void **state)
{
	struct rate r = {.per_second = -1};

	rate_add(&r, 1000, 5000);
	assert_true(r.per_second < 0);
	rate_add(&r, 1300, 5300);
	assert_float_equal((float)r.per_second, 1000, 0.01);
	rate_add(&r, 1600, 5600);
	rate_add(&r, 1900, 5900);
	rate_add(&r, 2200, 9200); /* a leap of 3300 in the last of four steps */
	assert_float_equal((float)r.per_second, 4333.33F, 0.01);
	rate_add(&r, 2500, UINT64_MAX); /* its file is gone */
	assert_true(r.per_second < 0);
	rate_add(&r, 2800, 3); /* and begins anew */
	assert_true(r.per_second < 0);
}

/* ---- history and graph ---- */

static void a_slice_has_the_highest_usage_and_the_last_limit(void **state)
{
	struct history h = {0};
	uint64_t usage[4], limit[4];

	history_add(&h, 1100, 10 * MIB, 64 * MIB);
	history_add(&h, 1400, 50 * MIB, 64 * MIB);
	history_add(&h, 1700, 20 * MIB, 96 * MIB);
	history_add(&h, 3100, 30 * MIB, UINT64_MAX);
	history_slices(&h, 0, 4000, 4, usage, limit);
	assert_int_equal(usage[0], UINT64_MAX);
	assert_int_equal(usage[1], 50 * MIB);
	assert_int_equal(limit[1], 96 * MIB);
	assert_int_equal(usage[2], 20 * MIB); /* nothing was read: as before */
	assert_int_equal(usage[3], 30 * MIB);
	assert_int_equal(limit[3], UINT64_MAX);
}

static void a_host_may_be_up_for_months(void **state)
{
	static const uint64_t now = 200ULL * 24 * 3600 * 1000;
	uint64_t usage[4], limit[4];
	struct history h = {0};

	for (uint64_t i = 0; i < 4; i++)
		history_add(&h, now + i * 1000 + 500, (i + 1) * MIB, 64 * MIB);
	assert_int_equal(history_start(&h), now + 500);
	history_slices(&h, now, now + 4000, 4, usage, limit);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(usage[i], (i + 1) * MIB);
}

static void the_whole_history_keeps_each_peak(void **state)
{
	static struct history h;
	uint64_t usage[100], limit[100], most = 0;

	for (uint64_t i = 0; i < 20000; i++) /* 100 minutes */
		history_add(&h, 1000 + i * 300, i == 777 ? 900 * MIB : 10 * MIB, 64 * MIB);
	assert_int_equal(history_start(&h), 1000);
	history_slices(&h, 1000, 1000 + 20000 * 300, 100, usage, limit);
	for (size_t i = 0; i < 100; i++)
		most = usage[i] > most ? usage[i] : most;
	assert_int_equal(most, 900 * MIB);
	assert_int_equal(usage[99], 10 * MIB);
	assert_int_equal(limit[99], 64 * MIB);
}

static void the_scale_ends_at_a_round_number(void **state)
{
	assert_int_equal(graph_top(0), 4096);
	assert_int_equal(graph_top(64 * MIB), 64 * MIB);
	assert_int_equal(graph_top(65 * MIB), 80 * MIB);
	assert_int_equal(graph_top(1000ULL * MIB), 1000ULL * MIB);
	assert_int_equal(graph_top(1001ULL * MIB), 4ULL << 30);
	assert_true(graph_top(UINT64_MAX - 5) >= 1ULL << 60);
}

static void draw_climb(struct history *h)
{
	memset(h, 0, sizeof *h);
	for (uint64_t i = 0; i <= 40; i++)
		history_add(h, i * 250, i * 2 * MIB, i < 20 ? 60 * MIB : 120 * MIB);
}

static void a_climb_is_an_area_below_the_steps_of_its_limit(void **state)
{
	static const char wanted[] = " 128M +        limit 120M -\n"
				     "      |         -\n"
				     "  96M +         -\n"
				     "      |         -       ###\n"
				     "  64M +---------    #######\n"
				     "      |         ###########\n"
				     "  32M +     ###############\n"
				     "      | ###################\n"
				     "    0 +--------------------\n"
				     "       10s ago          now\n";
	struct frame f;
	struct history h;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	draw_climb(&h);
	frame_open(&f, 27, 10, GLYPHS_ASCII);
	graph_draw(&f, &(struct graph){0, 0, 27, 10, 0, 10000}, &h);
	frame_write(&f, out);
	fclose(out);
	assert_string_equal(text, wanted);
	frame_drop(&f);
	free(text);
}

static void a_graph_in_no_room_draws_nothing_outside(void **state)
{
	struct history h;

	draw_climb(&h);
	for (unsigned width = 0; width < 30; width++)
		for (unsigned height = 0; height < 12; height++)
			for (int glyphs = GLYPHS_ALL; glyphs <= GLYPHS_ASCII; glyphs++) {
				struct frame f;

				frame_open(&f, width, height, (enum glyphs)glyphs);
				graph_draw(&f, &(struct graph){0, 0, width, height, 0, 10000}, &h);
				graph_draw(&f, &(struct graph){20, 8, width, height, 0, 10000}, &h);
				frame_drop(&f);
			}
}

/* ---- frames ---- */

static void one_row_says_what_there_is_to_know_in_80_columns(void **state)
{
	struct shown s;

	begin(&s);
	add(&s, "web", 48 * MIB, 64 * MIB);
	add(&s, "queue", 5 * MIB, UINT64_MAX);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_fits(&s, 80);
	assert_has(s.rows[0], "2 virtuals");
	assert_has(s.rows[1], "NAME\u25bc");
	assert_has(s.rows[2], "queue");
	assert_has(s.rows[2], "5M/max");
	assert_has(s.rows[3], "web");
	assert_has(s.rows[3], "running");
	assert_has(s.rows[3], "48M/64M");
	assert_has(s.rows[3], "\u2588\u2588");
	assert_has(s.rows[3], "3m07s");
	assert_has(s.rows[23], "q quit");
	end(&s);
}

static void every_size_of_window_is_filled_and_not_overrun(void **state)
{
	static const unsigned sizes[][2] = {{40, 10}, {80, 24}, {81, 25}, {200, 60}, {300, 100}, {41, 11}};
	static const size_t counts[] = {0, 1, 300};

	for (size_t n = 0; n < 3; n++)
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			for (int view = VIEW_ALL; view <= VIEW_HELP; view++) {
				struct shown s;

				begin(&s);
				for (size_t v = 0; v < counts[n]; v++) {
					char name[300];

					snprintf(name, sizeof name, "%zu-%0*d", v, v % 7 ? 3 : 200, 5);
					add(&s, name, v * MIB, v % 3 ? 64 * MIB : UINT64_MAX);
				}
				s.ui.view = (enum view)view;
				show(&s, sizes[i][0], sizes[i][1], GLYPHS_ALL);
				assert_int_equal(s.count, sizes[i][1]);
				assert_fits(&s, sizes[i][0]);
				end(&s);
			}
}

static void a_window_that_is_too_small_is_told_in_words_that_fit(void **state)
{
	static const unsigned sizes[][2] = {{39, 10}, {40, 9}, {20, 3}, {12, 2}, {1, 1}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct shown s;

		begin(&s);
		add(&s, "web", MIB, 64 * MIB);
		show(&s, sizes[i][0], sizes[i][1], GLYPHS_ALL);
		assert_fits(&s, sizes[i][0]);
		assert_lacks(s.text, "web");
		if (sizes[i][0] > 12 && sizes[i][1] > 2)
			assert_has(s.text, "needs 40x10");
		show(&s, 80, 24, GLYPHS_ALL);
		assert_has(s.text, "web");
		end(&s);
	}
}

static void without_utf8_everything_is_ascii(void **state)
{
	for (int view = VIEW_ALL; view <= VIEW_HELP; view++) {
		struct shown s;

		begin(&s);
		draw_climb(&add(&s, "w\u00fcrfel\u732b", 48 * MIB, 64 * MIB)->history);
		s.m.now_ms = 10000;
		s.ui.view = (enum view)view;
		show(&s, 80, 24, GLYPHS_ASCII);
		for (const char *c = s.text; *c; c++)
			if ((*c < ' ' || *c > '~') && *c != '\n')
				fail_msg("byte %02x in:\n%s", *(const unsigned char *)c, s.text);
		end(&s);
	}
}

static void a_foreign_name_cannot_steer_the_terminal(void **state)
{
	struct shown s;

	begin(&s);
	add(&s, "a\033[2Jb\nc\xff\u202e\u732b", MIB, 64 * MIB);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[2], "a?[2Jb?c?");
	assert_has(s.rows[2], "\u732b");
	assert_lacks(s.text, "\033");
	assert_lacks(s.text, "\u202e");
	assert_fits(&s, 80);
	end(&s);
}

static void states_are_told_in_words(void **state)
{
	struct shown s;

	begin(&s);
	add(&s, "a", MIB, 64 * MIB)->state = ITEM_PAUSED;
	add(&s, "b", MIB, 64 * MIB)->state = ITEM_CRASHED;
	add(&s, "c", MIB, 64 * MIB)->silent = true;
	add(&s, "d", UINT64_MAX, UINT64_MAX)->state = ITEM_STARTING;
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[0], "1 paused, 1 crashed");
	assert_has(s.rows[2], "paused");
	assert_has(s.rows[3], "crashed");
	assert_has(s.rows[4], "silent");
	assert_has(s.rows[5], "starting");
	end(&s);
}

static void one_virtual_is_shown_with_graph_figures_and_events(void **state)
{
	json_t *event = json_pack("{s:s, s:f, s:I, s:I}", "type", "grew", "time", 1.5, "usage", (json_int_t)MIB,
		"limit", (json_int_t)MIB);
	struct shown s;
	struct item *i;

	begin(&s);
	i = add(&s, "web", 80 * MIB, 120 * MIB);
	draw_climb(&i->history);
	s.m.now_ms = 10000;
	i->figures.usage.parts = (struct cage_parts){MIB, 2 * MIB, 3 * MIB, 4 * MIB};
	for (int n = 0; n < 3 * EVENTS_KEPT; n++)
		item_take_event(i, event);
	json_decref(event);
	s.ui.view = VIEW_ONE;
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[0], "web  running  pid 4711  up 3m07s");
	assert_has(s.text, "limit 120M");
	assert_has(s.text, "\u28ff");
	assert_has(s.text, "80M of 120M (66%)");
	assert_has(s.text, "anonymous 1M   file 2M   shmem 3M   kernel 4M");
	assert_has(s.text, "grew: usage 1M, limit 1M");
	assert_has(s.text, "10s ago");
	show(&s, 40, 10, GLYPHS_ALL);
	assert_has(s.text, "80M of 120M");
	end(&s);
}

/* ---- keys ---- */

static void the_order_follows_what_was_chosen_and_so_does_the_selection(void **state)
{
	struct shown s;

	begin(&s);
	add(&s, "a", 1 * MIB, 64 * MIB);
	add(&s, "b", 3 * MIB, 64 * MIB);
	add(&s, "c", 2 * MIB, 64 * MIB);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_string_equal(model_find(&s.m, s.ui.selected)->name, "a");
	while (s.ui.order != ORDER_MEMORY)
		press(&s, 'o');
	show(&s, 80, 24, GLYPHS_ALL);
	assert_int_equal(s.rows[2][0], 'b');
	assert_int_equal(s.rows[3][0], 'c');
	assert_int_equal(s.rows[4][0], 'a');
	assert_string_equal(model_find(&s.m, s.ui.selected)->name, "a");
	press(&s, KEY_UP_);
	assert_string_equal(model_find(&s.m, s.ui.selected)->name, "c");
	press(&s, 'i');
	show(&s, 80, 24, GLYPHS_ALL);
	assert_int_equal(s.rows[2][0], 'a');
	end(&s);
}

static void names_with_numbers_are_in_the_order_of_the_numbers(void **state)
{
	struct shown s;

	begin(&s);
	add(&s, "w10", MIB, MIB);
	add(&s, "w9", MIB, MIB);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[2], "w9");
	end(&s);
}

static void the_selection_stays_in_sight(void **state)
{
	struct shown s;

	begin(&s);
	for (int i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof name, "v%d", i);
		add(&s, name, MIB, 64 * MIB);
	}
	show(&s, 80, 24, GLYPHS_ALL);
	press(&s, KEY_LAST);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[22], "v299");
	press(&s, KEY_PAGE_UP);
	show(&s, 80, 12, GLYPHS_ALL);
	assert_has(s.text, "v278");
	press(&s, KEY_FIRST);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[2], "v0");
	end(&s);
}

static void stopping_asks_before(void **state)
{
	struct shown s;
	struct action a;

	begin(&s);
	add(&s, "web", MIB, 64 * MIB);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_int_equal(press(&s, 's').kind, ACTION_NONE);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[23], "stop web?");
	assert_int_equal(press(&s, 'q').kind, ACTION_NONE); /* any other key: no */
	press(&s, 's');
	a = press(&s, 'y');
	assert_int_equal(a.kind, ACTION_STOP);
	assert_string_equal(a.item->name, "web");
	end(&s);
}

static void type_text(struct shown *s, const char *text)
{
	for (; *text; text++)
		assert_int_equal(press(s, (uint32_t)*text).kind, ACTION_NONE);
}

static void a_limit_is_typed_or_stepped(void **state)
{
	struct shown s;
	struct action a;

	begin(&s);
	add(&s, "web", MIB, 64 * MIB);
	show(&s, 80, 24, GLYPHS_ALL);
	press(&s, 'l');
	type_text(&s, "12q");
	press(&s, KEY_ERASE);
	type_text(&s, "8M");
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[23], "memory limit of web (now 64M): 128M_");
	a = press(&s, KEY_ENTER_);
	assert_int_equal(a.kind, ACTION_LIMIT);
	assert_int_equal(a.limit_bytes, 128 * MIB);
	assert_int_equal(press(&s, '+').limit_bytes, 72 * MIB);
	assert_int_equal(press(&s, '-').limit_bytes, 56 * MIB);
	press(&s, 'l');
	type_text(&s, "many");
	assert_int_equal(press(&s, KEY_ENTER_).kind, ACTION_NONE);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[23], "\"many\" is not a size");
	s.m.items[0]->figures.usage.memory_limit_bytes = UINT64_MAX;
	assert_int_equal(press(&s, '+').kind, ACTION_NONE);
	end(&s);
}

static void no_key_strikes_another_virtual_than_the_one_that_was_chosen(void **state)
{
	struct shown s;

	begin(&s);
	add(&s, "a", MIB, 64 * MIB);
	add(&s, "b", MIB, 64 * MIB);
	add(&s, "c", MIB, 64 * MIB);
	show(&s, 80, 24, GLYPHS_ALL);
	press(&s, KEY_DOWN_);
	assert_string_equal(press(&s, 'p').item->name, "b");
	press(&s, 's');
	model_remove(&s.m, model_named(&s.m, "b"));
	show(&s, 80, 24, GLYPHS_ALL);
	assert_int_equal(press(&s, 'y').kind, ACTION_NONE); /* what was asked for is gone */
	assert_int_equal(press(&s, '+').kind, ACTION_NONE);
	assert_int_equal(press(&s, 'p').kind, ACTION_NONE);
	show(&s, 80, 24, GLYPHS_ALL);
	assert_has(s.rows[23], "has ended");
	press(&s, KEY_DOWN_);
	assert_int_equal(press(&s, 'p').kind, ACTION_PAUSE);
	end(&s);
}

/* ---- what others say ---- */

static void what_a_supervisor_says_is_taken_in(void **state)
{
	json_t *v = json_loads("{\"state\":\"held\",\"usage\":{\"oom_kills\":3},\"counts\":{\"rescued\":5},"
			       "\"guard\":{\"mechanism\":\"decoy\",\"holds\":true},"
			       "\"description\":{\"resource\":{\"cpu\":\"50%\",\"pids\":20}}}",
		0, NULL);
	struct shown s;
	struct item *i;

	assert_non_null(v);
	begin(&s);
	i = add(&s, "web", MIB, 64 * MIB);
	item_take_show(i, v);
	assert_int_equal(i->kills, 3);
	assert_int_equal(i->rescues, 5);
	assert_int_equal(i->said, ITEM_HELD);
	assert_int_equal(i->cpu_limit_us, 50000);
	assert_int_equal(i->threads_limit, 20);
	assert_string_equal(i->guard, "decoy");
	json_decref(v);
	v = json_loads("{\"state\":\"paused\",\"usage\":[],\"counts\":{\"rescued\":\"x\"},\"guard\":7}", 0, NULL);
	item_take_show(i, v); /* nonsense does no harm */
	assert_int_equal(i->said, ITEM_PAUSED);
	assert_int_equal(i->kills, UINT64_MAX);
	json_decref(v);
	end(&s);
}

static void what_state_json_says_is_taken_in(void **state)
{
	json_t *v =
		json_loads("{\"pid\":12,\"supervisor\":11,\"pid_start\":0,\"started\":990,"
			   "\"description\":{\"stop_timeout\":2.5,\"jail\":{\"cmnd\":[\"sh\",\"-c\",\"x\\ny\",7]}}}",
			0, NULL);
	struct shown s;
	struct item *i;

	assert_non_null(v);
	begin(&s);
	i = add(&s, "web", MIB, 64 * MIB);
	item_take_state(i, v, 50000, 1000);
	assert_int_equal(i->pid, 12);
	assert_int_equal(i->started_ms, 40000);
	assert_int_equal(i->stop_timeout_ms, 2500);
	assert_string_equal(i->command, "sh -c x?y ?");
	json_decref(v);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_take_at_most_five_columns),
		cmocka_unit_test(times_and_shares_are_short),
		cmocka_unit_test(a_rate_is_counted_over_about_a_second),
		cmocka_unit_test(a_slice_has_the_highest_usage_and_the_last_limit),
		cmocka_unit_test(a_host_may_be_up_for_months),
		cmocka_unit_test(the_whole_history_keeps_each_peak),
		cmocka_unit_test(the_scale_ends_at_a_round_number),
		cmocka_unit_test(a_climb_is_an_area_below_the_steps_of_its_limit),
		cmocka_unit_test(a_graph_in_no_room_draws_nothing_outside),
		cmocka_unit_test(one_row_says_what_there_is_to_know_in_80_columns),
		cmocka_unit_test(every_size_of_window_is_filled_and_not_overrun),
		cmocka_unit_test(a_window_that_is_too_small_is_told_in_words_that_fit),
		cmocka_unit_test(without_utf8_everything_is_ascii),
		cmocka_unit_test(a_foreign_name_cannot_steer_the_terminal),
		cmocka_unit_test(states_are_told_in_words),
		cmocka_unit_test(one_virtual_is_shown_with_graph_figures_and_events),
		cmocka_unit_test(the_order_follows_what_was_chosen_and_so_does_the_selection),
		cmocka_unit_test(names_with_numbers_are_in_the_order_of_the_numbers),
		cmocka_unit_test(the_selection_stays_in_sight),
		cmocka_unit_test(stopping_asks_before),
		cmocka_unit_test(a_limit_is_typed_or_stepped),
		cmocka_unit_test(no_key_strikes_another_virtual_than_the_one_that_was_chosen),
		cmocka_unit_test(what_a_supervisor_says_is_taken_in),
		cmocka_unit_test(what_state_json_says_is_taken_in),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
