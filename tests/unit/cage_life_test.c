/* Groups made, limits written, figures read and everything removed, on fake trees of each kind. */
#include "cage_fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cage/inner.h"

static const char *const pure_v1[] = {
	"v1 memory", "v1 freezer", "v1 cpu,cpuacct", "v1 cpuset", "v1 pids", "v1 blkio", "v1 hugetlb", NULL};
static const char *const pure_v2[] = {"v2 cpuset cpu io memory hugetlb pids", NULL};
static const char *const hybrid[] = {"v1 memory", "v1 cpu", "v2 hugetlb", NULL};

struct life {
	struct fake fake;
	struct cage_host *host;
	struct cage *cage;
	struct err e;
};

static void life_open(struct life *x, const char *const *trees)
{
	memset(x, 0, sizeof *x);
	fake_open(&x->fake, trees);
	x->host = fake_host(&x->fake);
}

static void life_close(struct life *x)
{
	cage_drop(&x->cage);
	cage_host_drop(&x->host);
	fake_close(&x->fake);
}

static void make(struct life *x, const char *group, const struct limits *l)
{
	if (cage_create(x->host, group, l, &x->fake.undo, &x->cage, &x->e) < 0)
		fail_msg("cage_create: %s", x->e.text);
}

static void apply(struct life *x, const struct limits *l)
{
	if (cage_apply(x->cage, l, &x->e) < 0)
		fail_msg("cage_apply: %s", x->e.text);
}

static void take_away(struct life *x)
{
	if (cage_remove(x->cage, &x->e) < 0)
		fail_msg("cage_remove: %s", x->e.text);
}

static const struct limits none;
static const struct limits three = {
	.given = 1U << LIMIT_MEMORY | 1U << LIMIT_CPU | 1U << LIMIT_PIDS,
	.value = {[LIMIT_MEMORY] = 1 << 26, [LIMIT_CPU] = 30000, [LIMIT_PIDS] = 20},
};

/* ---- making ---- */

static void v1_makes_the_groups_that_are_needed_and_notes_each_before_it(void **state)
{
	struct life x;

	life_open(&x, pure_v1);
	make(&x, "web", &three);
	assert_string_equal(x.fake.log, "+ memory/virtualing\n"
					"G memory/virtualing/web\n"
					"+ memory/virtualing/web\n"
					"+ cpu,cpuacct/virtualing\n"
					"G cpu,cpuacct/virtualing/web\n"
					"+ cpu,cpuacct/virtualing/web\n"
					"+ pids/virtualing\n"
					"G pids/virtualing/web\n"
					"+ pids/virtualing/web\n"
					"+ freezer/virtualing\n" /* it can kill: made last, so undone first */
					"G freezer/virtualing/web\n"
					"+ freezer/virtualing/web\n");
	take_away(&x);
	assert_false(fake_has(&x.fake, "memory/virtualing"));
	assert_false(fake_has(&x.fake, "freezer/virtualing"));
	take_away(&x); /* gone already is success */
	life_close(&x);
}

static void v2_puts_the_program_below_the_memory_limit_and_passes_controllers_down(void **state)
{
	struct life x;

	life_open(&x, pure_v2);
	make(&x, "web", &three);
	assert_string_equal(x.fake.log, "+ unified/virtualing\n"
					"G unified/virtualing/web\n"
					"+ unified/virtualing/web\n"
					"+ unified/virtualing/web/work\n");
	fake_expect(&x.fake, "unified/cgroup.subtree_control", "+cpu +memory +pids");
	fake_expect(&x.fake, "unified/virtualing/cgroup.subtree_control", "+cpu +memory +pids");
	fake_expect(&x.fake, "unified/virtualing/web/cgroup.subtree_control", "+cpu +memory +pids");
	fake_expect(&x.fake, "unified/virtualing/web/work/cgroup.subtree_control", "");
	apply(&x, &three);
	fake_expect(&x.fake, "unified/virtualing/web/memory.max", "67108864");
	fake_expect(&x.fake, "unified/virtualing/web/work/memory.max", "");
	fake_expect(&x.fake, "unified/virtualing/web/work/cpu.max", "30000 100000");
	fake_expect(&x.fake, "unified/virtualing/web/work/pids.max", "20");
	take_away(&x);
	assert_false(fake_has(&x.fake, "unified/virtualing"));
	life_close(&x);
}

