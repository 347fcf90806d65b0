/* Errors, faults, texts and numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/faults.h"
#include "base/parse.h"
#include "base/text.h"

/* ---- err ---- */

static void an_error_gathers_context_on_the_way_up(void **state)
{
	struct err e;

	errno = EACCES;
	assert_int_equal(err_sys(&e, "bind %s on %s", "/a", "/b"), -EACCES);
	assert_int_equal(err_while(&e, "build root %s", "/srv/x"), -EACCES);
	assert_string_equal(e.text, "build root /srv/x: bind /a on /b: Permission denied");
	assert_int_equal(e.code, EACCES);
	assert_int_equal(err_set(&e, EINVAL, "%d", 7), -EINVAL);
	assert_string_equal(e.text, "7");
}

static void a_long_error_is_cut_and_says_so(void **state)
{
	struct err e;
	char path[ERR_TEXT * 2];

	memset(path, 'x', sizeof path);
	path[sizeof path - 1] = '\0';
	err_set(&e, ENOENT, "%s", path);
	assert_int_equal(strlen(e.text), ERR_TEXT - 1);
	assert_string_equal(e.text + ERR_TEXT - 5, "x...");
	err_while(&e, "open");
	assert_string_equal(e.text + ERR_TEXT - 4, "...");
	errno = ENOENT;
	err_sys(&e, "%.*s", ERR_TEXT - 3, path); /* the words for errno do not fit */
	assert_string_equal(e.text + ERR_TEXT - 4, "...");
	assert_int_equal(e.code, ENOENT);
}

static void an_error_is_one_line_of_utf8_whatever_the_path_holds(void **state)
{
	struct err e;

	err_set(&e, ENOENT, "open %s", "/a\nb\x1b[2J\xff\xc3\xa9");
	assert_string_equal(e.text, "open /a?b?[2J?\xc3\xa9");
}

/* ---- text ---- */

