/* JSON lines over a socket pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/wire.h"

struct pair {
	struct wire here, there;
};

static struct pair open_pair(void)
{
	struct pair p;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	wire_init(&p.here, fds[0]);
	wire_init(&p.there, fds[1]);
	return p;
}

static void close_pair(struct pair *p)
{
	wire_drop(&p->here);
	wire_drop(&p->there);
	wire_drop(&p->there); /* twice is fine */
}

static void write_bytes(struct pair *p, const char *bytes, size_t length)
{
	assert_int_equal(write(p->there.fd, bytes, length), length);
}

static void write_text(struct pair *p, const char *text)
{
	write_bytes(p, text, strlen(text));
}

static void a_message_arrives_whole(void **state)
{
	struct pair p = open_pair();
	json_t *sent = json_pack("{s:s, s:i}", "op", "stop", "timeout_ms", 5), *got;
	struct err e;

	assert_int_equal(wire_next(&p.here, &got, &e), 0);
	assert_int_equal(wire_fill(&p.here, &e), 0);
	assert_int_equal(wire_send(&p.there, sent, 1000, &e), 0);
	assert_int_equal(wire_receive(&p.here, 1000, &got, &e), 0);
	assert_true(json_equal(sent, got));
	json_decref(sent);
	json_decref(got);
	close_pair(&p);
}

static void pieces_and_several_at_once_are_told_apart(void **state)
{
	struct pair p = open_pair();
	json_t *got;
	struct err e;

	write_text(&p, "{\"a\"");
	assert_int_equal(wire_fill(&p.here, &e), 1);
	assert_int_equal(wire_next(&p.here, &got, &e), 0);
	assert_int_equal(wire_next(&p.here, &got, &e), 0);
	write_text(&p, ":1}\n{\"a\":2}\n{\"a\":");
	assert_int_equal(wire_fill(&p.here, &e), 1);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(wire_next(&p.here, &got, &e), 1);
		assert_int_equal(json_integer_value(json_object_get(got, "a")), i);
		json_decref(got);
	}
	assert_int_equal(wire_next(&p.here, &got, &e), 0);
	write_text(&p, "3}\n");
	assert_int_equal(wire_receive(&p.here, 1000, &got, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(got, "a")), 3);
	json_decref(got);
	close_pair(&p);
}

static void what_is_no_object_is_refused_and_the_next_one_read(void **state)
{
	static const char *const wrong[] = {
		"\n", "[1]\n", "12\n", "{\n", "{} {}\n", "{\"a\":1,\"a\":2}\n", "\xff\n", "{\"a\":\"\\u0000\"}\n"};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct pair p = open_pair();
		json_t *got;
		struct err e;

		write_text(&p, wrong[i]);
		write_text(&p, "{\"ok\":true}\n");
		assert_int_equal(wire_fill(&p.here, &e), 1);
		if (wire_next(&p.here, &got, &e) != -EPROTO)
			fail_msg("case %zu was taken", i);
		assert_non_null(strstr(e.text, "JSON"));
		assert_int_equal(wire_next(&p.here, &got, &e), 1);
		json_decref(got);
		close_pair(&p);
	}
}

static void a_closed_end_is_epipe_for_both_directions(void **state)
{
	struct pair p = open_pair();
	json_t *message = json_object(), *got;
	struct err e;

	write_text(&p, "{}\n");
	wire_drop(&p.there);
	assert_int_equal(wire_receive(&p.here, 1000, &got, &e), 0); /* what was sent before is not lost */
	json_decref(got);
	assert_int_equal(wire_receive(&p.here, 1000, &got, &e), -EPIPE);
	assert_int_equal(wire_send(&p.here, message, 1000, &e), -EPIPE); /* and no SIGPIPE */
	json_decref(message);
	close_pair(&p);
}

/* The kernel then says ECONNRESET once. */
static void closing_with_something_unread_is_epipe_too(void **state)
{
	struct pair p = open_pair();
	json_t *message = json_object();
	struct err e;

	assert_int_equal(wire_send(&p.here, message, 1000, &e), 0);
	wire_drop(&p.there);
	assert_int_equal(wire_fill(&p.here, &e), -EPIPE);
	assert_string_equal(e.text, "the other side has closed the connection");
	json_decref(message);
	close_pair(&p);
}

