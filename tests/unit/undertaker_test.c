/* What an undertaker that kills nobody waits for. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/undertaker.h"

enum { NEWS_MS = 10000, EARLY_MS = 300 };

int __wrap_cage_holder(const struct cage *c);

/* The test has no cage.  The undertaker keeps this as its standard output, and closes it when it begins. */
static int news[2];

int __wrap_cage_holder(const struct cage *c)
{
	return news[1];
}

static _Noreturn void supervise(int begun)
{
	struct undertaker u = {0};
	struct err e;

	if (undertaker_call(&u, NULL, true, &e) == 0) {
		close(u.socket); /* as the kernel does, before the rest of us is gone */
		close(news[1]);
		if (write(begun, "", 1) == 1)
			pause();
	}
	_exit(1);
}

static int is_news(int timeout_ms)
{
	struct pollfd p = {.fd = news[0], .events = POLLIN};

	return poll(&p, 1, timeout_ms);
}

static void begins_when_its_supervisor_holds_no_lock_any_more(void **state)
{
	int begun[2];
	pid_t supervisor;
	char text[1];

	assert_int_equal(pipe2(news, O_CLOEXEC), 0);
	assert_int_equal(pipe2(begun, O_CLOEXEC), 0);
	supervisor = fork();
	if (supervisor == 0)
		supervise(begun[1]);
	close(news[1]);
	assert_int_equal(read(begun[0], text, 1), 1);
	assert_int_equal(is_news(EARLY_MS), 0);
	assert_int_equal(kill(supervisor, SIGKILL), 0);
	assert_int_equal(is_news(NEWS_MS), 1);
	assert_int_equal(read(news[0], text, sizeof text), 0);
	assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
	close(news[0]);
	close(begun[0]);
	close(begun[1]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_when_its_supervisor_holds_no_lock_any_more),
	};

	/* The undertaker executes its own program: us. */
	if (argc > 1 && strcmp(argv[0], "virtualing") == 0)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