static void only_well_formed_characters_count(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{"", 0},
		{"a", 1},
		{"\x7f", 1},
		{"\x80", 0},
		{"\xc0\xaf", 0}, /* overlong */
		{"\xc2\xa9", 2},
		{"\xc2", 0},
		{"\xe0\x9f\xbf", 0}, /* overlong */
		{"\xe2\x82\xac", 3},
		{"\xe2\x82", 0},
		{"\xed\xa0\x80", 0}, /* surrogate */
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xf0\x9f\x98\x80", 4},
		{"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
		{"\xf5\x80\x80\x80", 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (text_character(cases[i].text) != cases[i].length)
			fail_msg("case %zu: %zu, not %zu", i, text_character(cases[i].text), cases[i].length);
}

static void control_characters_become_question_marks(void **state)
{
	char text[] = "a\tb\x7f\xc2\x9b"
		      "31m\xe2\x82\xac\xe2\x82";

	text_tidy(text);
	assert_string_equal(text, "a?b???31m\xe2\x82\xac??");
}

/* ---- faults ---- */

static void every_fault_is_kept(void **state)
{
	struct faults f = FAULTS_NONE;
	char key[100];

	memset(key, 'k', sizeof key);
	key[sizeof key - 1] = '\0';
	for (int i = 0; i < 100; i++)
		faults_add(&f, "resource", key, "fault %d%s", i, i == 99 ? "\n" : "");
	assert_int_equal(f.count, 100);
	assert_string_equal(f.list[0].text, "fault 0");
	assert_string_equal(f.list[99].text, "fault 99?");
	assert_string_equal(f.list[99].section, "resource");
	assert_int_equal(strlen(f.list[99].key), sizeof f.list[0].key - 1);
	faults_drop(&f);
	assert_int_equal(f.count, 0);
	assert_null(f.list);
}

static void a_fault_is_printed_with_its_place(void **state)
{
	static const struct {
		struct fault fault;
		const char *file;
		unsigned line;
		const char *printed;
	} cases[] = {
		{{"resource", "memory", "\"12Q\" is not a size"}, "httpd.rb", 7,
			"httpd.rb:7: resource: :memory: \"12Q\" is not a size"},
		{{"resource", "memroy", "unknown key :memroy"}, "httpd.rb", 7,
			"httpd.rb:7: resource: unknown key :memroy"},
		{{"", "quiet", "1 is neither true nor false"}, "a.rb", 0, "a.rb: :quiet: 1 is neither true nor false"},
		{{"resource", "memory_high", "bad"}, NULL, 0, "virtualing: --memory-high: bad"},
		{{"jail", "", "bad"}, NULL, 0, "virtualing: bad"},
	};
	char line[512];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fault_format(&cases[i].fault, cases[i].file, cases[i].line, line, sizeof line);
		assert_string_equal(line, cases[i].printed);
	}
}

/* ---- numbers ---- */

struct number_case {
	const char *text;
	int result;
	uint64_t value;
};

static void check_number(const struct number_case *c, int result, uint64_t value)
{
	if (result != c->result || (result == 0 && value != c->value))
		fail_msg("\"%s\": %d, %llu, not %d, %llu", c->text, result, (unsigned long long)value, c->result,
			(unsigned long long)c->value);
	if (result < 0 && value != 77)
		fail_msg("\"%s\": failed and changed the value to %llu", c->text, (unsigned long long)value);
}

static void numbers_are_read_strictly(void **state)
{
	static const struct number_case cases[] = {
		{"0", 0, 0},
		{"42", 0, 42},
		{"1000", 0, 1000},
		{"1001", -ERANGE, 0},
		{"18446744073709551616", -ERANGE, 0},
		{"99999999999999999999999", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"0x0", -EINVAL, 0},
		{"1e3", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t value = 77;
		int result = parse_number(cases[i].text, 1000, &value);

		check_number(&cases[i], result, value);
	}
}

static void sizes_have_units(void **state)
{
	static const struct number_case cases[] = {
		{"0", 0, 0},
		{"4096", 0, 4096},
		{"1K", 0, 1024},
		{"1k", 0, 1024},
		{"512M", 0, 512ULL << 20},
		{"1.5G", 0, 3ULL << 29},
		{"0.001K", 0, 1},
		{"64KiB", 0, 65536},
		{"10MB", 0, 10ULL << 20},
		{"10B", 0, 10},
		{"1T", 0, 1ULL << 40},
		{"8388607T", 0, 8388607ULL << 40},
		{"8388608T", -ERANGE, 0},
		{"9223372036854775807", 0, INT64_MAX},
		{"9223372036854775808", -ERANGE, 0},
		{"18446744073709551616K", -ERANGE, 0},
		{"99999999999999999999", -ERANGE, 0},
		{"max", 0, SIZE_NO_LIMIT},
		{"", -EINVAL, 0},
		{"M", -EINVAL, 0},
		{".5M", -EINVAL, 0},
		{"1.M", -EINVAL, 0},
		{"1.2345M", -EINVAL, 0},
		{"1.5", -EINVAL, 0},
		{"12Q", -EINVAL, 0},
		{"1iB", -EINVAL, 0},
		{"1Mi", -EINVAL, 0},
		{"1MB ", -EINVAL, 0},
		{"-1M", -EINVAL, 0},
		{"1 M", -EINVAL, 0},
		{"Max", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t value = 77;
		int result = parse_size(cases[i].text, 1, &value);

		check_number(&cases[i], result, value);
	}
	assert_int_equal(parse_size("max", 0, &(uint64_t){0}), -EINVAL);
}

static void cpu_is_a_share_or_a_number_of_cpus(void **state)
{
	static const struct number_case cases[] = {
		{"30%", 0, 30000},
		{"1%", 0, 1000},
		{"0.999%", -ERANGE, 0},
		{"12.345%", 0, 12345},
		{"250%", 0, 250000},
		{"1.5", 0, 150000},
		{"2", 0, 200000},
		{"0.01", 0, 1000},
		{"0.009", -ERANGE, 0},
		{"10000", 0, CPU_MAX_US},
		{"10000.001", -ERANGE, 0},
		{"1000000%", 0, CPU_MAX_US},
		{"1000001%", -ERANGE, 0},
		{"18446744073709551", -ERANGE, 0},
		{"max", 0, SIZE_NO_LIMIT},
		{"", -EINVAL, 0},
		{"%", -EINVAL, 0},
		{"30 %", -EINVAL, 0},
		{"30%%", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"1.", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t value = 77;
		int result = parse_cpu(cases[i].text, &value);

		check_number(&cases[i], result, value);
	}
}

static void sizes_are_printed_short(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0"},
		{1023, "1023"},
		{1024, "1K"},
		{1536, "1.5K"},
		{512ULL << 20, "512M"},
		{(512ULL << 20) + 1, "512.0M"},
		{100000000, "95.4M"},
		{3ULL << 40, "3T"},
		{5000ULL << 40, "5000T"},
		{SIZE_NO_LIMIT, "max"},
		{SIZE_NO_LIMIT - 1, "16777216.0T"},
	};
	char buffer[16];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(print_size(buffer, sizeof buffer, cases[i].bytes), cases[i].text);
}

/* ---- the nearest word ---- */

static void the_nearest_word_is_found(void **state)
{
	static const char *const words[] = {"memory", "memory_high", "mem", "cpu", "cpus", "io", "oom_group", NULL};
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{"memroy", "memory"}, /* a swap is one change */
		{"Memory", "memory"},
		{"memoryhigh", "memory_high"},
		{"memor", "memory"},
		{"cpuss", "cpus"},
		{"cp", "cpu"},
		{"oi", "io"},
		{"x", NULL},
		{"xy", NULL},
		{"disk", NULL},
		{"", NULL},
		{"oomgrp", NULL},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *near = parse_nearest(cases[i].word, words);

		if ((near == NULL) != (cases[i].nearest == NULL) || (near && strcmp(near, cases[i].nearest) != 0))
			fail_msg("\"%s\": %s, not %s", cases[i].word, near ? near : "none",
				cases[i].nearest ? cases[i].nearest : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_gathers_context_on_the_way_up),
		cmocka_unit_test(a_long_error_is_cut_and_says_so),
		cmocka_unit_test(an_error_is_one_line_of_utf8_whatever_the_path_holds),
		cmocka_unit_test(only_well_formed_characters_count),
		cmocka_unit_test(control_characters_become_question_marks),
		cmocka_unit_test(every_fault_is_kept),
		cmocka_unit_test(a_fault_is_printed_with_its_place),
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(cpu_is_a_share_or_a_number_of_cpus),
		cmocka_unit_test(sizes_are_printed_short),
		cmocka_unit_test(the_nearest_word_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