static void nobody_waits_for_ever(void **state)
{
	struct pair p = open_pair();
	struct err e;
	char *big = calloc(1, WIRE_MAX - 100);
	json_t *message, *got;

	assert_int_equal(wire_receive(&p.here, 20, &got, &e), -ETIMEDOUT);
	memset(big, 'x', WIRE_MAX - 101);
	message = json_pack("{s:s}", "text", big);
	assert_int_equal(wire_send(&p.here, message, 20, &e), -ETIMEDOUT); /* nobody reads */
	json_decref(message);
	free(big);
	close_pair(&p);
}

static void *send_slowly(void *arg)
{
	struct pair *p = arg;
	char *chunk = malloc(WIRE_MAX);
	size_t left = WIRE_MAX + 4096;

	memset(chunk, ' ', WIRE_MAX);
	while (left) {
		ssize_t n = send(p->there.fd, chunk, left < WIRE_MAX ? left : WIRE_MAX, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		left -= (size_t)n;
	}
	free(chunk);
	return NULL;
}

static void an_endless_message_costs_bounded_memory(void **state)
{
	struct pair p = open_pair();
	pthread_t thread;
	json_t *got;
	struct err e;

	assert_int_equal(pthread_create(&thread, NULL, send_slowly, &p), 0);
	assert_int_equal(wire_receive(&p.here, 5000, &got, &e), -EMSGSIZE);
	assert_int_equal(p.here.size, WIRE_MAX);
	wire_drop(&p.here);
	pthread_join(thread, NULL);
	close_pair(&p);
}

static void *drain(void *arg)
{
	json_t *got;
	struct err e;
	struct pair *p = arg;

	return wire_receive(&p->here, 5000, &got, &e) == 0 ? got : NULL;
}

static void the_longest_message_passes_and_one_byte_more_does_not(void **state)
{
	enum { AROUND = 11 }; /* {"text":""} */
	struct pair p = open_pair();
	char *text = malloc(WIRE_MAX);
	json_t *longest, *longer;
	pthread_t thread;
	void *got;
	struct err e;

	memset(text, 'x', WIRE_MAX);
	longest = json_pack("{s:s#}", "text", text, WIRE_MAX - AROUND - 1);
	longer = json_pack("{s:s#}", "text", text, WIRE_MAX - AROUND);
	assert_int_equal(wire_send(&p.there, longer, 1000, &e), -EMSGSIZE);
	assert_int_equal(pthread_create(&thread, NULL, drain, &p), 0);
	assert_int_equal(wire_send(&p.there, longest, 1000, &e), 0);
	pthread_join(thread, &got);
	assert_non_null(got);
	assert_true(json_equal(longest, got));
	json_decref(longest);
	json_decref(longer);
	json_decref(got);
	free(text);
	close_pair(&p);
}

static void a_call_gives_the_answer_or_its_error(void **state)
{
	struct pair p = open_pair();
	json_t *request = json_pack("{s:s}", "op", "show"), *answer;
	struct err e;

	write_text(&p, "{\"ok\":true,\"pid\":7}\n");
	assert_int_equal(wire_call(&p.here, request, 1000, &answer, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "pid")), 7);
	json_decref(answer);

	write_text(&p, "{\"ok\":false,\"error\":\"web runs already\",\"status\":125}\n");
	assert_int_equal(wire_call(&p.here, request, 1000, &answer, &e), -EREMOTEIO);
	assert_string_equal(e.text, "web runs already");
	assert_int_equal(json_integer_value(json_object_get(answer, "status")), 125);
	json_decref(answer);

	write_text(&p, "{}\n");
	assert_int_equal(wire_call(&p.here, request, 1000, &answer, &e), -EREMOTEIO);
	assert_string_equal(e.text, "refused without a reason");
	json_decref(answer);

	assert_int_equal(wire_call(&p.here, request, 20, &answer, &e), -ETIMEDOUT);
	assert_null(answer);
	json_decref(request);
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_whole),
		cmocka_unit_test(pieces_and_several_at_once_are_told_apart),
		cmocka_unit_test(what_is_no_object_is_refused_and_the_next_one_read),
		cmocka_unit_test(a_closed_end_is_epipe_for_both_directions),
		cmocka_unit_test(closing_with_something_unread_is_epipe_too),
		cmocka_unit_test(nobody_waits_for_ever),
		cmocka_unit_test(an_endless_message_costs_bounded_memory),
		cmocka_unit_test(the_longest_message_passes_and_one_byte_more_does_not),
		cmocka_unit_test(a_call_gives_the_answer_or_its_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
