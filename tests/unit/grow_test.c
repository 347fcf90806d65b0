/* When a limit rises by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cage/grow.h"

#define MIB(n) ((uint64_t)(n) << 20)

static const struct grow policy = {.given = true,
	.step_bytes = MIB(64),
	.ceiling_bytes = MIB(1024),
	.reserve_bytes = MIB(256),
	.at_percent = 90,
	.cooldown_ms = 1000};

struct row {
	struct grow_situation s;
	enum grow_verdict verdict;
	uint64_t limit_mib;
};

static const struct row rows[] = {
	/* plenty */
	{{MIB(512), MIB(512), MIB(8192), UINT64_MAX, true}, GROW_BY_STEP, 576},
	{{MIB(512), MIB(512), MIB(8192), UINT64_MAX, false}, GROW_BY_STEP, 576},
	/* the cooldown binds who is not full */
	{{MIB(512), MIB(512), MIB(8192), 999, false}, GROW_NOT_YET, 0},
	{{MIB(512), MIB(512), MIB(8192), 1000, false}, GROW_BY_STEP, 576},
	{{MIB(512), MIB(512), MIB(8192), 0, true}, GROW_BY_STEP, 576},
	/* the ceiling */
	{{MIB(1000), MIB(1000), MIB(8192), UINT64_MAX, true}, GROW_BY_STEP, 1024},
	{{MIB(1024), MIB(1024), MIB(8192), UINT64_MAX, true}, GROW_AT_CEILING, 0},
	{{MIB(2000), MIB(2000), MIB(8192), UINT64_MAX, true}, GROW_AT_CEILING, 0},
	/* the host's reserve makes the step smaller, then impossible */
	{{MIB(512), MIB(512), MIB(256 + 64), UINT64_MAX, true}, GROW_BY_STEP, 576},
	{{MIB(512), MIB(512), MIB(256 + 10), UINT64_MAX, true}, GROW_BY_STEP, 522},
	{{MIB(512), MIB(512), MIB(256 + 1), UINT64_MAX, true}, GROW_BY_STEP, 513},
	{{MIB(512), MIB(512), MIB(256) + 4096, UINT64_MAX, true}, GROW_NO_RESERVE, 0},
	{{MIB(512), MIB(512), MIB(100), UINT64_MAX, true}, GROW_NO_RESERVE, 0},
	{{MIB(512), MIB(512), 0, UINT64_MAX, true}, GROW_NO_RESERVE, 0},
	/* what may be taken without a step is no spare */
	{{MIB(512), MIB(412), MIB(256 + 164), UINT64_MAX, false}, GROW_BY_STEP, 576},
	{{MIB(512), MIB(412), MIB(256 + 110), UINT64_MAX, false}, GROW_BY_STEP, 522},
	{{MIB(512), MIB(412), MIB(256 + 100), UINT64_MAX, false}, GROW_NO_RESERVE, 0},
};

static void a_limit_rises_by_its_step_as_far_as_ceiling_and_reserve_allow(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t limit = 0;
		enum grow_verdict verdict = grow_decide(&policy, &rows[i].s, &limit);

		if (verdict != rows[i].verdict || limit != MIB(rows[i].limit_mib))
			fail_msg("row %zu: verdict %d and limit %llu MiB, wanted %d and %llu", i, verdict,
				(unsigned long long)(limit >> 20), rows[i].verdict,
				(unsigned long long)rows[i].limit_mib);
	}
}

/* However often it is asked, and whatever the host has: never above the ceiling, never into the reserve. */
static void no_series_of_steps_breaks_the_bounds(void **state)
{
	for (uint64_t available = 0; available < MIB(2048); available += MIB(37) + 4321) {
		struct grow_situation s = {MIB(64), MIB(32), available, UINT64_MAX, true};
		uint64_t limit;

		while (grow_decide(&policy, &s, &limit) == GROW_BY_STEP) {
			uint64_t taken = (limit - s.usage_bytes) / 2;

			assert_true(limit > s.limit_bytes);
			assert_true(limit <= policy.ceiling_bytes);
			assert_true(s.available_bytes >= policy.reserve_bytes + (limit - s.usage_bytes));
			s.limit_bytes = limit;
			s.usage_bytes += taken;
			s.available_bytes -= taken;
		}
	}
}

static void a_limit_falls_to_what_is_used_and_a_margin_and_not_below_its_floor(void **state)
{
	static const struct {
		uint64_t limit_mib, used_mib, floor_mib, result_mib;
	} falls[] = {
		{1024, 80, 0, 106},
		{1024, 80, 128, 128},
		{1024, 1000, 0, 1024},
		{110, 80, 0, 110},
		{111, 80, 0, 106},
		{64, 0, 128, 64},
	};

	for (size_t i = 0; i < sizeof falls / sizeof *falls; i++) {
		struct give_back g = {.given = true, .floor_bytes = MIB(falls[i].floor_mib)};
		uint64_t limit = give_back_decide(&g, MIB(falls[i].limit_mib), MIB(falls[i].used_mib));

		if (limit != MIB(falls[i].result_mib))
			fail_msg("row %zu: %llu MiB", i, (unsigned long long)(limit >> 20));
	}
}

static void the_reserve_is_what_is_left_if_all_of_a_limit_is_used(void **state)
{
	assert_true(grow_keeps_reserve(&policy, MIB(512), MIB(412), MIB(256 + 100)));
	assert_false(grow_keeps_reserve(&policy, MIB(512), MIB(412), MIB(256 + 99)));
	assert_false(grow_keeps_reserve(&policy, UINT64_MAX, MIB(412), MIB(8192)));
	assert_false(grow_keeps_reserve(&policy, MIB(512), MIB(511), 0));
	/* what is used already takes nothing more */
	assert_true(grow_keeps_reserve(&policy, MIB(512), MIB(512), 0));
	assert_true(grow_keeps_reserve(&policy, MIB(512), MIB(600), 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reserve_is_what_is_left_if_all_of_a_limit_is_used),
		cmocka_unit_test(a_limit_rises_by_its_step_as_far_as_ceiling_and_reserve_allow),
		cmocka_unit_test(no_series_of_steps_breaks_the_bounds),
		cmocka_unit_test(a_limit_falls_to_what_is_used_and_a_margin_and_not_below_its_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
