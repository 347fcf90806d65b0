/* Figures of a cage that another process holds, on fake trees of each kind. */
#include "cage_fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cage/meter.h"

static const char *const pure_v1[] = {"v1 memory", "v1 freezer", "v1 cpu,cpuacct", "v1 pids", NULL};
static const char *const pure_v2[] = {"v2 cpu io memory pids", NULL};
static const char *const hybrid[] = {"v1 memory", "v1 cpu", "v2 hugetlb", NULL};
static const struct limits limited = {
	.given = 1U << LIMIT_MEMORY | 1U << LIMIT_CPU | 1U << LIMIT_PIDS,
	.value = {[LIMIT_MEMORY] = 1 << 26, [LIMIT_CPU] = 30000, [LIMIT_PIDS] = 20},
};

struct look {
	struct fake fake;
	struct cage_host *host;
	struct cage *cage;
	struct meter *meter;
	struct meter_figures f;
	struct err e;
};

/* A cage of somebody else, and a meter on it. */
static void look_open(struct look *x, const char *const *trees, const char *group)
{
	memset(x, 0, sizeof *x);
	fake_open(&x->fake, trees);
	x->host = fake_host(&x->fake);
	if (cage_create(x->host, group, &limited, &x->fake.undo, &x->cage, &x->e) < 0)
		fail_msg("cage_create: %s", x->e.text);
	meter_clear(&x->f);
}

static void look_at(struct look *x, const char *group, unsigned parts)
{
	if (!x->meter && meter_open(x->host, group, &x->meter, &x->e) < 0)
		fail_msg("meter_open: %s", x->e.text);
	meter_read(x->meter, parts, &x->f);
}

static void look_close(struct look *x)
{
	meter_drop(&x->meter);
	cage_drop(&x->cage);
	cage_host_drop(&x->host);
	fake_close(&x->fake);
}

