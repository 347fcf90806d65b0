/* What virtualing-load reads: where to listen, and the parameters of a request; and its random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "load/fill.h"
#include "load/listen.h"
#include "load/query.h"

/* ---- listen ---- */

/* "127.0.0.1 8080, ::1 8080" */
static const char *print(const struct listen *l, char buffer[200])
{
	size_t used = 0;

	for (size_t i = 0; i < l->count; i++) {
		const union listen_address *a = &l->addresses[i];
		bool is_v6 = a->any.sa_family == AF_INET6;
		char host[INET6_ADDRSTRLEN];

		inet_ntop(
			a->any.sa_family, is_v6 ? (const void *)&a->v6.sin6_addr : &a->v4.sin_addr, host, sizeof host);
		used += (size_t)snprintf(buffer + used, 200 - used, "%s%s %u", i ? ", " : "", host,
			ntohs(is_v6 ? a->v6.sin6_port : a->v4.sin_port));
	}
	return buffer;
}

static void an_address_to_listen_on_is_read(void **state)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{"localhost:8080", "127.0.0.1 8080, ::1 8080"},
		{"8080", "127.0.0.1 8080, ::1 8080"},
		{":80", "0.0.0.0 80, :: 80"},
		{"192.0.2.7:18100", "192.0.2.7 18100"},
		{"[::1]:65535", "::1 65535"},
		{"[fd00::2]:0", "fd00::2 0"},
		{"0.0.0.0:1", "0.0.0.0 1"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct listen l;
		struct err e;
		char buffer[200];

		if (listen_parse(rows[i].text, &l, &e) < 0)
			fail_msg("%s: %s", rows[i].text, e.text);
		assert_string_equal(print(&l, buffer), rows[i].wanted);
	}
}

static void a_wrong_address_is_refused_with_its_text(void **state)
{
	static const char *const wrong[] = {"", ":", "localhost", "localhost:", "localhost:65536", "8080x", "-1", "+80",
		" 80", "::1:8080", "[::1]", "[::1]8080", "[]:80", "[127.0.0.1]:80", "[localhost]:80", "example.org:80",
		"1.2.3.4.5:80", "127.0.0.1:80:", "1.2.3.4:99999999999999999999", "[::1%nosuchdevice]:80"};
	char long_text[4096];

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct listen l;
		struct err e;

		if (listen_parse(wrong[i], &l, &e) != -EINVAL)
			fail_msg("%s was taken", wrong[i]);
		if (!strstr(e.text, wrong[i]))
			fail_msg("%s is not named: %s", wrong[i], e.text);
	}
	memset(long_text, 'x', sizeof long_text);
	memcpy(long_text + sizeof long_text - 4, ":80", 4);
	assert_int_equal(listen_parse(long_text, &(struct listen){0}, &(struct err){0}), -EINVAL);
}

static void a_port_that_is_in_use_is_named_and_nothing_stays_open(void **state)
{
	struct listen_sockets first = {.count = 0}, second = {.count = 0};
	char where[LISTEN_MAX * LISTEN_TEXT], port[32] = "127.0.0.1:";
	struct listen l;
	struct err e;
	int lowest = dup(0), again;

	assert_int_equal(listen_parse("127.0.0.1:0", &l, &e), 0);
	assert_int_equal(listen_open(&l, &first, &e), 0);
	listen_print(&first, where);
	assert_string_not_equal(where, "127.0.0.1:0"); /* the one that the kernel chose */
	assert_int_equal(listen_parse(where, &l, &e), 0);
	assert_int_equal(listen_open(&l, &second, &e), -EADDRINUSE);
	assert_int_equal(second.count, 0);
	snprintf(port, sizeof port, "port %s is in use", strrchr(where, ':') + 1);
	if (!strstr(e.text, port) || !strstr(e.text, "--listen"))
		fail_msg("%s", e.text);
	listen_close(&first);
	assert_int_equal(listen_open(&l, &second, &e), 0); /* it is free again */
	listen_close(&second);
	close(lowest);
	again = dup(0);
	assert_int_equal(again, lowest);
	close(again);
}

/* ---- query ---- */

static const unsigned all = PARAM(BYTES) | PARAM(CHUNKS) | PARAM(PATH) | PARAM(SECONDS);

static int add(struct query *q, const char *name, const char *value, struct err *e)
{
	return query_add(q, all, name, strlen(name), value, value ? strlen(value) : 0, e);
}

static void parameters_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} seconds[] = {{"1", 1000}, {"0.5", 500}, {"0.25", 250}, {"0.001", 1}, {"2.125", 2125}, {"3600", 3600000},
		{"007", 7000}};
	AUTO(query_drop) struct query q = {0};
	struct err e;

	for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
		struct query own = {0};

		if (add(&own, "seconds", seconds[i].text, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(own.for_ms, seconds[i].ms);
	}
	assert_int_equal(add(&q, "bytes", "1.5M", &e), 0);
	assert_int_equal(q.bytes, 3 << 19);
	assert_int_equal(add(&q, "chunks", "18446744073709551615", &e), 0);
	assert_true(q.chunks == UINT64_MAX);
	assert_int_equal(query_check(&q, PARAM(BYTES), &e), 0);
	assert_int_equal(query_check(&q, PARAM(BYTES) | PARAM(PATH), &e), -EINVAL);
	assert_string_equal(e.text, "parameter path is missing: the absolute path of a file that is not there yet");
	assert_int_equal(add(&q, "path", "/tmp/a b", &e), 0);
	assert_string_equal(q.path, "/tmp/a b");
}

