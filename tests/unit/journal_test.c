/* What is still to be undone is in the file, whatever happens while that is rewritten. */
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
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run/journal.h"

static char folder[64];
static int dir;

/* Of writes from now on: how many have been, which one meets a full disk (0: none), and what the file said meanwhile.
 */
static int writes, full_at;
static bool always_whole;

static int count_lines(void)
{
	char text[4096];
	int fd = openat(dir, "journal", O_RDONLY | O_CLOEXEC), lines = 0;
	ssize_t n = read(fd, text, sizeof text);

	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	close(fd);
	return lines;
}

ssize_t __real_writev(int fd, const struct iovec *parts, int count);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int count);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
	always_whole &= count_lines() >= 2;
	if (++writes != full_at)
		return __real_writev(fd, parts, count);
	errno = ENOSPC;
	return -1;
}

static int set_up(void **state)
{
	strcpy(folder, "/tmp/journal_XXXXXX");
	assert_non_null(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0;
}

static int tear_down(void **state)
{
	close(dir);
	return rmdir(folder);
}

/* Three lines: the first and the last cannot be undone, for what they name is no control group. */
static struct journal *open_noted(void)
{
	struct journal *j;
	struct undo *u;
	struct err e;

	assert_int_equal(journal_open(dir, folder, &j, &e), 0);
	u = journal_undo(j);
	assert_int_equal(undo_note(u, UNDO_GROUP, folder, NULL, NULL, &e), 0);
	assert_int_equal(undo_note(u, UNDO_LINK, folder, "nothing", NULL, &e), 0);
	assert_int_equal(undo_note(u, UNDO_GROUP, "/tmp", NULL, NULL, &e), 0);
	writes = full_at = 0;
	always_whole = true;
	return j;
}

static void take_word(void *arg, const char *text)
{
	char *list = arg;

	strcat(strcat(list, text), "; ");
}

/* As the next one finds it. */
static void expect(const char *lines)
{
	char list[1024] = "";
	struct journal *j;
	struct err e = {0};

	if (journal_open(dir, folder, &j, &e) < 0)
		fail_msg("%s", e.text);
	journal_each(j, take_word, list);
	assert_string_equal(list, lines);
	journal_drop(&j);
	assert_int_not_equal(faccessat(dir, JOURNAL_NEW, F_OK, 0), 0);
	assert_int_equal(unlinkat(dir, "journal", 0), 0);
}

static const char *both(const char *between)
{
	static char text[256];

	snprintf(text, sizeof text, "group /tmp; %s%s%sgroup %s; ", between, *between ? folder : "",
		*between ? " nothing; " : "", folder);
	return text;
}

static void what_could_not_be_undone_stays_and_the_rest_goes(void **state)
{
	struct journal *j = open_noted();
	struct err e;

	assert_int_equal(journal_replay(j, NULL, NULL, &e), -EINVAL);
	assert_int_equal(journal_count(j), 2);
	assert_true(always_whole);
	assert_int_equal(writes, 2);
	journal_drop(&j);
	expect(both(""));
}

static void a_disk_that_is_full_meanwhile_loses_no_line(void **state)
{
	for (int at = 1; at <= 2; at++) {
		struct journal *j = open_noted();
		struct err e;

		full_at = at;
		assert_int_equal(journal_replay(j, NULL, NULL, &e), -EINVAL);
		assert_int_equal(writes, at);
		assert_true(always_whole);
		journal_drop(&j);
		expect(both("link "));
	}
}

static void it_goes_on_in_the_new_file(void **state)
{
	struct journal *j = open_noted();
	char last[384];
	struct err e;

	journal_replay(j, NULL, NULL, &e);
	assert_int_equal(undo_note(journal_undo(j), UNDO_LINK, folder, "later", NULL, &e), 0);
	assert_int_equal(undo_note(journal_undo(j), UNDO_LINK, folder, "mistaken", NULL, &e), 0);
	undo_forget(journal_undo(j));
	journal_drop(&j);
	snprintf(last, sizeof last, "link %s later; %s", folder, both(""));
	expect(last);
}

static void a_forgotten_line_that_was_read_is_cut_off_as_it_was_written(void **state)
{
	struct journal *j = open_noted();
	struct err e;

	journal_drop(&j);
	assert_int_equal(journal_open(dir, folder, &j, &e), 0);
	undo_forget(journal_undo(j));
	journal_drop(&j);
	assert_int_equal(count_lines(), 2);
	assert_int_equal(unlinkat(dir, "journal", 0), 0);
}

static void when_all_is_undone_the_file_is_empty(void **state)
{
	struct journal *j;
	struct err e;

	assert_int_equal(journal_open(dir, folder, &j, &e), 0);
	assert_int_equal(undo_note(journal_undo(j), UNDO_LINK, folder, "nothing", NULL, &e), 0);
	assert_int_equal(journal_replay(j, NULL, NULL, &e), 0);
	journal_restart(j);
	assert_int_equal(count_lines(), 0);
	assert_int_equal(undo_note(journal_undo(j), UNDO_LINK, folder, "next", NULL, &e), 0);
	journal_drop(&j);
	assert_int_equal(count_lines(), 1);
	assert_int_equal(unlinkat(dir, "journal", 0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_could_not_be_undone_stays_and_the_rest_goes),
		TEST(a_disk_that_is_full_meanwhile_loses_no_line),
		TEST(it_goes_on_in_the_new_file),
		TEST(a_forgotten_line_that_was_read_is_cut_off_as_it_was_written),
		TEST(when_all_is_undone_the_file_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
