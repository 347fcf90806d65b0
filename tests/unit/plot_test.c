/* src/plot: round ticks, words that are escaped, and points that are left out without losing a spike. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plot/axis.h"
#include "plot/marks.h"
#include "plot/plot.h"
#include "plot/series.h"
#include "plot/svg.h"

#define MIB 1048576.0

/* ---- axes ---- */

static void ticks_are_round_and_few(void **state)
{
	static const double spans[] = {0.003, 0.05, 0.4, 1, 7, 8.1, 59, 61, 299, 1000, 3600, 10000, 86400, 1e6, 4e7};

	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		struct axis a = axis_make(AXIS_SECONDS, 0, spans[i], 9, 0);

		if (a.step * 10 < spans[i] || a.step > spans[i])
			fail_msg("a step of %g s for %g s", a.step, spans[i]);
	}
	for (double most = 1; most < 1e15; most *= 1.7) {
		struct axis a = axis_make(AXIS_BYTES, 0, most, 6, 1);
		double ticks = a.high / a.step, shown = a.step / a.divisor;

		if (ticks > 7.01 || ticks < 1.99 || fabs(ticks - round(ticks)) > 1e-6)
			fail_msg("%g ticks of %g for %g", ticks, a.step, most);
		while (shown < 0.999)
			shown *= 10;
		while (shown > 9.99)
			shown /= 10;
		if (fabs(shown - 1) > 1e-6 && fabs(shown - 2) > 1e-6 && fabs(shown - 5) > 1e-6)
			fail_msg("a step of %g %s for %g", a.step / a.divisor, a.word, most);
	}
}

static void label_is(enum axis_unit unit, double high, double value, const char *wanted)
{
	struct axis a = axis_make(unit, 0, high, 5, 1);
	char text[32];

	assert_string_equal(axis_label(&a, value, text, sizeof text), wanted);
}

static void labels_have_their_unit(void **state)
{
	label_is(AXIS_BYTES, 100 * MIB, 0, "0");
	label_is(AXIS_BYTES, 100 * MIB, 40 * MIB, "40 MiB");
	label_is(AXIS_BYTES, 1500 * MIB, 1536 * MIB, "1.5 GiB");
	label_is(AXIS_BYTES_A_SECOND, 3000, 1024, "1 KiB/s");
	label_is(AXIS_SECONDS, 8, 6, "6 s");
	label_is(AXIS_SECONDS, 600, 120, "2 min");
	label_is(AXIS_SECONDS, 5 * 3600, 3600, "1 h");
	label_is(AXIS_SECONDS, 0.3, 0.1, "100 ms");
	label_is(AXIS_PERCENT, 100, 50, "50 %");
}

static void amount_is(enum axis_unit unit, double value, const char *wanted)
{
	char text[32];

	assert_string_equal(axis_amount(unit, value, text, sizeof text), wanted);
}

static void amounts_are_short(void **state)
{
	amount_is(AXIS_BYTES, 100 * MIB, "100 MiB");
	amount_is(AXIS_BYTES, 99.6 * MIB, "99.6 MiB");
	amount_is(AXIS_BYTES, 12, "12 B");
	amount_is(AXIS_SECONDS, 0.25, "250 ms");
	amount_is(AXIS_SECONDS, 8.14, "8.1 s");
	amount_is(AXIS_SECONDS, 192, "3 min 12 s");
	amount_is(AXIS_SECONDS, 3725, "1 h 2 min");
}

/* ---- words ---- */

static void escaped_is(const char *text, const char *wanted)
{
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	svg_escape(out, text);
	fclose(out);
	assert_string_equal(got, wanted);
	free(got);
}

static void what_would_be_markup_is_escaped(void **state)
{
	escaped_is("a <b> & \"c\" ]]>", "a &lt;b&gt; &amp; &quot;c&quot; ]]&gt;");
	escaped_is("\x1b[31m\x01\x7f", "?[31m??");
	escaped_is("gr\xc3\xbc\xc3\x9f \xff\xc3", "gr\xc3\xbc\xc3\x9f ??");
	escaped_is("\xef\xbf\xbe\xef\xbf\xbf", "??");
}

