#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ruby/source.h"

enum { DAEMON = 1, SOMEBODY = 54321, NOBODYS_GROUP = 54322 };

static const struct source_caller root = {0, 0}, under_sudo = {0, SOMEBODY}, user = {SOMEBODY, SOMEBODY};

static int judge(mode_t mode, uid_t uid, gid_t gid, const struct source_caller *caller, struct err *e)
{
	struct stat st = {.st_mode = mode, .st_uid = uid, .st_gid = gid};

	return source_judge("web.rb", &st, caller, e);
}

static void accepts_what_only_root_can_write(void **state)
{
	struct err e;

	assert_int_equal(judge(S_IFREG | 0644, 0, 0, &root, &e), 0);
	assert_int_equal(judge(S_IFREG | 0755, 0, NOBODYS_GROUP, &root, &e), 0);
}

static void accepts_a_file_of_the_caller_under_sudo(void **state)
{
	struct err e;

	assert_int_equal(judge(S_IFREG | 0644, SOMEBODY, SOMEBODY, &under_sudo, &e), 0);
	assert_int_equal(judge(S_IFREG | 0644, SOMEBODY, SOMEBODY, &root, &e), -EACCES);
	assert_non_null(strstr(e.text, "chown root web.rb"));
}

static void refuses_what_everybody_may_write(void **state)
{
	struct err e;

	assert_int_equal(judge(S_IFREG | 0646, 0, 0, &root, &e), -EACCES);
	assert_non_null(strstr(e.text, "chmod go-w web.rb"));
}

/* root's own group is 0, and nobody else is in it on any distribution we know. */
static void refuses_what_a_group_may_write_unless_it_is_the_owners_own(void **state)
{
	struct err e;

	assert_int_equal(judge(S_IFREG | 0664, 0, 0, &root, &e), 0);
	assert_int_equal(judge(S_IFREG | 0664, 0, NOBODYS_GROUP, &root, &e), -EACCES);
	assert_non_null(strstr(e.text, "chmod g-w web.rb"));
	assert_int_equal(judge(S_IFREG | 0664, SOMEBODY, SOMEBODY, &under_sudo, &e), -EACCES); /* an unknown user's */
}

static void lets_users_without_privileges_run_what_they_like(void **state)
{
	struct err e;

	assert_int_equal(judge(S_IFREG | 0666, DAEMON, DAEMON, &user, &e), 0);
}

static void refuses_what_is_no_file(void **state)
{
	struct err e;

	assert_int_equal(judge(S_IFDIR | 0755, 0, 0, &root, &e), -EISDIR);
	assert_int_equal(judge(S_IFCHR | 0600, 0, 0, &root, &e), -EINVAL);
	assert_int_equal(judge(S_IFIFO | 0600, 0, 0, &root, &e), 0);
}

static void believes_sudo_only_when_root_itself_calls(void **state)
{
	struct source_caller c;

	setenv("SUDO_UID", "54321", 1);
	c = source_caller_now();
	assert_int_equal(c.uid, getuid() == 0 ? SOMEBODY : getuid());
	setenv("SUDO_UID", "12x", 1);
	c = source_caller_now();
	assert_int_equal(c.uid, getuid());
	unsetenv("SUDO_UID");
}

static void write_file(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
}

static void reads_a_file_whole_and_without_its_byte_order_mark(void **state)
{
	static char text[50000] = "\xef\xbb\xbfputs 1";
	const struct source_caller me = {geteuid(), getuid()};
	struct source s;
	struct err e;
	char path[] = "/tmp/ruby_source_test.XXXXXX";

	close(mkstemp(path));
	write_file(path, text, sizeof text);
	assert_int_equal(source_read(path, &me, &s, &e), 0);
	assert_int_equal(s.length, sizeof text - 3);
	assert_string_equal(s.text, "puts 1");
	source_drop(&s);
	write_file(path, "", 0);
	assert_int_equal(source_read(path, &me, &s, &e), 0);
	assert_string_equal(s.text, "");
	source_drop(&s);
	unlink(path);
	assert_int_equal(source_read(path, &me, &s, &e), -ENOENT);
	assert_string_equal(e.text, "No such file or directory");
}

static void refuses_a_file_beyond_all_measure(void **state)
{
	const struct source_caller me = {geteuid(), getuid()};
	struct source s;
	struct err e;
	char path[] = "/tmp/ruby_source_test.XXXXXX";

	close(mkstemp(path));
	assert_int_equal(truncate(path, SOURCE_MAX), 0);
	assert_int_equal(source_read(path, &me, &s, &e), -EFBIG);
	assert_int_equal(truncate(path, SOURCE_MAX - 1), 0);
	assert_int_equal(source_read(path, &me, &s, &e), 0);
	source_drop(&s);
	unlink(path);
}

static void names_a_virtual_after_its_file(void **state)
{
	static const char *const names[][2] = {{"httpd.rb", "httpd"}, {"/etc/web/db.rb", "db"}, {"./x", "x"},
		{".rb", ".rb"}, {"a.rb.rb", "a.rb"}, {"-", "-"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *stem = source_stem(names[i][0]);

		assert_string_equal(stem, names[i][1]);
		free(stem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_only_root_can_write),
		cmocka_unit_test(accepts_a_file_of_the_caller_under_sudo),
		cmocka_unit_test(refuses_what_everybody_may_write),
		cmocka_unit_test(refuses_what_a_group_may_write_unless_it_is_the_owners_own),
		cmocka_unit_test(lets_users_without_privileges_run_what_they_like),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(believes_sudo_only_when_root_itself_calls),
		cmocka_unit_test(reads_a_file_whole_and_without_its_byte_order_mark),
		cmocka_unit_test(refuses_a_file_beyond_all_measure),
		cmocka_unit_test(names_a_virtual_after_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
