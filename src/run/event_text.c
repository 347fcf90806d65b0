#include "run/event_text.h"

#include <string.h>
#include <time.h>

#include "base/parse.h"
#include "cage/limit.h"

static void print_size_of(FILE *out, const json_t *event, const char *key, const char *before)
{
	const json_t *value = json_object_get(event, key);
	char text[16];

	if (json_is_integer(value))
		fprintf(out, "%s%s %s", before, key,
			print_size(text, sizeof text, (uint64_t)json_integer_value(value)));
}

static void print_word(FILE *out, const json_t *event, const char *key)
{
	const json_t *value = json_object_get(event, key);

	if (json_is_integer(value))
		fprintf(out, " %s %lld", key, (long long)json_integer_value(value));
	else if (json_is_string(value))
		fprintf(out, " %s", json_string_value(value));
}

static bool is_size(const char *key)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (strcmp(limit_rows[i].key, key) == 0)
			return limit_rows[i].type == LIMIT_IS_SIZE;
	return false;
}

/* " memory=512M pids=20": as `set` takes it. */
static void print_changed(FILE *out, const json_t *event)
{
	const char *key;
	json_t *value;
	char size[16];

	json_object_foreach (json_object_get(event, "changed"), key, value) {
		if (json_is_string(value))
			fprintf(out, " %s=%s", key, json_string_value(value));
		else if (json_is_integer(value) && is_size(key))
			fprintf(out, " %s=%s", key, print_size(size, sizeof size, (uint64_t)json_integer_value(value)));
		else if (json_is_integer(value))
			fprintf(out, " %s=%lld", key, (long long)json_integer_value(value));
		else
			fprintf(out, " %s", key);
	}
}

enum { VICTIMS_PRINTED = 3 };

/* " (eat, pid 123; cat, pid 124; sh, pid 125 and 2 more)" */
static void print_victims(FILE *out, const json_t *event)
{
	const json_t *victims = json_object_get(event, "victims");
	json_int_t more = json_integer_value(json_object_get(event, "processes"));
	size_t i;
	json_t *v;

	json_array_foreach ((json_t *)victims, i, v) {
		const char *name = json_string_value(json_object_get(v, "name"));

		if (i == VICTIMS_PRINTED)
			break;
		fprintf(out, "%s%s, pid %lld", i ? "; " : " (", name ? name : "?",
			(long long)json_integer_value(json_object_get(v, "pid")));
		more--;
	}
	if (i > 0 && more > 0)
		fprintf(out, " and %lld more", (long long)more);
	if (i > 0)
		putc(')', out);
}

/* " by the limit of /a/b (64M)"; nothing when it is not known. */
static void print_cause(FILE *out, const json_t *event)
{
	const json_t *limit = json_object_get(event, "group_limit");
	char size[16];
	const char *cause = json_string_value(json_object_get(event, "cause"));
	const char *group = json_string_value(json_object_get(event, "group"));

	if (group)
		fprintf(out, " by the limit of %s", group);
	else if (cause && strcmp(cause, "own") == 0)
		fprintf(out, " by its own limit");
	else if (cause && strcmp(cause, "outer") == 0)
		fprintf(out, " by the limit of a group above");
	else if (cause && strcmp(cause, "host") == 0)
		fprintf(out, " because the host has run out");
	if (group && json_is_integer(limit))
		fprintf(out, " (%s)", print_size(size, sizeof size, (uint64_t)json_integer_value(limit)));
}

void event_print_kill(FILE *out, const json_t *event, const char *before_cause)
{
	print_victims(out, event);
	fputs(before_cause, out);
	print_cause(out, event);
}

static void print_stamp(FILE *out, double seconds, enum event_stamp stamp)
{
	time_t whole = (time_t)seconds;
	struct tm local;
	char text[32];

	strftime(text, sizeof text, stamp == EVENT_DAY ? "%F %T" : "%T", localtime_r(&whole, &local));
	fprintf(out, "%s.%03d ", text, (int)((seconds - (double)whole) * 1000));
}

void event_print(FILE *out, const json_t *event, enum event_stamp stamp, const char *name)
{
	static const struct {
		const char *key, *before;
	} sizes[] = {{"usage", ": "}, {"limit", ", "}, {"peak", ", "}, {"anonymous", ", "}, {"file", ", "},
		{"shmem", ", "}, {"kernel", ", "}};
	const char *type = json_string_value(json_object_get(event, "type"));

	print_stamp(out, json_number_value(json_object_get(event, "time")), stamp);
	fprintf(out, "%s%s%s", name ? name : "", name ? " " : "", type ? type : "?");
	print_word(out, event, "direction");
	print_word(out, event, "status");
	print_word(out, event, "signal");
	print_word(out, event, "processes");
	print_changed(out, event);
	event_print_kill(out, event, "");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		print_size_of(out, event, sizes[i].key, sizes[i].before);
}