static void v1_figures_are_read_where_each_stands(void **state)
{
	struct look x;

	look_open(&x, pure_v1, "web");
	fake_write(&x.fake, "memory/virtualing/web/memory.usage_in_bytes", "4096\n");
	fake_write(&x.fake, "memory/virtualing/web/memory.limit_in_bytes", "9223372036854771712\n");
	fake_write(&x.fake, "memory/virtualing/web/memory.max_usage_in_bytes", "8192\n");
	fake_write(&x.fake, "memory/virtualing/web/memory.stat", "total_cache 300\ntotal_rss 20\ntotal_shmem 100\n");
	fake_write(
		&x.fake, "memory/virtualing/web/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
	fake_write(&x.fake, "cpu,cpuacct/virtualing/web/cpuacct.usage", "7000999\n");
	fake_write(&x.fake, "cpu,cpuacct/virtualing/web/cpu.stat", "nr_periods 1\nthrottled_time 5000\n");
	fake_write(&x.fake, "pids/virtualing/web/pids.current", "3\n");
	fake_write(&x.fake, "freezer/virtualing/web/freezer.self_freezing", "1\n");
	fake_write(&x.fake, "freezer/virtualing/web/cgroup.procs", "11\n12\n");
	look_at(&x, "web", METER_QUICK);
	assert_int_equal(x.f.usage.memory_bytes, 4096);
	assert_int_equal(x.f.usage.cpu_us, UINT64_MAX); /* was not asked for */
	look_at(&x, "web", METER_DEAR);
	assert_int_equal(x.f.usage.memory_limit_bytes, UINT64_MAX);
	assert_int_equal(x.f.usage.memory_peak_bytes, 8192);
	assert_int_equal(x.f.usage.cpu_us, 7000);
	assert_int_equal(x.f.usage.cpu_throttled_us, 5);
	assert_int_equal(x.f.usage.pids, 3);
	assert_int_equal(x.f.usage.oom_kills, 2);
	assert_int_equal(x.f.processes, 2);
	assert_int_equal(x.f.frozen, 1);
	assert_int_equal(x.f.memory.some, UINT64_MAX);
	assert_int_equal(x.f.usage.parts.anonymous_bytes, UINT64_MAX);
	look_at(&x, "web", METER_RARE);
	assert_int_equal(x.f.usage.parts.anonymous_bytes, 20);
	assert_int_equal(x.f.usage.parts.file_bytes, 200);
	look_close(&x);
}

static void v2_figures_are_those_of_the_program_and_not_of_the_decoys(void **state)
{
	struct look x;

	look_open(&x, pure_v2, "web");
	fake_write(&x.fake, "unified/virtualing/web/memory.current", "5000\n");
	fake_write(&x.fake, "unified/virtualing/web/memory.max", "max\n");
	fake_write(&x.fake, "unified/virtualing/web/work/memory.current", "1\n");
	fake_write(&x.fake, "unified/virtualing/web/cpu.stat", "usage_usec 99\n");
	fake_write(&x.fake, "unified/virtualing/web/work/cpu.stat", "usage_usec 55\nthrottled_usec 6\n");
	fake_write(&x.fake, "unified/virtualing/web/work/cgroup.freeze", "0\n");
	fake_write(&x.fake, "unified/virtualing/web/work/cgroup.procs", "11\n12\n13\n");
	fake_write(&x.fake, "unified/virtualing/web/work/memory.pressure",
		"some avg10=1.23 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.07 avg60=0.00 avg300=0.00 total=1\n");
	fake_write(&x.fake, "unified/virtualing/web/work/cpu.pressure", "some avg10=99.00 avg60\n");
	fake_write(&x.fake, "unified/virtualing/web/work/io.pressure", "some avg10=x\n");
	look_at(&x, "web", METER_QUICK | METER_DEAR | METER_RARE);
	assert_int_equal(x.f.usage.memory_bytes, 5000);
	assert_int_equal(x.f.usage.memory_limit_bytes, UINT64_MAX);
	assert_int_equal(x.f.usage.cpu_us, 55);
	assert_int_equal(x.f.usage.cpu_throttled_us, 6);
	assert_int_equal(x.f.processes, 3);
	assert_int_equal(x.f.frozen, 0);
	assert_int_equal(x.f.memory.some, 123);
	assert_int_equal(x.f.memory.full, 7);
	assert_int_equal(x.f.cpu.some, 9900);
	assert_int_equal(x.f.cpu.full, UINT64_MAX);
	assert_int_equal(x.f.io.some, UINT64_MAX);
	look_close(&x);
}

static void on_hybrid_hosts_both_trees_are_read(void **state)
{
	struct look x;

	look_open(&x, hybrid, "web");
	fake_write(&x.fake, "memory/virtualing/web/memory.usage_in_bytes", "4096\n");
	fake_write(&x.fake, "unified/virtualing/web/cpu.stat", "usage_usec 55\n");
	fake_write(&x.fake, "unified/virtualing/web/cgroup.procs", "");
	look_at(&x, "web", METER_QUICK | METER_DEAR);
	assert_int_equal(x.f.usage.memory_bytes, 4096);
	assert_int_equal(x.f.usage.cpu_us, 55);
	assert_int_equal(x.f.processes, 0);
	look_close(&x);
}

static void a_figure_follows_its_file(void **state)
{
	struct look x;

	look_open(&x, pure_v2, "/own/place");
	for (int i = 1; i < 4; i++) {
		char text[16];

		snprintf(text, sizeof text, "%d\n", i);
		fake_write(&x.fake, "unified/own/place/memory.current", text);
		look_at(&x, "/own/place", METER_QUICK);
		assert_int_equal(x.f.usage.memory_bytes, i);
	}
	fake_write(&x.fake, "unified/own/place/memory.current", "nonsense");
	look_at(&x, "/own/place", METER_QUICK);
	assert_int_equal(x.f.usage.memory_bytes, UINT64_MAX);
	look_close(&x);
}

static void without_its_groups_there_is_no_meter(void **state)
{
	struct look x;

	look_open(&x, pure_v1, "web");
	assert_int_equal(meter_open(x.host, "other", &x.meter, &x.e), -ENOENT);
	assert_int_equal(meter_open(x.host, "../web", &x.meter, &x.e), -EINVAL);
	assert_null(x.meter);
	look_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_figures_are_read_where_each_stands),
		cmocka_unit_test(v2_figures_are_those_of_the_program_and_not_of_the_decoys),
		cmocka_unit_test(on_hybrid_hosts_both_trees_are_read),
		cmocka_unit_test(a_figure_follows_its_file),
		cmocka_unit_test(without_its_groups_there_is_no_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
