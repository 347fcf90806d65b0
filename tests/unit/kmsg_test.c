/* Records of the kernel's log, as Linux 6.1 and 6.18 write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cage/kmsg.h"

#define CHOSEN "6,1125,406362193,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0"
#define KILLED "3,1126,406362229,-;Memory cgroup out of memory: Killed process "
#define FIGURES \
	" total-vm:524456kB, anon-rss:8kB, file-rss:524288kB, shmem-rss:4kB, UID:0 pgtables:1060kB oom_score_adj:0"

static struct kmsg parse(const char *record)
{
	char copy[KMSG_RECORD];
	struct kmsg m;

	snprintf(copy, sizeof copy, "%s", record);
	kmsg_parse(copy, &m);
	return m;
}

static void a_victim_is_told_with_its_memory(void **state)
{
	struct kmsg m = parse(KILLED "8146 (eat)" FIGURES "\n SUBSYSTEM=x\n");

	assert_int_equal(m.kind, KMSG_KILLED);
	assert_int_equal(m.pid, 8146);
	assert_string_equal(m.name, "eat");
	assert_false(m.host);
	assert_int_equal(m.parts.anonymous_bytes, 8192);
	assert_int_equal(m.parts.file_bytes, 524288 * 1024);
	assert_int_equal(m.parts.shmem_bytes, 4096);
	assert_true(m.parts.kernel_bytes == UINT64_MAX);
	m = parse("3,7,8,c,caller=T5;Out of memory: Killed process 5 (a b)" FIGURES);
	assert_int_equal(m.kind, KMSG_KILLED);
	assert_true(m.host);
	assert_string_equal(m.name, "a b");
	m = parse("3,7,8,-;Out of memory (oom_kill_allocating_task): Killed process 5 (eat)" FIGURES);
	assert_int_equal(m.kind, KMSG_KILLED);
}

static void names_of_processes_deceive_nobody(void **state)
{
	static const struct {
		const char *in, *out;
	} names[] = {
		{"a) total-vm:1kB", "a) total-vm:1kB"},
		{"\\x1b[31mred", "?[31mred"},
		{"x\\x0aanon 5", "x?anon 5"},
		{"\\xc3\\xa4ff\\xe2", "\xc3\xa4"
				      "ff?"},
		{"back\\x5cx41", "back\\x41"},
		{"", ""},
		{"a,pid=1,uid=0", "a,pid=1,uid=0"},
		{"b,task=c", "b,task=c"},
		{"\\x00", "?"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char record[600];
		struct kmsg m;

		snprintf(record, sizeof record, KILLED "5 (%s)" FIGURES, names[i].in);
		m = parse(record);
		assert_int_equal(m.kind, KMSG_KILLED);
		assert_string_equal(m.name, names[i].out);
		assert_int_equal(m.parts.anonymous_bytes, 8192);
		snprintf(
			record, sizeof record, CHOSEN ",oom_memcg=/a,task_memcg=/a/b,task=%s,pid=7,uid=0", names[i].in);
		m = parse(record);
		assert_int_equal(m.kind, KMSG_CHOSEN);
		assert_string_equal(m.name, names[i].out);
		assert_int_equal(m.pid, 7);
		assert_string_equal(m.limit_group, "/a");
		assert_string_equal(m.group, "/a/b");
	}
}

static void the_limit_is_a_groups_or_the_hosts(void **state)
{
	struct kmsg m = parse(CHOSEN ",oom_memcg=/virtualing/x,task_memcg=/virtualing/x/work,task=eat,pid=12,uid=0");

	assert_false(m.host);
	assert_string_equal(m.limit_group, "/virtualing/x");
	assert_string_equal(m.group, "/virtualing/x/work");
	m = parse("6,1,2,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
		  "task_memcg=/virtualing/x,task=eat,pid=12,uid=0");
	assert_int_equal(m.kind, KMSG_CHOSEN);
	assert_true(m.host);
	assert_string_equal(m.limit_group, "");
	m = parse("6,1,2,-;oom-kill:constraint=CONSTRAINT_CPUSET,nodemask=0,cpuset=web,mems_allowed=0,global_oom,"
		  "task_memcg=/virtualing/x,task=eat,pid=12,uid=0");
	assert_true(m.host);
	m = parse("6,1,2,-;Tasks in /a b/c are going to be killed due to memory.oom.group set");
	assert_int_equal(m.kind, KMSG_ALL_OF);
	assert_string_equal(m.group, "/a b/c");
}

static void figures_are_read_one_by_one_and_all_at_once(void **state)
{
	struct kmsg m = parse("6,1074,406362022,-;memory: usage 294912kB, limit 294916kB, failcnt 0");

	assert_int_equal(m.kind, KMSG_USAGE);
	assert_int_equal(m.usage_bytes, 294912 * 1024);
	assert_int_equal(m.limit_bytes, 294916 * 1024);
	m = parse("6,1,2,-;kmem: usage 680kB, limit 9007199254740988kB, failcnt 0");
	assert_int_equal(m.kind, KMSG_PARTS);
	assert_int_equal(m.parts.kernel_bytes, 680 * 1024);
	m = parse("6,1,2,-;total_rss 301232128");
	assert_int_equal(m.parts.anonymous_bytes, 301232128);
	assert_true(m.parts.file_bytes == UINT64_MAX);
	m = parse("6,1,2,-;anon 61440\\x0afile 7\\x0akernel 5\\x0akernel_stack 1\\x0ashmem 3\\x0ashm");
	assert_int_equal(m.kind, KMSG_PARTS);
	assert_int_equal(m.parts.anonymous_bytes, 61440);
	assert_int_equal(m.parts.file_bytes, 7);
	assert_int_equal(m.parts.kernel_bytes, 5);
	assert_int_equal(m.parts.shmem_bytes, 3);
	m = parse("4,1,2,-;anon 5\\x0a invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
	assert_int_equal(m.kind, KMSG_BEGIN);
}

static void everything_else_is_passed_over(void **state)
{
	static const char *const records[] = {
		"",
		";",
		"6",
		"6,1,2,-",
		"6,1,2,-;",
		"x,1,2,-;anon 5",
		"12,1,2,-;anon 5", /* somebody has written it into /dev/kmsg */
		"11,1,2,-;Memory cgroup out of memory: Killed process 5 (eat)" FIGURES,
		"6,1,2,-;anon",
		"6,1,2,-;anon ",
		"6,1,2,-;anon x",
		"6,1,2,-;anon 5x",
		"6,1,2,-;anon 99999999999999999999999",
		"6,1,2,-;memory: usage 1kB",
		"6,1,2,-;memory: usage -1kB, limit 5kB",
		KILLED "0 (eat)" FIGURES,
		KILLED "5 (eat",
		KILLED "5 eat)" FIGURES,
		KILLED "99999999999 (eat)" FIGURES,
		"3,1,2,-;Killed process 5 (eat)" FIGURES,
		CHOSEN ",oom_memcg=/a,task_memcg=/a,task=eat,pid=,uid=0",
		CHOSEN ",oom_memcg=/a,task_memcg=/a,task=eat,pid=1",
		CHOSEN ",oom_memcg=/a,task_memcg=/a",
		CHOSEN ",task_memcg=/a,task=eat,pid=1,uid=0",
		CHOSEN ",task_memcg=/a,task=eat,oom_memcg=/b,pid=1,uid=0",
		"6,1,2,-;Tasks in /a",
	};

	for (size_t i = 0; i < sizeof records / sizeof *records; i++)
		if (parse(records[i]).kind != KMSG_OTHER)
			fail_msg("%s is taken for %d", records[i], (int)parse(records[i]).kind);
}

static void a_path_that_is_too_long_is_none(void **state)
{
	char record[2048], path[1000];

	memset(path, 'a', sizeof path);
	snprintf(record, sizeof record, CHOSEN ",oom_memcg=/b,task_memcg=/%.*s,task=eat,pid=1,uid=0", 900, path);
	assert_int_equal(parse(record).kind, KMSG_CHOSEN);
	assert_string_equal(parse(record).group, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_victim_is_told_with_its_memory),
		cmocka_unit_test(names_of_processes_deceive_nobody),
		cmocka_unit_test(the_limit_is_a_groups_or_the_hosts),
		cmocka_unit_test(figures_are_read_one_by_one_and_all_at_once),
		cmocka_unit_test(everything_else_is_passed_over),
		cmocka_unit_test(a_path_that_is_too_long_is_none),
	};

	return cmocka_run_group_tests_name("kmsg", tests, NULL, NULL);
}
