/* virtualing events: what has happened to one virtual or to all of them, and what happens.
 *
 * Only the supervisor of a virtual knows, as long as it is there.  Who follows all looks at the folder of their folders
 * ten times a second: it may not exist yet, a new one answers only when it listens, and one that has ended may begin
 * anew.
 */
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
#include "sys/loop.h"
#include "sys/wire.h"

enum { ANSWER_MS = 5000, LOOK_MS = 100, FOLLOWED_MAX = 256 };

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

static void print_events(const char *name, const json_t *events, double after, bool json)
{
	size_t i;
	json_t *event;

	json_array_foreach ((json_t *)events, i, event)
		if (json_number_value(json_object_get(event, "time")) > after)
			print_event(name, event, json);
}

/* ---- what has been ---- */

static int print_past(const char *name, bool json, struct err *e)
{
	json_t *answer;
	int r = remote_call(name, json_pack("{s:s}", "op", "events"), ANSWER_MS, &answer, e);

	if (r < 0)
		return r;
	print_events(name, json_object_get(answer, "events"), 0, json);
	json_decref(answer);
	return 0;
}

/* Who comes or goes in this moment is left out; who may not ask anybody is told so. */
static int print_all_past(bool json, struct err *e)
{
	char **names;
	ssize_t n = state_names(&names, e);
	int r = n < 0 ? (int)n : 0;

	for (ssize_t i = 0; i < n; i++) {
		if (r != -EACCES)
			r = print_past(names[i], json, e);
		free(names[i]);
	}
	free(names);
	return n < 0 || r == -EACCES ? r : 0;
}

/* ---- what happens ---- */

struct followed {
	char *name;
	struct wire wire; /* fd -1: it has ended, or hung up on us because we have not read for long */
	double last;	  /* time of what was printed last: it is not printed again when we are back */
	bool there;
};

struct followers {
	struct followed list[FOLLOWED_MAX];
	size_t count;
	bool json;
};

/* False: it has nothing more to say. */
static bool print_message(struct followed *f, const json_t *message, bool json)
{
	const json_t *past = json_object_get(message, "events"), *event = json_object_get(message, "event");
	const json_t *last = event ? event : json_array_get(past, json_array_size(past) - 1);

	print_events(f->name, past, f->last, json);
	if (event)
		print_event(f->name, event, json);
	if (last)
		f->last = json_number_value(json_object_get(last, "time"));
	return past || event;
}

/* What has come already. False: nothing more will. */
static bool print_received(struct followed *f, bool json)
{
	struct err e;
	json_t *message;
	bool goes_on = true;
	int r;

	while ((r = wire_next(&f->wire, &message, &e)) > 0) {
		goes_on &= print_message(f, message, json);
		json_decref(message);
	}
	return goes_on && r == 0;
}

static void hear(struct followed *f, bool json)
{
	struct err e;
	int r = wire_fill(&f->wire, &e);

	if (!print_received(f, json) || r < 0)
		wire_drop(&f->wire);
}

/* false: standard output is gone, and main() says why. */
static bool print_what_comes(struct followers *all, int timeout_ms)
{
	struct pollfd polls[FOLLOWED_MAX];
	size_t count = all->count;

	if (fflush(stdout) == EOF)
		return false;
	for (size_t i = 0; i < count; i++)
		polls[i] = (struct pollfd){.fd = all->list[i].wire.fd, .events = POLLIN};
	if (poll(polls, count, timeout_ms) <= 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (polls[i].revents)
			hear(&all->list[i], all->json);
	return true;
}

/* Its answer, what has been so far, is printed when it comes: nobody waits for a supervisor that hangs. */
static int begin(struct followed *f, struct err *e)
{
	json_t *request = json_pack("{s:s, s:b}", "op", "events", "follow", 1);
	int r = state_connect_now(f->name, e);

	if (r >= 0) {
		wire_init(&f->wire, r);
		r = wire_send(&f->wire, request, 0, e);
	}
	if (r < 0)
		wire_drop(&f->wire);
	json_decref(request);
	return r;
}

/* NULL: there is no room for one more. */
static struct followed *find(struct followers *all, const char *name)
{
	struct followed *f = all->list;

	while (f < all->list + all->count && strcmp(f->name, name) != 0)
		f++;
	if (f == all->list + FOLLOWED_MAX)
		return NULL;
	if (f == all->list + all->count) {
		*f = (struct followed){.name = strdup(name), .wire.fd = -1};
		if (!f->name)
			abort();
		all->count++;
	}
	return f;
}

static void forget_gone(struct followers *all)
{
	for (size_t i = all->count; i-- > 0;)
		if (!all->list[i].there && all->list[i].wire.fd < 0) {
			free(all->list[i].name);
			all->list[i] = all->list[--all->count];
		}
}

/* Who cannot be reached now, for it is starting or ending, is asked at the next look. */
static int look(struct followers *all, struct err *e)
{
	char **names;
	ssize_t n = state_names(&names, e);
	int r = n < 0 ? (int)n : 0;

	for (size_t i = 0; i < all->count; i++)
		all->list[i].there = false;
	for (ssize_t i = 0; i < n; i++) {
		struct followed *f = find(all, names[i]);

		if (f)
			f->there = true;
		if (f && f->wire.fd < 0 && r != -EACCES)
			r = begin(f, e);
		free(names[i]);
	}
	free(names);
	forget_gone(all);
	return n < 0 || r == -EACCES ? r : 0;
}

/* Until Ctrl-C. */
static int follow_all(bool json, struct err *e)
{
	struct followers all = {.json = json};
	uint64_t due = 0;
	int r = 0;

	while (r == 0) {
		uint64_t now = loop_now_ms();

		if (now >= due) {
			r = look(&all, e);
			due = now + LOOK_MS;
		}
		if (r == 0 && !print_what_comes(&all, (int)(due - now)))
			return 0;
	}
	return r;
}

/* Until it has ended. */
static int follow_one(const char *name, bool json, struct err *e)
{
	struct followers one = {.list[0] = {.name = (char *)name, .wire.fd = -1}, .count = 1, .json = json};
	struct followed *f = one.list;
	json_t *answer = NULL, *request = json_pack("{s:s, s:b}", "op", "events", "follow", 1);
	int r = state_connect(name, e);

	if (r >= 0) {
		wire_init(&f->wire, r);
		r = wire_call(&f->wire, request, ANSWER_MS, &answer, e);
	}
	if (r == 0) {
		print_message(f, answer, json);
		print_received(f, json); /* what has come with the answer */
		while (f->wire.fd >= 0 && print_what_comes(&one, -1))
			;
	}
	wire_drop(&f->wire);
	json_decref(answer);
	json_decref(request);
	return r;
}

int cmd_events(const struct options_values *own, json_t *document)
{
	const char *name = own->args[0];
	bool json = options_get(own, "json") != NULL, follow = options_get(own, "follow") != NULL;
	struct err e;
	int r;

	if (follow)
		r = name ? follow_one(name, json, &e) : follow_all(json, &e);
	else
		r = name ? print_past(name, json, &e) : print_all_past(json, &e);
	return r < 0 ? cli_fail(&e) : 0;
}