static void wrong_parameters_are_refused_with_name_and_value(void **state)
{
	static const struct {
		const char *name, *value;
		int code;
	} rows[] = {
		{"seconds", "", EINVAL},
		{"seconds", NULL, EINVAL},
		{"seconds", "0", ERANGE},
		{"seconds", "0.000", ERANGE},
		{"seconds", "3600.001", ERANGE},
		{"seconds", "-1", EINVAL},
		{"seconds", "1.", EINVAL},
		{"seconds", ".5", EINVAL},
		{"seconds", "1.2345", EINVAL},
		{"seconds", "1.-1", EINVAL},
		{"seconds", "1e3", EINVAL},
		{"seconds", "1.2.3", EINVAL},
		{"seconds", "99999999999999999999", ERANGE},
		{"seconds", "abcdefghijkl", EINVAL},
		{"bytes", "0", ERANGE},
		{"bytes", "2T", ERANGE},
		{"bytes", "max", EINVAL},
		{"bytes", "10Q", EINVAL},
		{"chunks", "0", ERANGE},
		{"chunks", "-1", EINVAL},
		{"chunks", "18446744073709551616", ERANGE},
		{"path", "", EINVAL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct query q = {0};
		struct err e;

		if (add(&q, rows[i].name, rows[i].value, &e) != -rows[i].code)
			fail_msg("%s=%s: %s", rows[i].name, rows[i].value, e.text);
		if (!strstr(e.text, rows[i].name) || !strstr(e.text, rows[i].value ? rows[i].value : ""))
			fail_msg("%s=%s is not named: %s", rows[i].name, rows[i].value, e.text);
		assert_int_equal(q.given, 0);
	}
}

static void a_parameter_comes_once_whole_and_where_it_belongs(void **state)
{
	AUTO(query_drop) struct query q = {0};
	struct err e;

	assert_int_equal(add(&q, "path", "/a", &e), 0);
	assert_int_equal(add(&q, "path", "/b", &e), -EINVAL);
	assert_string_equal(e.text, "parameter path is given twice");
	assert_string_equal(q.path, "/a");
	assert_int_equal(query_add(&q, PARAM(SECONDS), "bytes", 5, "1", 1, &e), -EINVAL);
	assert_string_equal(e.text, "unknown parameter bytes");
	assert_int_equal(query_add(&q, PARAM(SECONDS), "secnods", 7, "1", 1, &e), -EINVAL);
	assert_string_equal(e.text, "unknown parameter secnods (did you mean seconds?)");
	assert_int_equal(query_add(&q, 0, "x", 1, NULL, 0, &e), -EINVAL);
	assert_string_equal(e.text, "unknown parameter x: this request takes none");
	assert_int_equal(query_add(&q, all, "bytes", 5, "1\0002", 3, &e), -EINVAL);
	assert_string_equal(e.text, "a zero byte is in parameter bytes");
}

/* ---- fill ---- */

static void random_bytes_fill_any_length_and_nothing_beside_it(void **state)
{
	unsigned char bytes[200];
	struct fill f;
	struct err e;

	assert_int_equal(fill_seed(&f, &e), 0);
	for (size_t length = 0; length < 100; length++) {
		memset(bytes, 0, sizeof bytes);
		fill_bytes(&f, bytes + 7, length);
		for (size_t i = 0; i < sizeof bytes; i++)
			if ((i < 7 || i >= 7 + length) && bytes[i])
				fail_msg("length %zu: byte %zu was written", length, i);
	}
}

static void random_bytes_are_as_often_as_chance_has_it(void **state)
{
	enum { LENGTH = 1 << 20 };
	AUTO(free_drop) unsigned char *bytes = malloc(LENGTH);
	unsigned counts[256] = {0};
	double chi = 0;
	struct fill f;
	struct err e;

	assert_non_null(bytes);
	assert_int_equal(fill_seed(&f, &e), 0);
	fill_bytes(&f, bytes, LENGTH);
	for (size_t i = 0; i < LENGTH; i++)
		counts[bytes[i]]++;
	for (size_t i = 0; i < 256; i++)
		chi += (counts[i] - 4096.0) * (counts[i] - 4096.0) / 4096;
	/* 255 degrees of freedom: by chance it is outside of these once in more than a million times. */
	if (chi < 150 || chi > 400)
		fail_msg("chi square is %f", chi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_to_listen_on_is_read),
		cmocka_unit_test(a_wrong_address_is_refused_with_its_text),
		cmocka_unit_test(a_port_that_is_in_use_is_named_and_nothing_stays_open),
		cmocka_unit_test(parameters_are_read),
		cmocka_unit_test(wrong_parameters_are_refused_with_name_and_value),
		cmocka_unit_test(a_parameter_comes_once_whole_and_where_it_belongs),
		cmocka_unit_test(random_bytes_fill_any_length_and_nothing_beside_it),
		cmocka_unit_test(random_bytes_are_as_often_as_chance_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
