#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ruby/lex.h"
#include "ruby/where.h"

struct question {
	const char *what;
	const char *source;
	int at;
	const char *section, *key;
	int line;
};

static void answer(void **state)
{
	const struct question *q = *state;
	int line = where_line(q->source, strlen(q->source), q->at, q->section, q->key);

	if (line != q->line)
		fail_msg("%s: line %d, wanted %d in:\n%s", q->what, line, q->line, q->source);
}

static char seed[] = "Virtual.new({\n"			    /* 1 */
		     "  :resource => {\n"		    /* 2 */
		     "    # :mem => 1,\n"		    /* 3 */
		     "    :cpu_quota => 30000,\n"	    /* 4 */
		     "    :mem => 512 * 1024 * 1024,\n"	    /* 5 */
		     "  },\n"				    /* 6 */
		     "  :jail => {\n"			    /* 7 */
		     "    :bind => [\"/usr :mem => {\"],\n" /* 8 */
		     "    :cmnd => '/bin/x { -X',\n"	    /* 9 */
		     "    :dev => true,\n"		    /* 10 */
		     "  },\n"				    /* 11 */
		     "  :ip => { :vip => '10.0.0.1',\n"	    /* 12 */
		     "           :dev => 'eth0' },\n"	    /* 13 */
		     "}).run\n";			    /* 14 */

static char words[] = "v = Virtualing.new(\n"			   /* 1 */
		      "  resource: { memory: '1G',\n"		   /* 2 */
		      "    \"cpu\": 2,\n"			   /* 3 */
		      "    'pids' => 3 },\n"			   /* 4 */
		      "  jail: { cmnd: %w[a b] }\n"		   /* 5 */
		      ")\n"					   /* 6 */
		      "w = Virtual.new resource: { memory: 3 },\n" /* 7 */
		      "  jail: {\n"				   /* 8 */
		      "    cmnd: 'x' }\n";			   /* 9 */

static char elsewhere[] = "limits = { :mem => 1,\n"		 /* 1 */
			  "  :cpu => 2 }\n"			 /* 2 */
			  "limits[:pids] = 3\n"			 /* 3 */
			  "other = { :cpu => 4 }\n"		 /* 4 */
			  "Virtual.new({ :resource => limits,\n" /* 5 */
			  "  :jail => { :cmnd => 'x' } })\n"	 /* 6 */
			  "all = { :jail => {\n"		 /* 7 */
			  "  :root => '/' } }\n"		 /* 8 */
			  "Virtual.new(all)\n";			 /* 9 */

static char tricky[] = "puts <<END, <<~'STOP'\n"		     /* 1 */
		       "Virtual.new({ :resource => { :mem => 1\n"    /* 2 */
		       "END\n"					     /* 3 */
		       "  :mem => { \" '\n"			     /* 4 */
		       "  STOP\n"				     /* 5 */
		       "=begin\n"				     /* 6 */
		       "Virtual.new({ :resource => { :mem => 1\n"    /* 7 */
		       "=end\n"					     /* 8 */
		       "x = 7 / 2 # ' {\n"			     /* 9 */
		       "y = x % 3; z = x <<2; c = ?{; d = $'\n"	     /* 10 */
		       "r = /[\"'{]/ ; a = \"#{b[\"}\"]} \\\" {\"\n" /* 11 */
		       "Virtual.new({ :resource => {\n"		     /* 12 */
		       "  :name => \"a#{x ? \"{\" : '}'}\",\n"	     /* 13 */
		       "  :\"mem\" => 1 } })\n"			     /* 14 */
		       "__END__\n"				     /* 15 */
		       "Virtual.new({ :resource => { :mem => 1 } })\n";

static char twice[] = "a = Virtual.new({ :resource => { :mem => 1 } })\n" /* 1 */
		      "b = Virtual.new({\n"				  /* 2 */
		      "  :resource => { :mem => 1,\n"			  /* 3 */
		      "    :mem => 2 } })\n";				  /* 4 */

