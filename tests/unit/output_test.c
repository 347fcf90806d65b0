/* A result for a user's file is there whole, or not at all, and nothing else is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/output.h"

static bool no_unnamed; /* as on a file system that has none */
static char folder[64], file[80];

int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, mode_t mode);
int __wrap_openat(int at, const char *path, int flags, mode_t mode)
{
	if (no_unnamed && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_openat(at, path, flags, mode);
}

static int replace(const char *path, output_fill *with, void *text, struct err *e)
{
	struct output o = OUTPUT_NONE;
	int r = output_open(path, &o, e);

	if (r == 0)
		r = output_replace(&o, with, text, e);
	output_drop(&o);
	return r;
}

static int entries(void)
{
	DIR *dir = opendir(folder);
	int n = 0;

	assert_non_null(dir);
	for (struct dirent *d; (d = readdir(dir));)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

static int fill(int fd, void *text, struct err *e)
{
	return output_all(fd, text, strlen(text));
}

static int run_out(int fd, void *text, struct err *e)
{
	assert_int_equal(write(fd, text, 1), 1);
	return err_set(e, ENOSPC, "no room");
}

static void assert_holds(const char *text)
{
	char bytes[64] = "";
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	assert_true(fread(bytes, 1, sizeof bytes - 1, f) > 0);
	fclose(f);
	assert_string_equal(bytes, text);
	assert_int_equal(entries(), 1);
}

static void is_made_and_replaced(void **state)
{
	char one[] = "one", two[] = "two";
	struct err e;

	no_unnamed = *state;
	assert_int_equal(replace(file, fill, one, &e), 0);
	assert_holds("one");
	assert_int_equal(replace(file, fill, two, &e), 0);
	assert_holds("two");
}

static void stays_when_the_new_one_fails(void **state)
{
	char one[] = "one", two[] = "two";
	struct err e;

	no_unnamed = *state;
	assert_int_equal(replace(file, run_out, one, &e), -ENOSPC);
	assert_int_equal(entries(), 0);
	assert_int_equal(replace(file, fill, one, &e), 0);
	assert_int_equal(replace(file, run_out, two, &e), -ENOSPC);
	assert_string_equal(e.text, "no room");
	assert_holds("one");
}

static void a_link_is_neither_followed_nor_replaced(void **state)
{
	char one[] = "one", target[96];
	struct err e;
	struct stat st;

	no_unnamed = *state;
	snprintf(target, sizeof target, "%s/target", folder);
	assert_int_equal(symlink(target, file), 0);
	assert_int_equal(replace(file, fill, one, &e), -EEXIST);
	assert_non_null(strstr(e.text, "is no regular file"));
	assert_int_equal(lstat(file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(target, &st), -1);
	assert_int_equal(entries(), 1);
}

static void names_the_file_whose_folder_is_missing(void **state)
{
	char one[] = "one", path[96];
	struct err e;

	no_unnamed = *state;
	snprintf(path, sizeof path, "%s/none/file", folder);
	assert_int_equal(replace(path, fill, one, &e), -ENOENT);
	assert_non_null(strstr(e.text, path));
}

static void goes_into_the_folder_that_was_opened(void **state)
{
	char one[] = "one", moved[96];
	struct output o = OUTPUT_NONE;
	struct err e;

	no_unnamed = *state;
	assert_int_equal(output_open(file, &o, &e), 0);
	snprintf(moved, sizeof moved, "%s.moved", folder);
	assert_int_equal(rename(folder, moved), 0);
	assert_int_equal(symlink("/proc", folder), 0);
	assert_int_equal(output_replace(&o, fill, one, &e), 0);
	output_drop(&o);
	assert_int_equal(unlink(folder), 0);
	assert_int_equal(rename(moved, folder), 0);
	assert_holds("one");
}

static int begin(void **state)
{
	strcpy(folder, "/tmp/virtualing-output.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof file, "%s/file", folder);
	return 0;
}

static int end(void **state)
{
	unlink(file);
	return rmdir(folder);
}

int main(void)
{
	static bool yes = true;
#define BOTH(test)                                                 \
	cmocka_unit_test_setup_teardown(test, begin, end),         \
	{                                                          \
#test " without O_TMPFILE", test, begin, end, &yes \
	}
	const struct CMUnitTest tests[] = {
		BOTH(is_made_and_replaced),
		BOTH(stays_when_the_new_one_fails),
		BOTH(a_link_is_neither_followed_nor_replaced),
		BOTH(goes_into_the_folder_that_was_opened),
		BOTH(names_the_file_whose_folder_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
