/* The table of limits, how values become texts and which answers hold, names of groups, and what is refused. */
#include "cage_fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cage/cpus.h"
#include "cage/form.h"

/* ---- the table ---- */

static void every_limit_has_its_words_and_on_each_version_a_file_or_a_reason(void **state)
{
	for (int i = 0; i < LIMIT_COUNT; i++) {
		const struct limit_row *row = &limit_rows[i];

		assert_non_null(row->key);
		assert_non_null(row->help);
		assert_non_null(row->arg);
		assert_int_not_equal(row->help[strlen(row->help) - 1], '.');
		assert_true(row->type != LIMIT_IS_COUNT || row->max > row->min);
		for (int v = 0; v < CGROUP_VERSIONS; v++) {
			const struct limit_file *file = &row->on[v];

			if (!file->file) {
				assert_true(row->by_guard || file->lacking);
				continue;
			}
			assert_non_null(file->form);
			assert_non_null(file->form->holds);
			assert_true(file->form->apply || file->form->print);
			assert_true(!file->unit_file == !file->unit_text);
			assert_true(!file->in_root || file->lacking);
			assert_non_null(controller_names[row->controller][v]);
		}
		for (int j = 0; j < i; j++)
			assert_string_not_equal(limit_rows[j].key, row->key);
	}
}

/* ---- texts and answers ---- */

static void values_become_what_each_version_writes(void **state)
{
	static const struct {
		enum limit which;
		uint64_t value;
		const char *v1, *v2;
	} rows[] = {
		{LIMIT_CPU, 30000, "30000", "30000 100000"},
		{LIMIT_CPU, SIZE_NO_LIMIT, "-1", "max 100000"},
		{LIMIT_CPU_WEIGHT, 100, "1024", "100"},
		{LIMIT_CPU_WEIGHT, 1, "10", "1"},
		{LIMIT_CPU_WEIGHT, 10000, "102400", "10000"},
		{LIMIT_MEMORY, 536870912, "536870912", "536870912"},
		{LIMIT_MEMORY, SIZE_NO_LIMIT, "-1", "max"},
		{LIMIT_MEMORY_HIGH, 4096, NULL, "4096"},
		{LIMIT_SWAP, 1000, "4196", "1000"}, /* v1: with the memory limit of 3196 below */
		{LIMIT_SWAP, 0, "3196", "0"},
		{LIMIT_SWAP, SIZE_NO_LIMIT, "-1", "max"},
		{LIMIT_PIDS, 20, "20", "20"},
		{LIMIT_PIDS, SIZE_NO_LIMIT, "max", "max"},
		{LIMIT_OOM_GROUP, 1, NULL, "1"},
	};
	struct limits l = {.value[LIMIT_MEMORY] = 3196};
	char text[64];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int v = 0; v < CGROUP_VERSIONS; v++) {
			const struct limit_file *file = &limit_rows[rows[i].which].on[v];
			const char *wanted = v == CGROUP_V1 ? rows[i].v1 : rows[i].v2;

			assert_true(!file->file == !wanted);
			if (!wanted)
				continue;
			file->form->print(text, sizeof text, rows[i].value, &l);
			assert_string_equal(text, wanted);
		}
}

static void an_answer_holds_only_if_it_says_the_same(void **state)
{
	static const struct {
		const struct limit_form *form;
		const char *wanted, *got;
		bool holds;
	} rows[] = {
		{&form_number, "20", "20", true},
		{&form_number, "20", "21", false},
		{&form_number, "20", "", false},
		{&form_quota_v2, "30000 100000", "30000 100000", true},
		{&form_quota_v2, "30000 100000", "max 100000", false},
		{&form_size_v1, "1048577", "1048576", true}, /* rounded to a page */
		{&form_size_v1, "1048576", "1044480", true},
		{&form_size_v1, "1048576", "1044479", false},
		{&form_size_v1, "-1", "9223372036854771712", true},
		{&form_size_v1, "1048576", "9223372036854771712", false},
		{&form_size_v1, "1048576", "x", false},
		{&form_size_v2, "max", "max", true},
		{&form_size_v2, "1048576", "max", false},
		{&form_cpus, "0,1,2", "0-2", true},
		{&form_cpus, "0-2", "0-1", false},
		{&form_cpus, "0", "", false},
		{&form_io_v1, "8:0 1000", "1000", true},
		{&form_io_v1, "8:0 1000", "100", false},
		{&form_io_v1, "8:0 1000", "", false},
		{&form_io_v1, "8:0 0", "", true}, /* no limit, no line */
		{&form_io_v1, "8:0 0", "1000", false},
		{&form_io_v2, "8:0 rbps=10 wiops=5", "rbps=10 wbps=max riops=max wiops=5", true},
		{&form_io_v2, "8:0 rbps=10 wiops=5", "rbps=100 wbps=max riops=max wiops=5", false},
		{&form_io_v2, "8:0 rbps=10 wiops=5", "rbps=10 wbps=max riops=max wiops=max", false},
		{&form_io_v2, "8:0 rbps=10", "", false},
		{&form_io_v2, "8:0 rbps=max wbps=max", "", true},
		{&form_io_v2, "8:0 rbps=max", "rbps=9 wbps=max riops=max wiops=max", false},
		{&form_hugetlb_v2, "4194304", "4194304", true},
	};
	struct limit_write w = {.slack = 4096};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].form->holds(rows[i].wanted, rows[i].got, &w) != rows[i].holds)
			fail_msg("wanted \"%s\", got \"%s\": should be %d", rows[i].wanted, rows[i].got, rows[i].holds);
}

