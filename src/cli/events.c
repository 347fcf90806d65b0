/* virtualing events: what has happened to one virtual or to all of them, and what happens. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "run/event_text.h"
#include "run/state.h"
#include "sys/wire.h"

enum { ANSWER_MS = 5000, FOLLOWED_MAX = 256 };

static void print_event(const char *name, const json_t *event, bool json)
{
	if (json) {
		json_t *one = json_copy((json_t *)event);

		json_object_set_new(one, "name", json_string(name));
		json_dumpf(one, stdout, JSON_COMPACT);
		json_decref(one);
	} else {
		event_print(stdout, event, EVENT_DAY, name);
	}
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

/* Who cannot be asked (it has crashed, or has just gone) is left out.  -EACCES: one belongs to somebody else. */
static int begin_all(
	struct followed *list, size_t *count, char *const *names, size_t n, bool follow, bool json, struct err *e)
{
	for (size_t i = 0; i < n && *count < FOLLOWED_MAX; i++) {
		int r = begin(&list[*count], names[i], follow, json, e);

		if (r == -EACCES)
			return r;
		*count += r == 0;
	}
	return 0;
}

static int events_of(const char *name, bool follow, bool json)
{
	struct followed list[FOLLOWED_MAX];
	size_t count = 0;
	char **names = NULL;
	struct err e;
	ssize_t n = name ? 0 : state_names(&names, &e);
	int r;

	if (n < 0 || (name && begin(&list[count++], name, follow, json, &e) < 0))
		return cli_fail(&e);
	r = begin_all(list, &count, names, (size_t)n, follow, json, &e);
	for (ssize_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	if (follow && r == 0)
		follow_all(list, count, json);
	for (size_t i = 0; (!follow || r < 0) && i < count; i++)
		drop(&list[i]);
	return r < 0 ? cli_fail(&e) : 0;
}

int cmd_events(const struct options_values *own, json_t *document)
{
	return events_of(own->args[0], options_get(own, "follow") != NULL, options_get(own, "json") != NULL);
}
