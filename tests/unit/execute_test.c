/* Executing a command: what is told of a failure. The kernel is the table of a test. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "sys/raw.h"

/* A file that is there, and what execve() says of anything. */
static const char *there;
static int refusal;

static long answer(long number, long a, long b, long c, long d, long e)
{
	switch (number) {
	case SYS_execve:
		return refusal == ENOENT && strcmp((const char *)a, there) == 0 ? -EACCES : -refusal;
	case SYS_faccessat2:
		return strcmp((const char *)b, there) == 0 ? 0 : -ENOENT;
	}
	return -ENOSYS;
}

#define raw_call answer
#include "jail/execute.h"

static const char *file_told(const char *file, int error)
{
	static struct execution x;
	char command[] = "true", path[] = "PATH=/a:/b:/c";
	char *words[] = {NULL, command, NULL}, *env[] = {path, NULL};

	there = file;
	refusal = error;
	execute(words, env, &x);
	assert_int_equal(x.reason, EXECUTION_REFUSED);
	return x.file;
}

static void what_has_nothing_to_do_with_the_file_is_not_said_of_one(void **state)
{
	assert_string_equal(file_told("/b/true", ENOMEM), "true");
	assert_string_equal(file_told("/a/true", ENOMEM), "/a/true");
	assert_string_equal(file_told("/b/true", ENOENT), "/b/true");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_nothing_to_do_with_the_file_is_not_said_of_one),
	};

	return cmocka_run_group_tests_name("execute", tests, NULL, NULL);
}