static void controllers_that_are_enabled_already_are_not_written_again(void **state)
{
	static const struct limits memory = {.given = 1U << LIMIT_MEMORY, .value[LIMIT_MEMORY] = 1 << 20};
	struct life x;

	life_open(&x, pure_v2);
	fake_write(&x.fake, "unified/cgroup.subtree_control", "cpu memory io\n");
	make(&x, "web", &memory);
	fake_expect(&x.fake, "unified/cgroup.subtree_control", "cpu memory io\n");
	life_close(&x);
}

static void on_a_hybrid_host_a_v2_group_stands_beside_the_v1_groups(void **state)
{
	struct hugetlb_limit pages = {2 << 20, 64 << 20};
	struct limits l = {.given = 1U << LIMIT_HUGETLB | 1U << LIMIT_CPU,
		.value[LIMIT_CPU] = 5000,
		.hugetlb = &pages,
		.hugetlb_count = 1};
	struct cage_gate gate;
	struct life x;

	life_open(&x, hybrid);
	make(&x, "web", &l);
	apply(&x, &l);
	assert_string_equal(x.fake.log, "+ memory/virtualing\n"
					"G memory/virtualing/web\n"
					"+ memory/virtualing/web\n"
					"+ cpu/virtualing\n"
					"G cpu/virtualing/web\n"
					"+ cpu/virtualing/web\n"
					"+ unified/virtualing\n"
					"G unified/virtualing/web\n"
					"+ unified/virtualing/web\n");
	fake_expect(&x.fake, "unified/virtualing/web/hugetlb.2MB.max", "67108864");
	fake_expect(&x.fake, "cpu/virtualing/web/cpu.cfs_quota_us", "5000");
	fake_expect(&x.fake, "cpu/virtualing/web/cpu.cfs_period_us", "100000");
	assert_int_equal(cage_gate(x.cage, &gate, &x.e), 0);
	assert_true(gate.into >= 0);
	assert_int_equal(gate.tasks_count, 2);
	life_close(&x);
}

static void a_pure_v1_host_has_no_group_to_clone_into(void **state)
{
	struct cage_gate gate, again;
	struct life x;

	life_open(&x, pure_v1);
	make(&x, "web", &none);
	assert_int_equal(cage_gate(x.cage, &gate, &x.e), 0);
	assert_int_equal(gate.into, -1);
	assert_int_equal(gate.tasks_count, 3); /* memory, cpuacct, freezer */
	assert_int_equal(cage_gate(x.cage, &again, &x.e), 0);
	assert_int_equal(again.tasks_count, 3);
	assert_int_equal(again.tasks[0], gate.tasks[0]);
	life_close(&x);
}

static void a_v1_cpuset_is_filled_from_above_at_each_level(void **state)
{
	struct limits l = {.given = 1U << LIMIT_CPUS, .cpus = (char[]){"1,2"}};
	struct life x;

	life_open(&x, pure_v1);
	make(&x, "/a/b", &l);
	fake_expect(&x.fake, "cpuset/a/cpuset.cpus", "0-3");
	fake_expect(&x.fake, "cpuset/a/cpuset.mems", "0");
	fake_expect(&x.fake, "cpuset/a/b/cpuset.mems", "0");
	life_close(&x);
}

static void an_absolute_group_makes_missing_parents_and_removes_only_them(void **state)
{
	struct life x;

	life_open(&x, hybrid);
	fake_mkdir(&x.fake, "memory/a");
	make(&x, "/a/b/c", &none);
	assert_string_equal(x.fake.log, "P memory/a/b\n"
					"+ memory/a/b\n"
					"G memory/a/b/c\n"
					"+ memory/a/b/c\n"
					"P unified/a\n"
					"+ unified/a\n"
					"P unified/a/b\n"
					"+ unified/a/b\n"
					"G unified/a/b/c\n"
					"+ unified/a/b/c\n");
	take_away(&x);
	assert_true(fake_has(&x.fake, "memory/a"));
	assert_false(fake_has(&x.fake, "memory/a/b"));
	assert_false(fake_has(&x.fake, "unified/a"));
	life_close(&x);
}

