/* Blocks of a script: which are told of what, how often, and when again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "run/blocks.h"

struct script {
	char said[1024]; /* "BLOCK:TYPExCOUNT " for each message */
	bool gone;
};

static bool send(void *arg, json_t *message)
{
	struct script *s = arg;
	const json_t *event = json_object_get(message, "event");
	size_t used = strlen(s->said);

	if (!s->gone)
		snprintf(s->said + used, sizeof s->said - used, "%d:%sx%d ",
			(int)json_integer_value(json_object_get(message, "block")),
			json_string_value(json_object_get(event, "type")),
			(int)json_integer_value(json_object_get(event, "count")));
	json_decref(message);
	return !s->gone;
}

static struct blocks *blocks_of(const char *text, struct script *s)
{
	json_t *list = json_loads(text, 0, NULL);
	struct blocks *b;
	struct err e;

	assert_non_null(list);
	if (blocks_read(list, true, send, s, &b, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	json_decref(list);
	return b;
}

static bool tell(struct blocks *b, const char *type, int id)
{
	json_t *event = json_pack("{s:s}", "type", type);
	bool told = blocks_tell(b, event, id);

	json_decref(event);
	return told;
}

static void a_storm_is_one_message_at_a_time_with_its_count(void **state)
{
	struct script s = {0};
	struct blocks *b = blocks_of("[{\"id\":7,\"type\":\"oom\"}]", &s);

	for (int i = 0; i < 10000; i++)
		assert_true(tell(b, "oom", 0));
	assert_string_equal(s.said, "7:oomx1 ");
	assert_true(blocks_busy(b, "oom"));
	blocks_answered(b, 7);
	assert_string_equal(s.said, "7:oomx1 7:oomx9999 ");
	blocks_answered(b, 7);
	assert_false(blocks_busy(b, "oom"));
	assert_string_equal(s.said, "7:oomx1 7:oomx9999 ");
	blocks_drop(&b);
}

static void once_is_once(void **state)
{
	struct script s = {0};
	struct blocks *b = blocks_of("[{\"id\":1,\"type\":\"oom\",\"once\":true}]", &s);

	assert_true(blocks_want(b, "oom"));
	assert_true(tell(b, "oom", 0));
	assert_true(tell(b, "oom", 0)); /* it runs still, and its answer is for both */
	blocks_answered(b, 1);
	assert_false(tell(b, "oom", 0));
	assert_false(blocks_want(b, "oom"));
	assert_string_equal(s.said, "1:oomx1 ");
	blocks_drop(&b);
}

static void each_hears_of_its_own(void **state)
{
	struct script s = {0};
	struct blocks *b =
		blocks_of("[{\"id\":1,\"type\":\"usage\",\"value\":10},{\"id\":2,\"type\":\"usage\",\"value\":\"50%\"},"
			  "{\"id\":3,\"type\":\"exit\"}]",
			&s);

	assert_true(tell(b, "usage", 2));
	assert_false(tell(b, "killed", 0));
	assert_true(tell(b, "exit", 0));
	assert_string_equal(s.said, "2:usagex1 3:exitx1 ");
	blocks_drop(&b);
}

static void add_text(void *arg, int id, uint64_t value, bool is_share)
{
	char *text = arg;
	size_t used = strlen(text);

	snprintf(text + used, 100 - used, "%d:%d%s ", id, (int)value, is_share ? "%" : "");
}

/* The limit may change: who sets the level knows that best. */
static void a_share_is_handed_on_as_a_share(void **state)
{
	struct script s = {0};
	struct blocks *b = blocks_of(
		"[{\"id\":1,\"type\":\"usage\",\"value\":4096},{\"id\":2,\"type\":\"usage\",\"value\":\"80%\"},"
		"{\"id\":3,\"type\":\"usage\",\"value\":\"4K\"},{\"id\":4,\"type\":\"pressure\",\"value\":\"7%\"}]",
		&s);
	char levels[100] = "", pressures[100] = "";

	blocks_each(b, "usage", add_text, levels);
	blocks_each(b, "pressure", add_text, pressures);
	assert_string_equal(levels, "1:4096 2:80% 3:4096 ");
	assert_string_equal(pressures, "4:7% ");
	blocks_drop(&b);
}

static void what_came_during_a_block_is_told_at_the_end(void **state)
{
	struct script s = {0};
	struct blocks *b = blocks_of("[{\"id\":1,\"type\":\"usage\",\"value\":1},{\"id\":2,\"type\":\"killed\"},"
				     "{\"id\":3,\"type\":\"oom\",\"once\":true}]",
		&s);

	for (int i = 0; i < 5; i++) {
		tell(b, "usage", 1);
		tell(b, "oom", 0);
	}
	blocks_end(b);
	blocks_end(b);
	assert_string_equal(s.said, "1:usagex1 3:oomx1 1:usagex4 ");
	blocks_end(NULL);
	blocks_drop(&b);
}

static void nobody_is_told_when_the_script_is_gone(void **state)
{
	struct script s = {.gone = true};
	struct blocks *b = blocks_of("[{\"id\":1,\"type\":\"oom\"}]", &s);

	assert_false(tell(b, "oom", 0));
	assert_false(blocks_busy(b, "oom"));
	assert_false(tell(NULL, "oom", 0));
	blocks_drop(&b);
	blocks_drop(&b);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *list, *fault;
		bool limited;
	} cases[] = {
		{"[{\"id\":1,\"type\":\"oops\"}]",
			"there is no event :oops: there are :oom, :usage, :pressure, :killed and :exit", true},
		{"[{\"id\":1,\"type\":\"usage\"}]", ":usage needs a size like 4194304, \"64M\" or \"80%\" of the limit",
			true},
		{"[{\"id\":1,\"type\":\"usage\",\"value\":0}]",
			":usage needs a size like 4194304, \"64M\" or \"80%\" of the limit, not 0", true},
		{"[{\"id\":1,\"type\":\"usage\",\"value\":\"101%\"}]",
			":usage needs a size like 4194304, \"64M\" or \"80%\" of the limit, not \"101%\"", false},
		{"[{\"id\":1,\"type\":\"usage\",\"value\":\"80%\"}]",
			":usage: there is no memory limit of which 80% could be a share: give a size, or limit :memory",
			false},
		{"[{\"id\":1,\"type\":\"pressure\",\"value\":5}]",
			":pressure needs a share of the time like \"10%\", not 5", false},
		{"[{\"id\":1,\"type\":\"oom\",\"value\":5}]", ":oom takes no value, and is given 5", true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *list = json_loads(cases[i].list, 0, NULL);
		struct blocks *b;
		struct err e = {0};

		assert_int_not_equal(blocks_read(list, cases[i].limited, send, NULL, &b, &e), 0);
		assert_string_equal(e.text, cases[i].fault);
		assert_int_not_equal(blocks_check_last(list, cases[i].limited, &e), 0);
		assert_string_equal(e.text, cases[i].fault);
		json_decref(list);
	}
}

static void note_last(void *arg, int id, uint64_t value, bool is_share)
{
	assert_int_equal(id, value);
	*(int *)arg = id;
}

static void there_may_be_any_number_of_them(void **state)
{
	json_t *list = json_array();
	struct blocks *b;
	struct err e = {0};
	int last = 0;

	assert_int_equal(blocks_check_last(list, true, &e), 0);
	for (int i = 1; i <= 1000; i++) {
		json_array_append_new(list, json_pack("{s:i, s:s, s:i}", "id", i, "type", "usage", "value", i));
		assert_int_equal(blocks_check_last(list, true, &e), 0);
	}
	assert_int_equal(blocks_read(list, true, send, NULL, &b, &e), 0);
	blocks_each(b, "usage", note_last, &last);
	assert_int_equal(last, 1000);
	blocks_drop(&b);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_storm_is_one_message_at_a_time_with_its_count),
		cmocka_unit_test(once_is_once),
		cmocka_unit_test(each_hears_of_its_own),
		cmocka_unit_test(a_share_is_handed_on_as_a_share),
		cmocka_unit_test(what_came_during_a_block_is_told_at_the_end),
		cmocka_unit_test(nobody_is_told_when_the_script_is_gone),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(there_may_be_any_number_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
