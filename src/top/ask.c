#include "top/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "run/state.h"
#include "sys/wire.h"

enum { AT_ONCE = 8, ANSWER_MS = 2000, AGAIN_MS = 15000, SILENT_AGAIN_MS = 5000, LEAST_MS = 200, SEND_MS = 0 };

enum purpose { FOR_SHOW, FOR_EVENTS, FOR_WISH };

struct talk {
	struct asker *asker;
	struct talk *next;
	enum purpose purpose;
	uint64_t id; /* of the item */
	struct wire wire;
	struct watch watch;
	struct alarm late;
	char *done, *label; /* of a wish */
	bool answered, over;
};

struct asker {
	struct loop *loop;
	struct model *model;
	struct talk *talks;
	void (*said)(void *arg, const char *text);
	void *arg;
	uint64_t followed; /* id of an item */
	uint64_t follow_again_ms;
};

#define OWNER_OF(pointer, field) ((struct talk *)((char *)(pointer)-offsetof(struct talk, field)))

/* ---- ends ---- */

/* Its memory goes in the next turn, when nobody holds it any more. */
static void finish(struct talk *t)
{
	if (t->over)
		return;
	t->over = true;
	loop_unwatch(t->asker->loop, &t->watch);
	loop_clear_alarm(t->asker->loop, &t->late);
	wire_drop(&t->wire);
}

static void sweep(struct asker *a)
{
	for (struct talk **at = &a->talks; *at;) {
		struct talk *t = *at;

		if (!t->over) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		free(t->done);
		free(t->label);
		free(t);
	}
}

static void say(struct talk *t, const char *what)
{
	char text[640];

	snprintf(text, sizeof text, "%s: %s", t->label, what);
	t->asker->said(t->asker->arg, text);
}

static void fail(struct talk *t, const struct err *e)
{
	struct item *i = model_find(t->asker->model, t->id);

	if (t->purpose == FOR_WISH)
		say(t, e->text);
	else if (i && e->code == ETIMEDOUT)
		i->silent = true;
	finish(t);
}

static void late(struct alarm *alarm)
{
	struct err e;

	err_set(&e, ETIMEDOUT, "its supervisor does not answer");
	fail(OWNER_OF(alarm, late), &e);
}

/* ---- answers ---- */

static void take_events(struct item *i, const json_t *message)
{
	const json_t *event = json_object_get(message, "event"), *old;
	size_t n;

	if (!event) {
		item_forget_events(i);
		json_array_foreach (json_object_get(message, "events"), n, old)
			item_take_event(i, old);
		return;
	}
	item_take_event(i, event);
	i->ask_reason++;
}

static void take(struct talk *t, const json_t *message)
{
	struct item *i = model_find(t->asker->model, t->id);
	const char *error = json_string_value(json_object_get(message, "error"));

	t->answered = true;
	loop_clear_alarm(t->asker->loop, &t->late);
	if (t->purpose == FOR_WISH)
		say(t, json_is_true(json_object_get(message, "ok")) ? t->done : error ? error : "refused");
	else if (i && t->purpose == FOR_SHOW && json_object_get(message, "virtual"))
		item_take_show(i, json_object_get(message, "virtual"));
	else if (i && t->purpose == FOR_EVENTS)
		take_events(i, message);
	if (i && t->purpose == FOR_WISH)
		i->ask_reason++;
	if (i)
		i->silent = false;
	if (t->purpose != FOR_EVENTS)
		finish(t);
}

static void ready(struct watch *w, uint32_t events)
{
	struct talk *t = OWNER_OF(w, watch);
	struct err e;
	json_t *message;
	int r = wire_fill(&t->wire, &e), next = 0;

	while (!t->over && (next = wire_next(&t->wire, &message, &e)) > 0) {
		take(t, message);
		json_decref(message);
	}
	if (!t->over && (r < 0 || next < 0))
		fail(t, &e);
}

/* ---- questions ---- */

static struct talk *begin(
	struct asker *a, struct item *i, enum purpose purpose, json_t *request, int timeout_ms, struct err *e)
{
	struct talk *t = calloc(1, sizeof *t);
	int fd = state_connect_now(i->name, e);

	if (!t)
		abort();
	*t = (struct talk){.asker = a,
		.next = a->talks,
		.purpose = purpose,
		.id = i->id,
		.watch = {-1, ready},
		.late.ring = late,
		.label = strdup(i->label)};
	if (!t->label)
		abort();
	a->talks = t;
	wire_init(&t->wire, fd);
	if (fd >= 0 && wire_send(&t->wire, request, SEND_MS, e) == 0 &&
		loop_watch(a->loop, &t->watch, fd, EPOLLIN, e) == 0)
		loop_set_alarm(a->loop, &t->late, (unsigned)timeout_ms);
	else
		fail(t, e);
	json_decref(request);
	return t;
}