static struct question questions[] = {
	{"a key on its own line", seed, 1, "resource", "mem", 5},
	{"the call is named by its last argument's line", seed, 13, "resource", "cpu_quota", 4},
	{"a key that stands in two sections: the first", seed, 10, "jail", "dev", 10},
	{"a key that stands in two sections: the second", seed, 10, "ip", "dev", 13},
	{"a key that is missing: its section", seed, 9, "resource", "memory", 2},
	{"a key that is only in a comment or a text: its section", seed, 9, "ip", "mem", 12},
	{"a section that is missing: the call", seed, 9, "other", "x", 1},
	{"a section", seed, 9, "jail", "", 7},
	{"an unknown section, named as a key", seed, 9, "", "ip", 12},
	{"nothing but the call", seed, 9, "", "", 1},
	{"labels", words, 5, "resource", "memory", 2},
	{"a label in quotes", words, 5, "resource", "cpu", 3},
	{"a text as a key", words, 5, "resource", "pids", 4},
	{"a label after a list of words", words, 5, "jail", "cmnd", 5},
	{"without parentheses", words, 9, "jail", "cmnd", 9},
	{"the second of two calls", words, 9, "resource", "memory", 7},
	{"a hash from a variable", elsewhere, 6, "resource", "mem", 1},
	{"an assignment to a hash", elsewhere, 6, "resource", "pids", 3},
	{"not certain: the section", elsewhere, 6, "resource", "cpu", 5},
	{"the whole description from a variable", elsewhere, 9, "jail", "root", 8},
	{"a missing key of it: not certain, so the call", elsewhere, 9, "jail", "nothing", 9},
	{"past here documents, comments, operators and quotes", tricky, 14, "resource", "name", 13},
	{"a symbol in quotes", tricky, 14, "resource", "mem", 14},
	{"a call in a here document is none", tricky, 4, "", "", 4},
	{"the first of two alike", twice, 1, "resource", "mem", 1},
	{"given twice: what counts in Ruby", twice, 4, "resource", "mem", 4},
	{"a line outside of every call", "x = 1\ny = 2\n", 2, "resource", "mem", 2},
	{"a line after the call's end", "Virtual.new({ :jail => 1 })\ny = 2\n", 2, "", "", 2},
	{"an empty source", "", 1, "resource", "mem", 1},
	{"an unfinished call", "Virtual.new({ :resource => { :mem =>", 1, "resource", "mem", 1},
};

enum { QUESTIONS = sizeof questions / sizeof *questions };

/* Every beginning of every source: no read past the end (the copy has no NUL; the sanitizer watches). */
static void never_reads_past_the_end(void **state)
{
	static char *const sources[] = {seed, words, elsewhere, tricky, twice};

	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
		for (size_t length = 1; length <= strlen(sources[i]); length++) {
			char *copy = malloc(length);

			memcpy(copy, sources[i], length);
			assert_in_range(where_line(copy, length, 1, "resource", "mem"), 1, 20);
			free(copy);
		}
}

static void endless_nesting_is_read(void **state)
{
	enum { LENGTH = 60000 };
	char *source = malloc(LENGTH);

	for (size_t i = 0; i < LENGTH; i += 3)
		memcpy(source + i, "\"#{", 3);
	assert_int_equal(where_line(source, LENGTH, 1, "resource", "mem"), 1);
	memset(source, '{', LENGTH);
	assert_int_equal(where_line(source, LENGTH, 1, "resource", "mem"), 1);
	free(source);
}

static void tokens_know_their_kind_depth_and_line(void **state)
{
	static const char source[] = "foo({ a: :b,\n\"c\" => 'd' })";
	static const struct {
		enum lex_kind kind;
		const char *text;
		int depth, line;
	} wanted[] = {
		{LEX_WORD, "foo", 0, 1},
		{LEX_MARK, "(", 0, 1},
		{LEX_MARK, "{", 1, 1},
		{LEX_LABEL, "a", 2, 1},
		{LEX_SYMBOL, "b", 2, 1},
		{LEX_MARK, ",", 2, 1},
		{LEX_STRING, "c", 2, 2},
		{LEX_MARK, "=>", 2, 2},
		{LEX_STRING, "d", 2, 2},
		{LEX_MARK, "}", 1, 2},
		{LEX_MARK, ")", 0, 2},
	};
	struct lex l;

	assert_int_equal(lex_read(source, strlen(source), &l), 0);
	assert_int_equal(l.count, sizeof wanted / sizeof *wanted);
	for (size_t i = 0; i < l.count; i++) {
		assert_true(lex_is(&l.tokens[i], wanted[i].kind, wanted[i].text));
		assert_int_equal(l.tokens[i].depth, wanted[i].depth);
		assert_int_equal(l.tokens[i].line, wanted[i].line);
	}
	lex_drop(&l);
}

int main(void)
{
	struct CMUnitTest tests[QUESTIONS + 3];

	for (size_t i = 0; i < QUESTIONS; i++)
		tests[i] = (struct CMUnitTest){questions[i].what, answer, NULL, NULL, &questions[i]};
	tests[QUESTIONS] = (struct CMUnitTest)cmocka_unit_test(never_reads_past_the_end);
	tests[QUESTIONS + 1] = (struct CMUnitTest)cmocka_unit_test(endless_nesting_is_read);
	tests[QUESTIONS + 2] = (struct CMUnitTest)cmocka_unit_test(tokens_know_their_kind_depth_and_line);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