static void sets_of_cpus_are_read_strictly(void **state)
{
	static const char *const bad[] = {
		"0-", "-1", "1-0", "0,,1", "0,", ",0", "a", "0 1", "8192", "99999999999", "0-8192", "0x1"};
	struct cpus a, b;

	assert_int_equal(cpus_parse("0-3,7,64", &a), 0);
	assert_int_equal(cpus_parse("64,7,3,0-2", &b), 0);
	assert_true(cpus_equal(&a, &b));
	assert_int_equal(cpus_parse("0-2,7", &b), 0);
	assert_int_equal(cpus_first_beyond(&a, &b), 3);
	assert_int_equal(cpus_first_beyond(&b, &a), -1);
	assert_int_equal(cpus_parse("", &a), 0);
	assert_int_equal(cpus_first_beyond(&a, &b), -1);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (cpus_parse(bad[i], &a) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
}

/* ---- names of groups ---- */

static void names_that_could_lead_elsewhere_are_refused(void **state)
{
	static const char *const good[] = {
		"web", "httpd-jail", "a.b_c", "/a", "/a/b/c", "/a/..b", "/virtualing2/x", "/x/virtualing"};
	static const char *const bad[] = {"", "/", ".", "..", "a/b", "../a", "/a/", "/a//b", "/..", "/a/../b", "/a/.",
		"a\nb", "/a/b\x7f", "/virtualing", "/virtualing/web"};
	char longer[300];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (plan_name_fault(good[i]))
			fail_msg("\"%s\" %s", good[i], plan_name_fault(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!plan_name_fault(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = 0;
	assert_non_null(plan_name_fault(longer));
}

/* ---- what a host cannot do ---- */

struct asked {
	struct fake fake;
	struct cage_host *host;
	struct faults faults;
	char warned[512];
};

static void keep_warning(void *arg, const char *text)
{
	struct asked *a = arg;

	snprintf(a->warned, sizeof a->warned, "%s", text);
}

static void ask(struct asked *a, const char *const *trees, const char *group, const struct limits *l)
{
	memset(a, 0, sizeof *a);
	fake_open(&a->fake, trees);
	a->host = fake_host(&a->fake);
	cage_check(a->host, group, l, &a->faults, keep_warning, a);
}

static void asked_drop(struct asked *a)
{
	faults_drop(&a->faults);
	cage_host_drop(&a->host);
	fake_close(&a->fake);
}

static void expect_fault(const struct asked *a, const char *key, const char *part)
{
	for (size_t i = 0; i < a->faults.count; i++)
		if (strcmp(a->faults.list[i].key, key) == 0 && strstr(a->faults.list[i].text, part))
			return;
	for (size_t i = 0; i < a->faults.count; i++)
		print_error("%s: %s\n", a->faults.list[i].key, a->faults.list[i].text);
	fail_msg("no fault of %s says \"%s\"", key, part);
}

static const char *const pure_v1[] = {"v1 memory", "v1 cpu", "v1 cpuset", "v1 blkio", "v1 freezer", NULL};
static const char *const pure_v2[] = {"v2 memory cpu cpuset io pids", NULL};

static void v1_refuses_by_name_what_it_does_not_have(void **state)
{
	struct limits l = {
		.given = 1U << LIMIT_MEMORY_HIGH | 1U << LIMIT_OOM_GROUP | 1U << LIMIT_SWAP | 1U << LIMIT_PIDS |
			 1U << LIMIT_CPUS,
		.value = {[LIMIT_MEMORY_HIGH] = 4096, [LIMIT_OOM_GROUP] = 1, [LIMIT_SWAP] = 0, [LIMIT_PIDS] = 5},
		.cpus = (char[]){"0-1,9"},
	};
	struct asked a;

	ask(&a, pure_v1, "web", &l);
	assert_int_equal(a.faults.count, 5);
	expect_fault(&a, "memory_high", "cgroup v2 only");
	expect_fault(&a, "oom_group", "cgroup v2 only");
	expect_fault(&a, "swap", "needs a memory limit too");
	expect_fault(&a, "pids", "controller pids");
	expect_fault(&a, "cpus", "CPU 9 is not there; this host has 0-3");
	asked_drop(&a);
}

static void v1_without_swap_accounting_says_so_before_anything_is_made(void **state)
{
	struct limits l = {.given = 1U << LIMIT_MEMORY | 1U << LIMIT_SWAP, .value[LIMIT_MEMORY] = 1 << 20};
	struct asked a;

	ask(&a, pure_v1, "web", &l);
	assert_int_equal(a.faults.count, 0);
	fake_unlink(&a.fake, "memory/memory.memsw.limit_in_bytes");
	cage_check(a.host, "web", &l, &a.faults, NULL, NULL);
	expect_fault(&a, "swap", "swapaccount=1");
	asked_drop(&a);
}

static void a_cage_that_waits_is_the_guards_matter_on_every_version(void **state)
{
	struct limits l = {.given = 1U << LIMIT_OOM, .value[LIMIT_OOM] = 0};
	struct asked a;

	ask(&a, pure_v2, "web", &l);
	assert_int_equal(a.faults.count, 0);
	asked_drop(&a);
}

static void what_every_group_has_anyway_can_be_asked_for_everywhere(void **state)
{
	static const char *const bare[] = {"v2 cpu", NULL};
	struct limits l = {
		.given = 1U << LIMIT_MEMORY | 1U << LIMIT_MEMORY_HIGH | 1U << LIMIT_SWAP | 1U << LIMIT_OOM |
			 1U << LIMIT_OOM_GROUP | 1U << LIMIT_PIDS,
		.value = {[LIMIT_MEMORY] = SIZE_NO_LIMIT,
			[LIMIT_MEMORY_HIGH] = SIZE_NO_LIMIT,
			[LIMIT_SWAP] = SIZE_NO_LIMIT,
			[LIMIT_OOM] = 1,
			[LIMIT_PIDS] = SIZE_NO_LIMIT},
	};
	struct asked a;

	ask(&a, bare, "web", &l);
	assert_int_equal(a.faults.count, 0);
	asked_drop(&a);
	ask(&a, pure_v1, "web", &l);
	assert_int_equal(a.faults.count, 0);
	asked_drop(&a);
}

static void an_unknown_disk_is_named_and_v1_warns_about_writes(void **state)
{
	struct io_limit io = {.path = (char[]){"4095:1048575"}, .value[IO_WRITE] = 1000};
	struct limits l = {.given = 1U << LIMIT_IO, .io = &io, .io_count = 1};
	struct asked a;

	ask(&a, pure_v1, "web", &l);
	expect_fault(&a, "io", "no block device 4095:1048575");
	assert_non_null(strstr(a.warned, "direct and synchronous writes only"));
	asked_drop(&a);
	ask(&a, pure_v2, "web", &l);
	expect_fault(&a, "io", "no block device 4095:1048575");
	assert_string_equal(a.warned, "");
	asked_drop(&a);
	io.value[IO_WRITE] = 0;
	io.value[IO_READ] = 1000;
	ask(&a, pure_v1, "web", &l);
	assert_string_equal(a.warned, "");
	asked_drop(&a);
}

static void a_wrong_group_is_a_fault_of_the_group(void **state)
{
	struct limits none = {0};
	struct asked a;

	ask(&a, pure_v2, "/a/../b", &none);
	assert_int_equal(a.faults.count, 1);
	expect_fault(&a, "group", "\"/a/../b\" may not contain");
	asked_drop(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_has_its_words_and_on_each_version_a_file_or_a_reason),
		cmocka_unit_test(values_become_what_each_version_writes),
		cmocka_unit_test(an_answer_holds_only_if_it_says_the_same),
		cmocka_unit_test(sets_of_cpus_are_read_strictly),
		cmocka_unit_test(names_that_could_lead_elsewhere_are_refused),
		cmocka_unit_test(v1_refuses_by_name_what_it_does_not_have),
		cmocka_unit_test(v1_without_swap_accounting_says_so_before_anything_is_made),
		cmocka_unit_test(a_cage_that_waits_is_the_guards_matter_on_every_version),
		cmocka_unit_test(what_every_group_has_anyway_can_be_asked_for_everywhere),
		cmocka_unit_test(an_unknown_disk_is_named_and_v1_warns_about_writes),
		cmocka_unit_test(a_wrong_group_is_a_fault_of_the_group),
	};

	return cmocka_run_group_tests_name("cage_limit", tests, NULL, NULL);
}