static bool is_asked(const struct asker *a, const struct item *i, enum purpose purpose)
{
	for (const struct talk *t = a->talks; t; t = t->next)
		if (!t->over && t->id == i->id && t->purpose == purpose)
			return true;
	return false;
}

static size_t count_open(const struct asker *a)
{
	size_t n = 0;

	for (const struct talk *t = a->talks; t; t = t->next)
		n += !t->over && t->purpose == FOR_SHOW;
	return n;
}

/* How much it is worth to ask; 0: not at all. */
static uint64_t urgency(const struct asker *a, const struct item *i, uint64_t watched)
{
	uint64_t since_ms = a->model->now_ms - i->asked_ms;

	if (i->supervisor_fd < 0 || i->state == ITEM_CRASHED || i->state == ITEM_ENDED || is_asked(a, i, FOR_SHOW))
		return 0;
	if (i->asked_ms && since_ms < (i->silent ? SILENT_AGAIN_MS : LEAST_MS)) /* it may have failed at once */
		return 0;
	if (i->ask_reason || !i->asked_once)
		return since_ms + 10 * AGAIN_MS;
	return since_ms >= (i->id == watched ? ANSWER_MS : AGAIN_MS) ? since_ms : 0;
}

static struct item *most_urgent(const struct asker *a, uint64_t watched)
{
	struct item *best = NULL;
	uint64_t most = 0;

	for (size_t n = 0; n < a->model->count; n++) {
		uint64_t u = urgency(a, a->model->items[n], watched);

		if (u > most) {
			most = u;
			best = a->model->items[n];
		}
	}
	return best;
}

static void show(struct asker *a, struct item *i)
{
	struct err e;

	i->ask_reason = 0;
	i->asked_ms = a->model->now_ms;
	begin(a, i, FOR_SHOW, json_pack("{s:s}", "op", "show"), ANSWER_MS, &e);
}

static void follow(struct asker *a, uint64_t watched)
{
	struct item *i = model_find(a->model, watched);
	struct err e;

	for (struct talk *t = a->talks; t; t = t->next)
		if (t->purpose == FOR_EVENTS && t->id != watched)
			finish(t);
	if (watched != a->followed)
		a->follow_again_ms = 0;
	a->followed = watched;
	if (!i || i->supervisor_fd < 0 || is_asked(a, i, FOR_EVENTS) || a->model->now_ms < a->follow_again_ms)
		return;
	a->follow_again_ms = a->model->now_ms + ANSWER_MS;
	begin(a, i, FOR_EVENTS, json_pack("{s:s, s:b}", "op", "events", "follow", 1), ANSWER_MS, &e);
}

void asker_turn(struct asker *a, uint64_t watched)
{
	struct item *i;

	sweep(a);
	follow(a, watched);
	for (size_t n = count_open(a); n < AT_ONCE && (i = most_urgent(a, watched)); n++) {
		bool pressing = i->ask_reason || !i->asked_once;

		show(a, i);
		if (!pressing)
			return; /* one a turn: each costs its supervisor half a millisecond */
	}
}

size_t asker_open_questions(const struct asker *a)
{
	size_t n = 0;

	for (const struct talk *t = a->talks; t; t = t->next)
		n += !t->over && !t->answered;
	for (size_t i = 0; i < a->model->count; i++)
		n += urgency(a, a->model->items[i], 0) > 0;
	return n;
}

void asker_tell(struct asker *a, struct item *i, json_t *request, int timeout_ms, const char *done)
{
	struct err e;
	struct talk *t = begin(a, i, FOR_WISH, request, timeout_ms, &e);

	t->done = strdup(done);
	if (!t->done)
		abort();
}

/* ---- life ---- */

int asker_open(
	struct loop *loop, struct model *m, void (*said)(void *arg, const char *text), void *arg, struct asker **ret)
{
	struct asker *a = calloc(1, sizeof *a);

	if (!a)
		return -ENOMEM;
	*a = (struct asker){.loop = loop, .model = m, .said = said, .arg = arg};
	*ret = a;
	return 0;
}

void asker_drop(struct asker **a)
{
	if (!*a)
		return;
	for (struct talk *t = (*a)->talks; t; t = t->next)
		finish(t);
	sweep(*a);
	free(*a);
	*a = NULL;
}
