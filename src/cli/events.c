/* virtualing events: what has happened to one virtual or to all of them, and what happens. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "run/state.h"
#include "sys/wire.h"

enum { ANSWER_MS = 5000, FOLLOWED_MAX = 256 };

static void print_size_of(const json_t *event, const char *key, const char *before)
{
	const json_t *value = json_object_get(event, key);
	char text[16];

	if (json_is_integer(value))
		printf("%s%s %s", before, key, print_size(text, sizeof text, (uint64_t)json_integer_value(value)));
}

static void print_word(const json_t *event, const char *key)
{
	const json_t *value = json_object_get(event, key);

	if (json_is_integer(value))
		printf(" %s %lld", key, (long long)json_integer_value(value));
	else if (json_is_string(value))
		printf(" %s", json_string_value(value));
}

enum { VICTIMS_PRINTED = 3 };

/* " (eat, pid 123; cat, pid 124; sh, pid 125 and 2 more)" */
static void print_victims(const json_t *event)
{
	const json_t *victims = json_object_get(event, "victims");
	json_int_t more = json_integer_value(json_object_get(event, "processes"));
	size_t i;
	json_t *v;

	json_array_foreach ((json_t *)victims, i, v) {
		const char *name = json_string_value(json_object_get(v, "name"));

		if (i == VICTIMS_PRINTED)
			break;
		printf("%s%s, pid %lld", i ? "; " : " (", name ? name : "?",
			(long long)json_integer_value(json_object_get(v, "pid")));
		more--;
	}
	if (i > 0 && more > 0)
		printf(" and %lld more", (long long)more);
	if (i > 0)
		putchar(')');
}

static void print_cause(const json_t *event)
{
	const char *cause = json_string_value(json_object_get(event, "cause"));
	const char *group = json_string_value(json_object_get(event, "group"));

	if (group)
		printf(" by the limit of %s", group);
	else if (cause && strcmp(cause, "own") == 0)
		printf(" by its own limit");
	else if (cause && strcmp(cause, "outer") == 0)
		printf(" by the limit of a group above");
	else if (cause && strcmp(cause, "host") == 0)
		printf(" because the host has run out");
}

/* "2026-11-27 07:15:39.123 web grew: usage 64.0M, limit 96M, peak 64.0M" */
static void print_event(const char *name, const json_t *event, bool json)
{
	double seconds = json_number_value(json_object_get(event, "time"));
	time_t whole = (time_t)seconds;
	const char *type = json_string_value(json_object_get(event, "type"));
	struct tm local;
	char stamp[32];

	if (json) {
		json_t *one = json_copy((json_t *)event);

		json_object_set_new(one, "name", json_string(name));
		json_dumpf(one, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(one);
		return;
	}
	strftime(stamp, sizeof stamp, "%F %T", localtime_r(&whole, &local));
	printf("%s.%03d %s %s", stamp, (int)((seconds - (double)whole) * 1000), name, type ? type : "?");
	print_word(event, "direction");
	print_word(event, "status");
	print_word(event, "signal");
	print_word(event, "processes");
	print_victims(event);
	print_cause(event);
	print_size_of(event, "usage", ": ");
	print_size_of(event, "limit", ", ");
	print_size_of(event, "peak", ", ");
	print_size_of(event, "anonymous", ", ");
	print_size_of(event, "file", ", ");
	print_size_of(event, "shmem", ", ");
	print_size_of(event, "kernel", ", ");
	putchar('\n');
}

struct followed {
	char *name;
	struct wire wire;
};

static void drop(struct followed *f)
{
	wire_drop(&f->wire);
	free(f->name);
	*f = (struct followed){.wire.fd = -1};
}

/* Connects, and prints what has been so far. */
static int begin(struct followed *f, const char *name, bool follow, bool json, struct err *e)
{
	json_t *request = json_pack("{s:s, s:b}", "op", "events", "follow", follow), *answer = NULL, *event;
	int fd = state_connect(name, e), r = fd < 0 ? fd : 0;
	size_t i;

	*f = (struct followed){.name = strdup(name)};
	wire_init(&f->wire, fd);
	if (r == 0)
		r = wire_call(&f->wire, request, ANSWER_MS, &answer, e);
	json_decref(request);
	if (r == 0)
		json_array_foreach (json_object_get(answer, "events"), i, event)
			print_event(name, event, json);
	json_decref(answer);
	if (r < 0)
		drop(f);
	return r;
}

static void print_received(struct followed *f, bool json)
{
	struct err e;
	json_t *message;

	while (wire_next(&f->wire, &message, &e) > 0) {
		print_event(f->name, json_object_get(message, "event"), json);
		json_decref(message);
	}
	fflush(stdout);
}

/* False: it has ended. */
static bool hear(struct followed *f, bool json)
{
	struct err e;
	int r = wire_fill(&f->wire, &e);

	print_received(f, json);
	return r >= 0;
}

static void follow_all(struct followed *list, size_t count, bool json)
{
	for (size_t i = 0; i < count; i++)
		print_received(&list[i], json); /* what came with the answer */
	while (count > 0) {
		struct pollfd polls[FOLLOWED_MAX];

		for (size_t i = 0; i < count; i++)
			polls[i] = (struct pollfd){.fd = list[i].wire.fd, .events = POLLIN};
		fflush(stdout);
		if (poll(polls, count, -1) < 0 && errno != EINTR)
			return;
		for (size_t i = count; i-- > 0;)
			if (polls[i].revents && !hear(&list[i], json)) {
				drop(&list[i]);
				list[i] = list[--count];
			}
	}
}

static int events_of(const char *name, bool follow, bool json)
{
	struct followed list[FOLLOWED_MAX];
	size_t count = 0;
	char **names = NULL;
	struct err e;
	ssize_t n = name ? 0 : state_names(&names, &e);

	if (n < 0 || (name && begin(&list[count++], name, follow, json, &e) < 0))
		return cli_fail(&e);
	for (ssize_t i = 0; i < n; i++) {
		if (count < FOLLOWED_MAX && begin(&list[count], names[i], follow, json, &e) == 0)
			count++;
		free(names[i]);
	}
	free(names);
	if (follow)
		follow_all(list, count, json);
	for (size_t i = 0; !follow && i < count; i++)
		drop(&list[i]);
	return 0;
}

int cmd_events(const struct options_values *own, json_t *document)
{
	return events_of(own->args[0], options_get(own, "follow") != NULL, options_get(own, "json") != NULL);
}