static void a_parent_that_others_use_by_now_stays(void **state)
{
	struct life x;

	life_open(&x, hybrid);
	make(&x, "web", &none);
	fake_mkdir(&x.fake, "memory/virtualing/other");
	take_away(&x);
	assert_true(fake_has(&x.fake, "memory/virtualing/other"));
	assert_false(fake_has(&x.fake, "memory/virtualing/web"));
	assert_false(fake_has(&x.fake, "unified/virtualing"));
	life_close(&x);
}

static void a_group_that_is_there_already_is_neither_used_nor_noted_nor_removed(void **state)
{
	struct life x;

	life_open(&x, hybrid);
	fake_mkdir(&x.fake, "unified/virtualing");
	fake_mkdir(&x.fake, "unified/virtualing/web");
	assert_int_equal(cage_create(x.host, "web", &none, &x.fake.undo, &x.cage, &x.e), -EEXIST);
	assert_non_null(strstr(x.e.text, "/unified/virtualing/web is there already"));
	assert_null(x.cage);
	assert_null(strstr(x.fake.log, "G unified"));
	assert_true(fake_has(&x.fake, "unified/virtualing/web"));
	assert_false(fake_has(&x.fake, "memory/virtualing")); /* what was made before the failure is gone */
	life_close(&x);
}

static void without_its_undo_no_group_is_made_and_none_stays(void **state)
{
	for (int i = 1; i <= 4; i++) {
		struct life x;

		life_open(&x, pure_v1);
		x.fake.fail_note = i;
		assert_int_equal(cage_create(x.host, "web", &three, &x.fake.undo, &x.cage, &x.e), -ENOSPC);
		assert_null(x.cage);
		for (size_t t = 0; t < x.host->count; t++) {
			char path[256];

			snprintf(path, sizeof path, "%s/virtualing/web",
				x.host->trees[t].mount + strlen(x.fake.root) + 1);
			assert_false(fake_has(&x.fake, path));
		}
		life_close(&x);
	}
}

static void a_v2_tree_that_lacks_a_controller_says_which(void **state)
{
	struct life x;

	life_open(&x, pure_v2);
	fake_write(&x.fake, "unified/cgroup.controllers", "cpu memory"); /* pids is taken away under our hands */
	fake_unlink(&x.fake, "unified/cgroup.subtree_control");
	assert_int_equal(cage_create(x.host, "web", &three, &x.fake.undo, &x.cage, &x.e), -ENOENT);
	assert_non_null(strstr(x.e.text, "unified does not have the controller pids"));
	life_close(&x);
}

/* ---- limits ---- */

static void v1_limits_reach_their_files(void **state)
{
	struct limits l = {
		.given = 1U << LIMIT_MEMORY | 1U << LIMIT_SWAP | 1U << LIMIT_CPU_WEIGHT | 1U << LIMIT_CPUS |
			 1U << LIMIT_PIDS,
		.value = {[LIMIT_MEMORY] = 1 << 20, [LIMIT_SWAP] = 1 << 21, [LIMIT_CPU_WEIGHT] = 50, [LIMIT_PIDS] = 7},
		.cpus = (char[]){"0,1,2,3"}, /* as long as what is inherited: an ordinary file is not cut */
	};
	struct life x;

	life_open(&x, pure_v1);
	make(&x, "web", &l);
	apply(&x, &l);
	fake_expect(&x.fake, "memory/virtualing/web/memory.limit_in_bytes", "1048576");
	fake_expect(&x.fake, "memory/virtualing/web/memory.memsw.limit_in_bytes", "3145728");
	fake_expect(&x.fake, "cpu,cpuacct/virtualing/web/cpu.shares", "512");
	fake_expect(&x.fake, "cpuset/virtualing/web/cpuset.cpus", "0,1,2,3");
	fake_expect(&x.fake, "pids/virtualing/web/pids.max", "7");
	life_close(&x);
}

static void a_limit_that_the_kernel_did_not_take_is_an_error_with_both_values(void **state)
{
	struct life x;

	life_open(&x, pure_v2);
	make(&x, "web", &three);
	fake_write(&x.fake, "unified/virtualing/web/work/pids.max", "max and more");
	assert_int_equal(cage_apply(x.cage, &three, &x.e), -EINVAL);
	assert_non_null(strstr(x.e.text, "pids: "));
	assert_non_null(strstr(
		x.e.text, "/unified/virtualing/web/work/pids.max says \"20x and more\" after \"20\" was written"));
	life_close(&x);
}