/* ---- points ---- */

static void no_spike_is_lost(void **state)
{
	for (int spike = 0; spike < 36000; spike += 997) {
		struct points p = {0};
		double most = 0, least = 1e9;

		for (int i = 0; i < 36000; i++)
			points_add(&p, i / 10.0, i == spike ? 500 : i == (spike + 18000) % 36000 ? -500 : i % 7);
		points_reduce(&p, 0, 3600, 800);
		if (p.count > 3200)
			fail_msg("%zu points are left", p.count);
		for (size_t i = 0; i < p.count; i++) {
			most = fmax(most, p.list[i].y);
			least = fmin(least, p.list[i].y);
			if (i && p.list[i].x < p.list[i - 1].x)
				fail_msg("point %zu goes back", i);
		}
		if (most != 500 || least != -500)
			fail_msg("spikes of 500 and -500 at %d became %g and %g", spike, most, least);
		points_drop(&p);
	}
}

static struct record_sample sample_at(uint64_t ms, uint64_t memory, uint64_t peak, uint64_t cpu_us)
{
	struct record_sample s = {.time_us = ms * 1000};

	memset(s.figures, 0xff, sizeof s.figures);
	s.figures[FIGURE_MEMORY] = memory;
	s.figures[FIGURE_PEAK] = peak;
	s.figures[FIGURE_CPU] = cpu_us;
	return s;
}

static void a_peak_between_two_looks_is_seen(void **state)
{
	struct record_sample list[] = {sample_at(0, 10, 10, 0), sample_at(100, 20, 90, 0), sample_at(200, 30, 90, 0)};
	struct recording r = {.header.interval_us = 100000, .samples = list, .sample_count = 3};
	struct points p = {0};

	series_figure(&r, FIGURE_MEMORY, &p);
	assert_int_equal(p.count, 4);
	assert_true(p.list[1].y == 90 && p.list[2].y == 20);
	points_drop(&p);
	series_figure(&r, FIGURE_SWAP, &p); /* not known */
	assert_int_equal(p.count, 0);
}

static void rates_are_of_the_time_between(void **state)
{
	struct record_sample list[] = {sample_at(0, 0, 0, 0), sample_at(100, 0, 0, 100000),
		sample_at(101, 0, 0, 100900), sample_at(200, 0, 0, 100900), sample_at(400, 0, 0, 50)};
	struct recording r = {.header.interval_us = 100000, .samples = list, .sample_count = 5};
	struct rates rates;

	series_rates(&r, FIGURE_CPU, 0, 0.4, 100, &rates);
	assert_int_equal(rates.count, 4);
	assert_true(fabs(rates.mean[0] - 1e6) < 1);
	/* What stands close to another sample does not become a spike: 900 us in 1 ms would be 90 % of a CPU. */
	assert_true(fabs(rates.mean[1] - 9000) < 1);
	assert_true(rates.mean[2] == 0 && rates.mean[3] == 0); /* a counter that falls has not risen */
	assert_true(fabs(rates.greatest - 1e6) < 1);
	rates_drop(&rates);
	series_rates(&r, FIGURE_READ, 0, 0.4, 100, &rates);
	assert_true(isnan(rates.mean[0]) && rates.greatest == 0);
	rates_drop(&rates);
}

/* ---- marks ---- */

enum { MANY = 400 };

