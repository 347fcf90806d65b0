/* Where the control groups are: v1, v2, hybrid, and what mountinfo can look like. */
#include "cage_fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cage/inner.h"
#include "cage/mounts.h"

static const char *place(struct fake *f, struct cage_host *host, enum controller c)
{
	const char *mount = cage_host_controller(host, c);

	return mount ? mount + strlen(f->root) + 1 : NULL;
}

static void v1_trees_are_found_by_their_controllers(void **state)
{
	static const char *const trees[] = {
		"v1 memory", "v1 cpu,cpuacct", "v1 blkio", "v1 name=systemd", "v1 devices", NULL};
	struct fake f;
	struct cage_host *host;

	fake_open(&f, trees);
	host = fake_host(&f);
	assert_string_equal(cage_host_kind(host), "v1");
	assert_string_equal(place(&f, host, CTRL_MEMORY), "memory");
	assert_string_equal(place(&f, host, CTRL_CPU), "cpu,cpuacct");
	assert_string_equal(place(&f, host, CTRL_CPUACCT), "cpu,cpuacct");
	assert_string_equal(place(&f, host, CTRL_IO), "blkio");
	assert_null(place(&f, host, CTRL_PIDS));
	assert_int_equal(host->count, 3);
	cage_host_drop(&host);
	assert_null(host);
	fake_close(&f);
}

static void on_a_hybrid_host_a_controller_is_where_it_is_mounted(void **state)
{
	static const char *const trees[] = {"v1 memory", "v2 hugetlb misc", NULL};
	struct fake f;
	struct cage_host *host;

	fake_open(&f, trees);
	host = fake_host(&f);
	assert_string_equal(cage_host_kind(host), "hybrid");
	assert_string_equal(place(&f, host, CTRL_MEMORY), "memory");
	assert_string_equal(place(&f, host, CTRL_HUGETLB), "unified");
	assert_int_equal(host->of[CTRL_HUGETLB]->version, CGROUP_V2);
	assert_int_equal(host->of[CTRL_MEMORY]->version, CGROUP_V1);
	cage_host_drop(&host);
	fake_close(&f);
}

static void v2_says_itself_which_controllers_it_has(void **state)
{
	static const char *const trees[] = {"v2 cpuset cpu io memory pids", NULL};
	struct fake f;
	struct cage_host *host;

	fake_open(&f, trees);
	host = fake_host(&f);
	assert_string_equal(cage_host_kind(host), "v2");
	assert_string_equal(place(&f, host, CTRL_IO), "unified");
	assert_null(place(&f, host, CTRL_HUGETLB));
	assert_null(place(&f, host, CTRL_FREEZER));
	cage_host_drop(&host);
	fake_close(&f);
}