static void a_file_that_the_kernel_lacks_is_an_error_with_the_reason(void **state)
{
	static const struct limits l = {.given = 1U << LIMIT_SWAP, .value[LIMIT_SWAP] = 0};
	static const struct limits max = {.given = 1U << LIMIT_SWAP, .value[LIMIT_SWAP] = SIZE_NO_LIMIT};
	struct life x;

	life_open(&x, pure_v2);
	make(&x, "web", &l);
	fake_unlink(&x.fake, "unified/virtualing/web/memory.swap.max");
	assert_int_equal(cage_apply(x.cage, &l, &x.e), -ENOENT);
	assert_non_null(strstr(x.e.text, "swap: "));
	assert_non_null(strstr(x.e.text, "swapaccount=1"));
	apply(&x, &max); /* nothing is asked for, so nothing is missing */
	life_close(&x);
}

static void what_a_new_group_has_anyway_is_not_written(void **state)
{
	static const struct limits l = {.given = 1U << LIMIT_MEMORY | 1U << LIMIT_OOM,
		.value = {[LIMIT_MEMORY] = SIZE_NO_LIMIT, [LIMIT_OOM] = 1}};
	struct life x;

	life_open(&x, pure_v1);
	make(&x, "web", &l);
	fake_write(&x.fake, "memory/virtualing/web/memory.limit_in_bytes", "9223372036854771712\n");
	fake_write(
		&x.fake, "memory/virtualing/web/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
	apply(&x, &l);
	fake_expect(&x.fake, "memory/virtualing/web/memory.limit_in_bytes", "9223372036854771712\n");
	life_close(&x);
}

static void v1_raises_the_sum_before_the_memory_limit(void **state)
{
	struct limits l = {
		.given = 1U << LIMIT_MEMORY | 1U << LIMIT_SWAP, .value = {[LIMIT_MEMORY] = 8192000, [LIMIT_SWAP] = 0}};
	struct life x;

	life_open(&x, pure_v1);
	make(&x, "web", &l);
	fake_write(&x.fake, "memory/virtualing/web/memory.memsw.limit_in_bytes", "4096000");
	fake_write(&x.fake, "memory/virtualing/web/memory.limit_in_bytes", "cannot be"); /* the write of it fails */
	assert_int_equal(cage_apply(x.cage, &l, &x.e), -EINVAL);
	fake_expect(&x.fake, "memory/virtualing/web/memory.memsw.limit_in_bytes", "8192000"); /* was first */
	fake_write(&x.fake, "memory/virtualing/web/memory.memsw.limit_in_bytes", "9000000");
	fake_write(&x.fake, "memory/virtualing/web/memory.limit_in_bytes", "cannot be");
	assert_int_equal(cage_apply(x.cage, &l, &x.e), -EINVAL);
	fake_expect(&x.fake, "memory/virtualing/web/memory.memsw.limit_in_bytes", "9000000"); /* would have been last */
	life_close(&x);
}

/* ---- what is shown ---- */

struct shown {
	char text[2048];
	size_t skip;
};

static void show(void *arg, const char *key, const char *file, const char *value)
{
	struct shown *s = arg;
	size_t used = strlen(s->text);

	snprintf(s->text + used, sizeof s->text - used, "%s %s %s\n", key, file + s->skip, value);
}

static void each_limit_is_shown_with_its_file_and_what_it_says_now(void **state)
{
	struct life x;
	struct shown s = {0};

	life_open(&x, pure_v2);
	make(&x, "web", &three);
	apply(&x, &three);
	apply(&x, &three); /* a limit that is set again is still one limit */
	fake_write(&x.fake, "unified/virtualing/web/work/pids.max", "19\n");
	s.skip = strlen(x.fake.root) + 1;
	cage_each(x.cage, show, &s);
	assert_string_equal(s.text, "group unified/virtualing/web cpu,memory,pids\n"
				    "group unified/virtualing/web/work cpu,memory,pids\n"
				    "cpu unified/virtualing/web/work/cpu.max 30000 100000\n"
				    "memory unified/virtualing/web/memory.max 67108864\n"
				    "pids unified/virtualing/web/work/pids.max 19\n");
	life_close(&x);
}

static void figures_come_from_each_version(void **state)
{
	static const struct limits l = {
		.given = 1U << LIMIT_CPU | 1U << LIMIT_PIDS, .value = {[LIMIT_CPU] = 1000, [LIMIT_PIDS] = 5}};
	struct cage_usage u;
	struct life x;

	life_open(&x, pure_v1);
	make(&x, "web", &l);
	fake_write(&x.fake, "memory/virtualing/web/memory.usage_in_bytes", "4096\n");
	fake_write(&x.fake, "memory/virtualing/web/memory.limit_in_bytes", "9223372036854771712\n");
	fake_write(&x.fake, "memory/virtualing/web/memory.stat",
		"cache 1\nswap 5\nrss 1\ntotal_cache 300\ntotal_rss 70\ntotal_shmem 100\ntotal_swap 8192\n");
	fake_write(&x.fake, "memory/virtualing/web/memory.kmem.usage_in_bytes", "9\n");
	fake_write(
		&x.fake, "memory/virtualing/web/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	fake_write(&x.fake, "cpu,cpuacct/virtualing/web/cpuacct.usage", "7000999\n");
	fake_write(&x.fake, "cpu,cpuacct/virtualing/web/cpu.stat", "nr_periods 1\nthrottled_time 2000\n");
	fake_write(&x.fake, "pids/virtualing/web/pids.current", "2\n");
	cage_usage(x.cage, &u);
	assert_int_equal(u.memory_bytes, 4096);
	assert_true(u.memory_limit_bytes == SIZE_NO_LIMIT);
	assert_true(u.memory_peak_bytes == UINT64_MAX); /* the file is empty */
	assert_int_equal(u.swap_bytes, 8192);
	assert_int_equal(u.parts.anonymous_bytes, 70);
	assert_int_equal(u.parts.file_bytes, 200);
	assert_int_equal(u.parts.shmem_bytes, 100);
	assert_int_equal(u.parts.kernel_bytes, 9);
	assert_int_equal(u.oom_kills, 3);
	assert_int_equal(u.cpu_us, 7000);
	assert_int_equal(u.cpu_throttled_us, 2);
	assert_int_equal(u.pids, 2);
	assert_true(u.io_read_bytes == UINT64_MAX);
	life_close(&x);

	life_open(&x, pure_v2);
	make(&x, "web", &l);
	fake_write(&x.fake, "unified/virtualing/web/memory.max", "max\n");
	fake_write(&x.fake, "unified/virtualing/web/memory.peak", "123\n");
	fake_write(&x.fake, "unified/virtualing/web/memory.events", "low 0\noom 9\noom_kill 9\n"); /* the guard's */
	fake_write(
		&x.fake, "unified/virtualing/web/work/memory.events", "low 0\noom 1\noom_kill 1\noom_group_kill 0\n");
	fake_write(&x.fake, "unified/virtualing/web/work/cpu.stat", "usage_usec 55\nuser_usec 50\nthrottled_usec 6\n");
	cage_usage(x.cage, &u);
	assert_true(u.memory_limit_bytes == SIZE_NO_LIMIT);
	assert_int_equal(u.memory_peak_bytes, 123);
	assert_int_equal(u.oom_kills, 1);
	assert_true(u.parts.anonymous_bytes == UINT64_MAX);
	assert_int_equal(u.cpu_us, 55);
	assert_int_equal(u.cpu_throttled_us, 6);
	life_close(&x);
}

static void memory_is_told_apart_as_far_as_the_kernel_does(void **state)
{
	static const struct limits l = {.given = 1U << LIMIT_MEMORY, .value = {[LIMIT_MEMORY] = 1 << 20}};
	static const char stat[] = "unified/virtualing/web/memory.stat";
	struct cage_usage u;
	struct life x;

	life_open(&x, pure_v2);
	make(&x, "web", &l);
	fake_write(&x.fake, stat, "anon 5\nfile 300\nkernel 7\nkernel_stack 1\nshmem 100\nfile_mapped 3\nslab 4\n");
	cage_parts(x.cage, &u);
	assert_int_equal(u.parts.anonymous_bytes, 5);
	assert_int_equal(u.parts.file_bytes, 200);
	assert_int_equal(u.parts.shmem_bytes, 100);
	assert_int_equal(u.parts.kernel_bytes, 7);
	assert_true(u.swap_bytes == UINT64_MAX); /* not asked for */
	fake_write(&x.fake, stat, "anon 5\nkernel_stack 16\nslab 4\n");
	cage_parts(x.cage, &u);
	assert_int_equal(u.parts.kernel_bytes, 20);
	assert_true(u.parts.file_bytes == UINT64_MAX);
	life_close(&x);
}

static void nothing_moves_while_a_v2_limit_is_lowered(void **state)
{
	static const char freeze[] = "unified/virtualing/web/work/cgroup.freeze";
	bool stopped;
	struct life x;

	life_open(&x, pure_v2);
	make(&x, "web", &three);
	fake_write(&x.fake, "unified/virtualing/web/memory.current", "41943040\n");
	fake_write(&x.fake, freeze, "0");
	assert_int_equal(cage_make_room(x.cage, 50 << 20, &stopped, &x.e), 0);
	assert_true(stopped);
	fake_expect(&x.fake, freeze, "1");
	cage_go_on(x.cage);
	fake_expect(&x.fake, freeze, "0");
	/* Whoever is stopped by somebody else stays so. */
	fake_write(&x.fake, freeze, "1");
	assert_int_equal(cage_make_room(x.cage, 50 << 20, &stopped, &x.e), 0);
	assert_false(stopped);
	cage_go_on(x.cage);
	fake_expect(&x.fake, freeze, "1");
	fake_write(&x.fake, freeze, "0");
	assert_int_equal(cage_make_room(x.cage, 30 << 20, &stopped, &x.e), -EBUSY);
	assert_false(stopped);
	fake_expect(&x.fake, freeze, "0");
	life_close(&x);
}

static void bytes_of_all_disks_are_added_up(void **state)
{
	struct io_limit io = {.path = (char[]){"4095:1048575"}, .value[IO_READ] = 1};
	struct limits l = {.given = 1U << LIMIT_IO, .io = &io, .io_count = 1};
	struct cage_usage u;
	struct life x;

	life_open(&x, pure_v1);
	make(&x, "web", &l);
	fake_write(&x.fake, "blkio/virtualing/web/blkio.throttle.io_service_bytes",
		"8:0 Read 100\n8:0 Write 7\n8:0 Total 107\n254:0 Read 11\n254:0 Write 0\nTotal 118\n");
	cage_usage(x.cage, &u);
	assert_int_equal(u.io_read_bytes, 111);
	assert_int_equal(u.io_write_bytes, 7);
	fake_write(&x.fake, "blkio/virtualing/web/blkio.throttle.io_service_bytes", "Total 0\n");
	cage_usage(x.cage, &u);
	assert_true(u.io_read_bytes == UINT64_MAX && u.io_write_bytes == UINT64_MAX);
	life_close(&x);
	life_open(&x, pure_v2);
	make(&x, "web", &l);
	fake_write(&x.fake, "unified/virtualing/web/work/io.stat",
		"8:0 rbytes=100 wbytes=7 rios=1 wios=1 dbytes=0 dios=0\n254:0 rbytes=11 wbytes=0 rios=1\n");
	cage_usage(x.cage, &u);
	assert_int_equal(u.io_read_bytes, 111);
	assert_int_equal(u.io_write_bytes, 7);
	life_close(&x);
}

/* ---- leftovers ---- */

static void collect(void *arg, const char *path, const char *name)
{
	struct shown *s = arg;

	show(s, name, path, "");
}

static void groups_of_ours_are_found_in_every_tree(void **state)
{
	struct life x;
	struct shown s = {0};

	life_open(&x, hybrid);
	fake_mkdir(&x.fake, "memory/other");
	make(&x, "web", &none);
	s.skip = strlen(x.fake.root) + 1;
	assert_int_equal(cage_host_each_group(x.host, collect, &s, &x.e), 0);
	assert_string_equal(s.text, "web memory/virtualing/web \nweb unified/virtualing/web \n");
	life_close(&x);
}

/* The paths lie in the test's own directory, so that a failure of the very thing tested here harms nobody. */
static void only_control_groups_are_undone(void **state)
{
	static const char *const refused[] = {"%s/memory", "%s/memory/virtualing/web", "%s/memory/virtualing/web/..",
		"%s/memory/../memory/virtualing/web", "memory/virtualing/web", ""};
	struct life x;
	char path[256];

	life_open(&x, hybrid);
	make(&x, "web", &none);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const char *rest = strncmp(refused[i], "%s", 2) == 0 ? refused[i] + 2 : NULL;

		snprintf(path, sizeof path, "%s%s", rest ? x.fake.root : "", rest ? rest : refused[i]);
		if (cage_undo_group(path, 0, &x.e) != -EINVAL)
			fail_msg("\"%s\" was not refused", path);
	}
	assert_true(fake_has(&x.fake, "memory/virtualing/web"));
	snprintf(path, sizeof path, "%s/memory/virtualing/other", x.fake.root);
	assert_int_equal(cage_undo_group(path, 0, &x.e), 0); /* gone already */
	life_close(&x);
}

static void processes_inside_are_listed_with_their_true_number(void **state)
{
	pid_t pids[2] = {0};
	struct life x;

	life_open(&x, pure_v2);
	make(&x, "web", &none);
	fake_write(&x.fake, "unified/virtualing/web/work/cgroup.procs", "11\n12\n0\n");
	fake_mkdir(&x.fake, "unified/virtualing/web/work/sub"); /* the program may make groups of its own */
	fake_write(&x.fake, "unified/virtualing/web/work/sub/cgroup.procs", "4194303\n");
	assert_int_equal(cage_pids(x.cage, pids, 2), 3);
	assert_int_equal(pids[0], 11);
	assert_int_equal(pids[1], 12);
	life_close(&x);
}

/* More than one read of the directory holds. */
static void processes_of_many_groups_below_are_all_listed(void **state)
{
	enum { BELOW = 300 };
	struct life x;

	life_open(&x, pure_v2);
	make(&x, "web", &none);
	for (int i = 1; i <= BELOW; i++) {
		char group[96], procs[128], pid[16];

		snprintf(group, sizeof group, "unified/virtualing/web/work/a-group-that-the-program-made-%d", i);
		snprintf(procs, sizeof procs, "%s/cgroup.procs", group);
		snprintf(pid, sizeof pid, "%d\n", i);
		fake_mkdir(&x.fake, group);
		fake_write(&x.fake, procs, pid);
	}
	assert_int_equal(cage_pids(x.cage, NULL, 0), BELOW);
	life_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_makes_the_groups_that_are_needed_and_notes_each_before_it),
		cmocka_unit_test(v2_puts_the_program_below_the_memory_limit_and_passes_controllers_down),
		cmocka_unit_test(controllers_that_are_enabled_already_are_not_written_again),
		cmocka_unit_test(on_a_hybrid_host_a_v2_group_stands_beside_the_v1_groups),
		cmocka_unit_test(a_pure_v1_host_has_no_group_to_clone_into),
		cmocka_unit_test(a_v1_cpuset_is_filled_from_above_at_each_level),
		cmocka_unit_test(an_absolute_group_makes_missing_parents_and_removes_only_them),
		cmocka_unit_test(a_parent_that_others_use_by_now_stays),
		cmocka_unit_test(a_group_that_is_there_already_is_neither_used_nor_noted_nor_removed),
		cmocka_unit_test(without_its_undo_no_group_is_made_and_none_stays),
		cmocka_unit_test(a_v2_tree_that_lacks_a_controller_says_which),
		cmocka_unit_test(v1_limits_reach_their_files),
		cmocka_unit_test(a_limit_that_the_kernel_did_not_take_is_an_error_with_both_values),
		cmocka_unit_test(a_file_that_the_kernel_lacks_is_an_error_with_the_reason),
		cmocka_unit_test(what_a_new_group_has_anyway_is_not_written),
		cmocka_unit_test(v1_raises_the_sum_before_the_memory_limit),
		cmocka_unit_test(each_limit_is_shown_with_its_file_and_what_it_says_now),
		cmocka_unit_test(figures_come_from_each_version),
		cmocka_unit_test(memory_is_told_apart_as_far_as_the_kernel_does),
		cmocka_unit_test(nothing_moves_while_a_v2_limit_is_lowered),
		cmocka_unit_test(bytes_of_all_disks_are_added_up),
		cmocka_unit_test(groups_of_ours_are_found_in_every_tree),
		cmocka_unit_test(only_control_groups_are_undone),
		cmocka_unit_test(processes_inside_are_listed_with_their_true_number),
		cmocka_unit_test(processes_of_many_groups_below_are_all_listed),
	};

	return cmocka_run_group_tests_name("cage_life", tests, NULL, NULL);
}