static void labels_do_not_cover_each_other(void **state)
{
	static const char *const types[] = {"started", "rescued", "grew", "killed", "set", "unheard-of"};
	struct frame f = {80, 100, 800, 200, 0, 100, 0, 1};
	struct record_event events[MANY];

	for (int spread = 1; spread < 100; spread += 7) {
		struct recording r = {.events = events};
		struct marks m;

		for (int i = 0; i < MANY; i += 1 + i % spread) {
			struct record_event *event = &events[r.event_count++];

			*event = (struct record_event){.time_us = (uint64_t)i * 250000, .limit_bytes = 1 << 20};
			strcpy(event->type, types[i % 6]);
		}
		marks_make(&r, &f, 986, &m);
		if (m.lanes > 4)
			fail_msg("%u lanes for %zu events", m.lanes, r.event_count);
		for (size_t i = 0; i < m.count; i++)
			for (size_t j = i + 1; j < m.count; j++) {
				const struct mark *a = &m.list[i], *b = &m.list[j];

				if (a->lane == b->lane && a->label_x + a->width > b->label_x)
					fail_msg("'%s' runs into '%s'", a->label, b->label);
				if (b->lane > a->lane && a->label_x == a->x && a->x + a->width > b->x)
					fail_msg("the line of '%s' crosses '%s'", b->label, a->label);
			}
		marks_drop(&m);
	}
}

static void a_label_says_what_happened(void **state)
{
	struct frame f = {80, 100, 800, 200, 0, 100, 0, 1};
	struct record_event events[] = {
		{.time_us = 1000000, .type = "rescued"},
		{.time_us = 1010000, .type = "grew", .limit_bytes = 128 << 20},
		{.time_us = 50000000, .type = "killed", .text = "eat, pid 7", .value = 1},
		{.time_us = 50010000, .type = "exit", .text = "signal 9", .value = 137},
	};
	struct recording r = {.events = events, .event_count = 4};
	struct marks m;

	marks_make(&r, &f, 986, &m);
	assert_int_equal(m.count, 2);
	assert_string_equal(m.list[0].label, "grew to 128 MiB; rescued");
	assert_string_equal(m.list[1].label, "killed: eat, pid 7; ended by signal 9");
	assert_int_equal(m.list[0].mood, MARK_GOOD);
	assert_int_equal(m.list[1].mood, MARK_BAD);
	marks_drop(&m);
}

/* ---- the whole ---- */

static void nothing_but_one_sample_is_a_picture_too(void **state)
{
	struct record_sample list[] = {sample_at(0, 0, 0, 0)};
	struct recording r = {
		.header = {.interval_us = 1, .started_us = UINT64_MAX}, .samples = list, .sample_count = 1};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	plot_svg(out, &r, 1);
	fclose(out);
	assert_non_null(strstr(text, "</svg>\n"));
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf\""));
	free(text);
}

static char *draw(const struct recording *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	plot_svg(out, r, 1);
	fclose(out);
	return text;
}

/* The ring of samples runs over long before that of events does. */
static void what_is_older_than_all_samples_is_not_drawn(void **state)
{
	struct record_sample samples[] = {sample_at(3600000, 0, 0, 0), sample_at(7200000, 0, 0, 0)};
	struct record_event events[] = {
		{.time_us = 1000, .type = "started", .usage_bytes = 5 << 20, .limit_bytes = 64 << 20},
		{.time_us = 3599000000, .type = "grew", .usage_bytes = 60 << 20, .limit_bytes = 128 << 20},
		{.time_us = 4000000000, .type = "rescued", .usage_bytes = RECORD_UNKNOWN},
	};
	struct recording r = {.header = {.interval_us = 100000},
		.is_cut = true,
		.until_us = 7200000000,
		.samples = samples,
		.sample_count = 2,
		.events = events,
		.event_count = 3};
	char *all = draw(&r), *without;

	r.events += 2;
	r.event_count -= 2;
	without = draw(&r);
	assert_non_null(strstr(all, "rescued"));
	assert_string_equal(all, without);
	free(all);
	free(without);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_are_round_and_few),
		cmocka_unit_test(labels_have_their_unit),
		cmocka_unit_test(amounts_are_short),
		cmocka_unit_test(what_would_be_markup_is_escaped),
		cmocka_unit_test(no_spike_is_lost),
		cmocka_unit_test(a_peak_between_two_looks_is_seen),
		cmocka_unit_test(rates_are_of_the_time_between),
		cmocka_unit_test(labels_do_not_cover_each_other),
		cmocka_unit_test(a_label_says_what_happened),
		cmocka_unit_test(nothing_but_one_sample_is_a_picture_too),
		cmocka_unit_test(what_is_older_than_all_samples_is_not_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
