/* Who uses a directory, and who may take things away in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/lock.h"

static char folder[64];
static int dir;

static int set_up(void **state)
{
	strcpy(folder, "/tmp/lock_XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(rmdir(folder), 0); /* it is made when it is needed */
	dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0;
}

static int tear_down(void **state)
{
	close(dir);
	return access(folder, F_OK) == 0; /* each test ends with nothing left */
}

static struct lock share(void)
{
	struct lock l;
	struct err e = {0};

	if (lock_share(folder, dir, &l, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(l.fd >= 0);
	return l;
}

static int alone(struct lock *l)
{
	struct err e;

	return lock_alone(folder, dir, LOCK_WAIT_MS, l, &e);
}

static void many_share_it_and_nobody_is_alone_then(void **state)
{
	struct lock one = share(), two = share(), other = LOCK_NONE;
	char path[192];
	struct stat s;

	snprintf(path, sizeof path, "%s/%s", folder, one.name);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_equal(alone(&other), -EWOULDBLOCK);
	lock_drop(&one);
	assert_int_equal(alone(&other), -EWOULDBLOCK);
	lock_drop(&two);
	assert_int_not_equal(access(folder, F_OK), 0);
	assert_int_equal(alone(&other), 0);
	lock_drop(&other);
}

static void what_others_hold_on_the_directory_does_not_count(void **state)
{
	AUTO(fd_drop) int theirs = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct lock l;

	assert_int_equal(flock(theirs, LOCK_EX), 0);
	l = share();
	lock_drop(&l);
	assert_int_equal(flock(theirs, LOCK_SH), 0);
	assert_int_equal(alone(&l), 0);
	lock_drop(&l);
}

static void waiting_for_one_who_does_not_go_on_has_an_end(void **state)
{
	struct lock stuck = LOCK_NONE, other = LOCK_NONE;
	struct err e;

	assert_int_equal(alone(&stuck), 0);
	assert_int_equal(lock_alone(folder, dir, 20, &other, &e), -EBUSY);
	assert_non_null(strstr(e.text, stuck.name));
	lock_drop(&stuck);
	assert_int_equal(alone(&other), 0);
	lock_drop(&other);
}

static void dropping_twice_or_nothing_is_fine(void **state)
{
	struct lock l = LOCK_NONE;

	lock_drop(&l);
	l = share();
	lock_drop(&l);
	lock_drop(&l);
}

/* A process that is killed leaves its file: the next one takes it away, or lock_clear() does. */
static void leave_one(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		share();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(access(folder, F_OK), 0);
}

static void what_a_killed_one_has_left_goes(void **state)
{
	struct lock l;

	leave_one();
	l = share();
	lock_clear(folder); /* this one is held */
	assert_int_equal(alone(&(struct lock)LOCK_NONE), -EWOULDBLOCK);
	lock_drop(&l);
	assert_int_not_equal(access(folder, F_OK), 0);
	leave_one();
	lock_clear(folder);
	assert_int_equal(rmdir(folder), 0);
	lock_clear(folder); /* there is none */
}

static void who_may_not_write_there_goes_on_without(void **state)
{
	struct lock l;
	struct err e;

	if (geteuid() == 0 && seteuid(65534) < 0)
		skip();
	assert_int_equal(lock_share("/usr", dir, &l, &e), 0);
	assert_int_equal(l.fd, -1);
	lock_drop(&l);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(lock_share("/proc/self/missing/deep", dir, &l, &e), -ENOENT);
	assert_string_equal(e.text, "make /proc/self/missing/deep: No such file or directory");
}

/* Some share it and some want to be alone, all at once: who is alone finds nobody's mark, and no file stays. */
static void work(int marks, int number)
{
	for (int i = 0; i < 300; i++) {
		struct lock l = LOCK_NONE;
		char mark = 0;
		int r = (i + number) % 3 ? lock_share(folder, dir, &l, &(struct err){0}) : alone(&l);

		if (r == -EWOULDBLOCK)
			continue;
		if (r < 0)
			_exit(1);
		if ((i + number) % 3) {
			pwrite(marks, "x", 1, number);
			pwrite(marks, "", 1, number);
		} else {
			for (int at = 0; at < 4; at++)
				if (pread(marks, &mark, 1, at) == 1 && mark)
					_exit(2);
		}
		lock_drop(&l);
	}
	_exit(0);
}

static void many_at_once_agree_and_leave_nothing(void **state)
{
	FILE *marks = tmpfile();
	int status, bad = 0;

	assert_int_equal(ftruncate(fileno(marks), 4), 0);
	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			work(fileno(marks), i);
	while (wait(&status) > 0)
		bad |= status;
	assert_int_equal(bad, 0);
	fclose(marks);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_share_it_and_nobody_is_alone_then),
		TEST(what_others_hold_on_the_directory_does_not_count),
		TEST(waiting_for_one_who_does_not_go_on_has_an_end),
		TEST(dropping_twice_or_nothing_is_fine),
		TEST(what_a_killed_one_has_left_goes),
		TEST(who_may_not_write_there_goes_on_without),
		TEST(many_at_once_agree_and_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