static void rewrite(struct fake *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void rewrite(struct fake *f, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fake_write(f, "mountinfo", text);
}

static void the_first_mount_of_a_hierarchy_counts(void **state)
{
	static const char *const trees[] = {"v1 memory", NULL};
	struct fake f;
	struct cage_host *host;

	fake_open(&f, trees);
	rewrite(&f,
		"30 1 0:30 / %s/memory rw - cgroup cgroup rw,memory\n"
		"31 1 0:30 / /elsewhere ro - cgroup cgroup rw,memory\n",
		f.root);
	host = fake_host(&f);
	assert_string_equal(place(&f, host, CTRL_MEMORY), "memory");
	assert_int_equal(host->count, 1);
	assert_false(host->trees[0].read_only);
	cage_host_drop(&host);
	fake_close(&f);
}

static void a_v2_tree_that_something_is_mounted_over_does_not_count(void **state)
{
	static const char *const trees[] = {"v1 memory", "v2 memory", NULL};
	struct fake f;
	struct cage_host *host;

	fake_open(&f, trees);
	fake_unlink(&f, "unified/cgroup.controllers");
	host = fake_host(&f);
	assert_string_equal(cage_host_kind(host), "v1");
	cage_host_drop(&host);
	fake_close(&f);
}

static void a_host_without_control_groups_is_told_how_to_mount_them(void **state)
{
	static const char *const trees[] = {"v1 name=systemd", NULL};
	struct fake f;
	struct cage_host *host = NULL;
	struct err e;

	fake_open(&f, trees);
	assert_int_equal(cage_host_open(f.mountinfo, &host, &e), -ENOENT);
	assert_non_null(strstr(e.text, "mount -t cgroup2"));
	assert_null(host);
	assert_int_equal(cage_host_open("/nonexistent/mountinfo", &host, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/nonexistent/mountinfo"));
	fake_close(&f);
}

static void a_read_only_tree_is_a_fault_only_where_it_is_needed(void **state)
{
	static const char *const trees[] = {"v1 memory", "v1 ro pids", "v1 freezer", NULL};
	struct limits with_pids = {.given = 1U << LIMIT_PIDS, .value[LIMIT_PIDS] = 5}, none = {0};
	struct faults faults = FAULTS_NONE;
	struct fake f;
	struct cage_host *host;
	char text[256];

	fake_open(&f, trees);
	host = fake_host(&f);
	cage_check(host, "web", &none, &faults, NULL, NULL);
	assert_int_equal(faults.count, 0);
	cage_check(host, "web", &with_pids, &faults, NULL, NULL);
	assert_int_equal(faults.count, 1);
	snprintf(text, sizeof text, "control group tree %s/pids is mounted read-only", f.root);
	assert_non_null(strstr(faults.list[0].text, text));
	faults_drop(&faults);
	cage_host_drop(&host);
	fake_close(&f);
}

static void escapes_and_odd_lines_of_mountinfo_are_understood(void **state)
{
	char text[] = "40 1 0:9 / /a\\040b\\134c rw,nosuid shared:1 master:2 - cgroup cgroup rw,memory\n"
		      "no mount at all\n"
		      "41 1 0:9 / /short - cgroup\n"
		      "x 1 0:9 / /badid rw - cgroup cgroup rw\n"
		      "42 1 8:17 / /last ro - ext4 /dev/sd\\011x rw";
	char *rest = text;
	struct mount_line line;

	assert_int_equal(mounts_next(&rest, NULL, &line), 1);
	assert_string_equal(line.point, "/a b\\c");
	assert_string_equal(line.options, "rw,nosuid");
	assert_string_equal(line.super, "rw,memory");
	assert_int_equal(mounts_next(&rest, NULL, &line), 1);
	assert_int_equal(line.id, 42);
	assert_int_equal(line.major, 8);
	assert_int_equal(line.minor, 17);
	assert_string_equal(line.source, "/dev/sd\tx");
	assert_int_equal(mounts_next(&rest, NULL, &line), 0);
}

static void an_option_is_a_whole_word(void **state)
{
	assert_true(mounts_option("ro", "ro"));
	assert_true(mounts_option("rw,ro", "ro"));
	assert_false(mounts_option("rw,errors=remount-ro", "ro"));
	assert_false(mounts_option("root,nodev", "ro"));
	assert_false(mounts_option("", "ro"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_trees_are_found_by_their_controllers),
		cmocka_unit_test(on_a_hybrid_host_a_controller_is_where_it_is_mounted),
		cmocka_unit_test(v2_says_itself_which_controllers_it_has),
		cmocka_unit_test(the_first_mount_of_a_hierarchy_counts),
		cmocka_unit_test(a_v2_tree_that_something_is_mounted_over_does_not_count),
		cmocka_unit_test(a_host_without_control_groups_is_told_how_to_mount_them),
		cmocka_unit_test(a_read_only_tree_is_a_fault_only_where_it_is_needed),
		cmocka_unit_test(escapes_and_odd_lines_of_mountinfo_are_understood),
		cmocka_unit_test(an_option_is_a_whole_word),
	};

	return cmocka_run_group_tests_name("cage_host", tests, NULL, NULL);
}
