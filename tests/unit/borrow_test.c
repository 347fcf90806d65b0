/* A child on its parent's memory: real ones, which need no privilege. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "sys/borrow.h"

struct child {
	const char *program; /* NULL: it ends without executing anything */
	struct err err;
	pid_t pid;
};

static void child_main(void *arg)
{
	struct child *c = arg;

	c->pid = getpid();
	if (c->program)
		execl(c->program, c->program, "-c", "exit 7", NULL);
	err_sys(&c->err, "execute %s", c->program ? c->program : "nothing");
	_exit(3);
}

static int start(struct child *c, uint64_t flags)
{
	_Alignas(16) char stack[32 * 1024];
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	pid_t pid = borrow_clone(&args, stack, sizeof stack, child_main, c);
	int status;

	if (pid < 0)
		return -errno;
	assert_int_equal(c->pid, pid);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_program_is_executed_and_the_parent_goes_on(void **state)
{
	struct child c = {.program = "/bin/sh"};

	assert_int_equal(start(&c, 0), 7);
	assert_int_equal(c.err.code, 0);
}

static void what_goes_wrong_in_the_child_is_in_the_parents_memory(void **state)
{
	struct child c = {.program = "/no/such/program"};

	assert_int_equal(start(&c, 0), 3);
	assert_string_equal(c.err.text, "execute /no/such/program: No such file or directory");
	assert_int_equal(c.err.code, ENOENT);
}

static void what_the_kernel_refuses_is_an_errno(void **state)
{
	struct child c = {0};

	/* clone3(2): these two exclude each other. */
	assert_int_equal(start(&c, CLONE_SIGHAND | CLONE_CLEAR_SIGHAND), -EINVAL);
	assert_int_equal(c.pid, 0);
}

static void a_thousand_in_a_row_leave_the_parents_stack_as_it_was(void **state)
{
	char mine[4096];

	memset(mine, 0x5a, sizeof mine);
	for (int i = 0; i < 1000; i++) {
		struct child c = {0};

		assert_int_equal(start(&c, 0), 3);
	}
	for (size_t i = 0; i < sizeof mine; i++)
		assert_int_equal(mine[i], 0x5a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_executed_and_the_parent_goes_on),
		cmocka_unit_test(what_goes_wrong_in_the_child_is_in_the_parents_memory),
		cmocka_unit_test(what_the_kernel_refuses_is_an_errno),
		cmocka_unit_test(a_thousand_in_a_row_leave_the_parents_stack_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
