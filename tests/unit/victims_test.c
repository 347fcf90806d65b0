/* Whom the kernel's log says that it has killed of a cage, and for which limit. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cage/victims.h"
#include "cage_fake.h"

struct scene {
	struct fake fake;
	struct cage_host *host;
	struct cage *cage;
	struct victims *victims;
	int log; /* each send is a record */
	struct kills k;
};

static void scene_open(struct scene *s, const char *tree, bool sees_all)
{
	static const struct limits l = {.given = 1U << LIMIT_MEMORY, .value = {[LIMIT_MEMORY] = 1 << 20}};
	const char *const trees[] = {tree, NULL};
	struct err e;
	int pair[2];

	fake_open(&s->fake, trees);
	s->host = fake_host(&s->fake);
	if (cage_create(s->host, "web", &l, &s->fake.undo, &s->cage, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	s->log = pair[0];
	s->victims = victims_open_at(s->cage, pair[1], sees_all);
	assert_non_null(s->victims);
}

static void scene_close(struct scene *s)
{
	struct err e;

	victims_drop(&s->victims);
	close(s->log);
	cage_remove(s->cage, &e);
	cage_drop(&s->cage);
	cage_host_drop(&s->host);
	fake_close(&s->fake);
}

static void record(struct scene *s, const char *text)
{
	char line[1024];
	int length = snprintf(line, sizeof line, "6,1,2,-;%s\n", text);

	assert_int_equal(send(s->log, line, (size_t)length, 0), length);
}

static void figures(struct scene *s)
{
	record(s, "eat invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
	record(s, "memory: usage 1024kB, limit 1024kB, failcnt 0");
	record(s, "anon 900");
	record(s, "file 100");
	record(s, "kernel 24");
	record(s, "shmem 60");
}

static void chosen(struct scene *s, const char *limit, const char *group, int pid)
{
	char text[600];

	snprintf(text, sizeof text,
		"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
		",mems_allowed=0,oom_memcg=%s,task_memcg=%s,"
		"task=eat,pid=%d,uid=0",
		limit, group, pid);
	record(s, text);
}

static void killed(struct scene *s, const char *name, int pid)
{
	char text[300];

	snprintf(text, sizeof text,
		"Memory cgroup out of memory: Killed process %d (%s) total-vm:9kB, anon-rss:1kB, file-rss:2kB, "
		"shmem-rss:3kB, UID:0",
		pid, name);
	record(s, text);
}

static void report(struct scene *s, const char *limit, const char *group, int pid)
{
	figures(s);
	chosen(s, limit, group, pid);
	killed(s, "eat", pid);
}

static void take(struct scene *s, uint64_t count)
{
	size_t strays;

	victims_look(s->victims, &strays);
	victims_take(s->victims, count, &s->k);
	assert_int_equal(s->k.count, count);
}

static void the_own_limit_is_told_with_what_the_cage_held(void **state)
{
	struct scene s;

	scene_open(&s, "v2 memory", true);
	report(&s, "/virtualing/web", "/virtualing/web/work", 7);
	take(&s, 1);
	assert_int_equal(s.k.cause, KILL_OWN);
	assert_string_equal(s.k.group, "");
	assert_int_equal(s.k.known, 1);
	assert_int_equal(s.k.victims[0].pid, 7);
	assert_string_equal(s.k.victims[0].name, "eat");
	assert_int_equal(s.k.victims[0].parts.shmem_bytes, 3072);
	assert_int_equal(s.k.usage_bytes, 1 << 20);
	assert_int_equal(s.k.parts.anonymous_bytes, 900);
	assert_int_equal(s.k.parts.file_bytes, 40);
	assert_int_equal(s.k.parts.shmem_bytes, 60);
	assert_int_equal(s.k.parts.kernel_bytes, 24);
	take(&s, 1); /* nothing of it is told twice */
	assert_int_equal(s.k.known, 0);
	scene_close(&s);
}

static void a_limit_above_is_told_with_its_group_and_one_within_too(void **state)
{
	struct scene s;

	scene_open(&s, "v1 memory", true);
	report(&s, "/virtualing", "/virtualing/web", 7);
	take(&s, 1);
	assert_int_equal(s.k.cause, KILL_OUTER);
	assert_string_equal(s.k.group, "/virtualing");
	assert_int_equal(s.k.group_limit_bytes, 1 << 20);
	assert_true(s.k.usage_bytes == UINT64_MAX);
	assert_true(s.k.parts.anonymous_bytes == UINT64_MAX);
	report(&s, "/virtualing/web/a", "/virtualing/web/a/b", 8);
	take(&s, 1);
	assert_int_equal(s.k.cause, KILL_OWN);
	assert_string_equal(s.k.group, "/virtualing/web/a");
	scene_close(&s);
}

static void others_and_decoys_are_not_ours(void **state)
{
	struct scene s;

	scene_open(&s, "v1 memory", true);
	report(&s, "/virtualing/webber", "/virtualing/webber", 5);
	report(&s, "/virtualing/we", "/virtualing/we", 6);
	report(&s, "/pod/virtualing/web", "/pod/virtualing/web", 7);
	figures(&s);
	chosen(&s, "/virtualing/web", "/virtualing/web", 8);
	killed(&s, "virtualing-deco", 8);
	killed(&s, "virtualing-deco", 9);
	take(&s, 1);
	assert_int_equal(s.k.known, 0);
	scene_close(&s);
}

static void from_within_a_namespace_what_the_path_begins_with_is_not_known(void **state)
{
	struct scene s;

	scene_open(&s, "v2 memory", false);
	report(&s, "/pod/virtualing/web", "/pod/virtualing/web/work", 7);
	take(&s, 1);
	assert_int_equal(s.k.cause, KILL_OWN);
	assert_int_equal(s.k.known, 1);
	report(&s, "/pod", "/pod/virtualing/web/work", 8);
	take(&s, 1);
	assert_int_equal(s.k.cause, KILL_OUTER);
	assert_string_equal(s.k.group, "/pod");
	scene_close(&s);
}

static void where_reports_came_too_fast_as_many_as_are_missing_are_ours(void **state)
{
	struct scene s;

	scene_open(&s, "v2 memory", true);
	fake_write(&s.fake, "unified/virtualing/web/memory.max", "1048576\n");
	fake_write(&s.fake, "unified/virtualing/web/memory.peak", "1048576\n");
	report(&s, "/virtualing/web", "/virtualing/web/work", 7);
	killed(&s, "cat", 8);
	take(&s, 2);
	assert_int_equal(s.k.known, 2);
	assert_string_equal(s.k.victims[1].name, "cat");
	assert_int_equal(s.k.cause, KILL_OWN);
	killed(&s, "cat", 9);
	killed(&s, "dog", 10);
	take(&s, 1); /* one of them is somebody else's */
	assert_int_equal(s.k.known, 0);
	killed(&s, "cat", 11);
	take(&s, 1); /* no group above limits memory */
	assert_int_equal(s.k.known, 1);
	assert_int_equal(s.k.cause, KILL_OWN);
	scene_close(&s);
}

static void without_the_log_the_counts_say_what_they_can(void **state)
{
	struct scene s;

	scene_open(&s, "v2 memory", true);
	fake_write(&s.fake, "unified/virtualing/web/memory.events.local", "oom 0\n");
	fake_write(&s.fake, "unified/virtualing/web/memory.max", "1048576\n");
	fake_write(&s.fake, "unified/virtualing/web/memory.peak", "1048576\n");
	victims_forget_full(s.victims);
	fake_write(&s.fake, "unified/virtualing/web/memory.events.local", "oom 1\n");
	take(&s, 1);
	assert_int_equal(s.k.cause, KILL_OWN);
	take(&s, 1);
	assert_int_equal(s.k.cause, KILL_UNKNOWN);
	assert_true(s.k.not_own);
	fake_write(&s.fake, "unified/virtualing/memory.max", "524288\n");
	killed(&s, "cat", 8);
	take(&s, 1); /* a group's limit, and not ours: there is only one */
	assert_int_equal(s.k.cause, KILL_OUTER);
	assert_string_equal(s.k.group, "/virtualing");
	assert_int_equal(s.k.group_limit_bytes, 524288);
	scene_close(&s);
}

static void with_oom_group_all_of_the_group_are_ours(void **state)
{
	struct scene s;

	scene_open(&s, "v2 memory", true);
	report(&s, "/virtualing/web", "/virtualing/web/work", 7);
	take(&s, 1);
	record(&s, "Tasks in /virtualing/web/work are going to be killed due to memory.oom.group set");
	killed(&s, "sh", 8);
	killed(&s, "cat", 9);
	take(&s, 2);
	assert_int_equal(s.k.known, 2);
	assert_int_equal(s.k.cause, KILL_OWN);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_own_limit_is_told_with_what_the_cage_held),
		cmocka_unit_test(a_limit_above_is_told_with_its_group_and_one_within_too),
		cmocka_unit_test(others_and_decoys_are_not_ours),
		cmocka_unit_test(from_within_a_namespace_what_the_path_begins_with_is_not_known),
		cmocka_unit_test(where_reports_came_too_fast_as_many_as_are_missing_are_ours),
		cmocka_unit_test(without_the_log_the_counts_say_what_they_can),
		cmocka_unit_test(with_oom_group_all_of_the_group_are_ours),
	};

	return cmocka_run_group_tests_name("victims", tests, NULL, NULL);
}
