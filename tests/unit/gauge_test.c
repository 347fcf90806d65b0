/* Levels of memory usage that are crossed, on fake trees: what is told, and which peak is kept. */
#include "cage_fake.h"

#include <stdio.h>
#include <string.h>

#include "cage/gauge.h"
#include "cage/inner.h"

#define MIB(n) ((uint64_t)(n) << 20)

enum { LEVEL = 100 };

struct trial {
	struct fake fake;
	struct cage_host *host;
	struct cage *cage;
	struct loop *loop;
	struct gauge *gauge;
	struct gauge_owner owner;
	enum cgroup_version version;
	char told[256]; /* "up 120 down 50 " */
	struct err e;
};

static void crossed(struct gauge_owner *o, int level, bool up, uint64_t usage_bytes)
{
	struct trial *t = (struct trial *)((char *)o - offsetof(struct trial, owner));
	size_t length = strlen(t->told);

	assert_int_equal(level, 0);
	snprintf(t->told + length, sizeof t->told - length, "%s %d ", up ? "up" : "down", (int)(usage_bytes >> 20));
}

static void write_mib(struct trial *t, const char *v1, const char *v2, unsigned mib)
{
	char path[128], text[32];

	snprintf(path, sizeof path, "%s/virtualing/web/%s", t->version == CGROUP_V1 ? "memory" : "unified",
		t->version == CGROUP_V1 ? v1 : v2);
	snprintf(text, sizeof text, "%llu\n", (unsigned long long)MIB(mib));
	fake_write(&t->fake, path, text);
}

/* As the kernel would say it, and one look at it. Fails if something else is told. */
static void expect(struct trial *t, unsigned usage_mib, unsigned peak_mib, const char *told)
{
	write_mib(t, "memory.usage_in_bytes", "memory.current", usage_mib);
	write_mib(t, "memory.max_usage_in_bytes", "memory.peak", peak_mib);
	t->told[0] = '\0';
	if (loop_turn(t->loop, &t->e) < 0) /* until the gauge's alarm */
		fail_msg("%s", t->e.text);
	if (strcmp(t->told, told) != 0)
		fail_msg("usage %u, peak %u: told '%s', not '%s'", usage_mib, peak_mib, t->told, told);
}

static void trial_open(struct trial *t, enum cgroup_version version)
{
	static const char *const trees[CGROUP_VERSIONS][2] = {{"v1 memory"}, {"v2 memory"}};
	static const struct limits limits = {.given = 1U << LIMIT_MEMORY, .value = {[LIMIT_MEMORY] = MIB(512)}};

	*t = (struct trial){.version = version, .owner.crossed = crossed};
	fake_open(&t->fake, trees[version]);
	t->host = fake_host(&t->fake);
	if (cage_create(t->host, "web", &limits, &t->fake.undo, &t->cage, &t->e) < 0 ||
		loop_open(&t->loop, &t->e) < 0 || gauge_open(t->loop, t->cage, &t->owner, &t->gauge, &t->e) < 0)
		fail_msg("%s", t->e.text);
	assert_int_equal(gauge_add(t->gauge, MIB(LEVEL)), 0);
}

static void trial_close(struct trial *t)
{
	gauge_drop(&t->gauge);
	loop_drop(&t->loop);
	cage_drop(&t->cage);
	cage_host_drop(&t->host);
	fake_close(&t->fake);
}

static void on_each(void (*steps)(struct trial *t))
{
	for (int version = 0; version < CGROUP_VERSIONS; version++) {
		struct trial t;

		trial_open(&t, (enum cgroup_version)version);
		steps(&t);
		trial_close(&t);
	}
}

static void go_through(struct trial *t)
{
	expect(t, 99, 99, "");
	expect(t, 100, 100, "up 100 ");
	expect(t, 150, 150, "");
	expect(t, 99, 150, ""); /* that is not clearly below */
	expect(t, 100, 150, "");
	expect(t, 50, 150, "down 50 ");
	expect(t, 120, 150, "up 120 ");
}

static void a_level_is_crossed_upwards_at_once_and_downwards_when_usage_is_clearly_below(void **state)
{
	on_each(go_through);
}

static void spike(struct trial *t)
{
	expect(t, 50, 130, "up 130 down 50 ");
	expect(t, 50, 50, "");
	expect(t, 60, 120, "up 120 down 60 ");
	expect(t, 60, 120, "up 120 down 60 "); /* the kernel was asked to forget the one before */
	expect(t, 60, 90, "");
	expect(t, 110, 110, "up 110 ");
	expect(t, 20, 110, "down 20 ");
	expect(t, 20, 105, "up 105 down 20 ");
}

static void each_spike_between_two_looks_is_told_though_none_is_higher_than_the_first(void **state)
{
	on_each(spike);
}

static void ask_for_peak(struct trial *t)
{
	struct cage_usage u;

	expect(t, 50, 130, "up 130 down 50 ");
	write_mib(t, "memory.max_usage_in_bytes", "memory.peak", t->version == CGROUP_V1 ? 50 : 130);
	cage_memory(t->cage, &u);
	assert_int_equal(u.memory_peak_bytes, MIB(130));
	write_mib(t, "memory.max_usage_in_bytes", "memory.peak", 140);
	cage_memory(t->cage, &u);
	assert_int_equal(u.memory_peak_bytes, MIB(140));
}

static void the_peak_of_all_time_stays_for_who_asks(void **state)
{
	on_each(ask_for_peak);
}

static void move(struct trial *t)
{
	expect(t, 50, 90, "");
	gauge_move(t->gauge, 0, MIB(80));
	expect(t, 50, 90, ""); /* that was before */
	expect(t, 50, 95, "up 95 down 50 ");
	gauge_move(t->gauge, 0, MIB(40));
	expect(t, 50, 95, "up 50 ");
}

static void a_level_that_is_moved_knows_nothing_of_spikes_before(void **state)
{
	on_each(move);
}

static void the_pause_is_as_long_as_nobody_can_reach_the_level(void **state)
{
	static const struct {
		uint64_t distance;
		bool down;
		unsigned cpus, ms;
	} rows[] = {
		{0, false, 1, 1},
		{MIB(16), false, 1, 1},
		{MIB(160), false, 1, 10},
		{MIB(160), false, 4, 2},
		{MIB(4096), false, 1, 100},
		{UINT64_MAX, false, 64, 100},
		{MIB(128), true, 1, 1},
		{MIB(400), true, 64, 3},
		{MIB(1 << 20), true, 1, 100},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned ms = gauge_pause_ms(rows[i].distance, rows[i].down, rows[i].cpus);

		if (ms != rows[i].ms)
			fail_msg("row %zu: %u ms, wanted %u", i, ms, rows[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_level_is_crossed_upwards_at_once_and_downwards_when_usage_is_clearly_below),
		cmocka_unit_test(each_spike_between_two_looks_is_told_though_none_is_higher_than_the_first),
		cmocka_unit_test(the_peak_of_all_time_stays_for_who_asks),
		cmocka_unit_test(a_level_that_is_moved_knows_nothing_of_spikes_before),
		cmocka_unit_test(the_pause_is_as_long_as_nobody_can_reach_the_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
