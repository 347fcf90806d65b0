/* Many virtuals asked side by side. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cli/remote.h"
#include "run/state.h"
#include "sys/loop.h"
#include "sys/wire.h"

/* A supervisor does one thing after the other; others want to be heard, too. */
enum { EACH_MAX = 16, ALL_MAX = 256, ANSWER_MS = 2000 };

struct asked {
	enum { PENDING, OPEN, DONE } state;
	json_int_t supervisor; /* 0: not known; then it stands for itself */
	struct wire wire;
	uint64_t due_ms;
	json_t **ret;
	struct err *e;
	const char *name;
};

struct round {
	struct asked *list;
	struct pollfd *polls; /* of those that are open, in the order of the list */
	size_t count, open;
};

static void finish(struct round *r, struct asked *a)
{
	if (a->state == OPEN) {
		wire_drop(&a->wire);
		r->open--;
	}
	a->state = DONE;
}

static void begin(struct round *r, struct asked *a)
{
	json_t *request = json_pack("{s:s}", "op", "show");
	int fd = state_connect_now(a->name, a->e), code = fd;

	if (fd >= 0) {
		wire_init(&a->wire, fd);
		a->due_ms = loop_now_ms() + ANSWER_MS;
		a->state = OPEN;
		r->open++;
		code = wire_send(&a->wire, request, 0, a->e);
	}
	json_decref(request);
	if (code < 0)
		finish(r, a);
}

static size_t open_of(const struct round *r, json_int_t supervisor)
{
	size_t n = 0;

	for (size_t i = 0; supervisor && i < r->count; i++)
		n += r->list[i].state == OPEN && r->list[i].supervisor == supervisor;
	return n;
}

static void begin_more(struct round *r)
{
	for (size_t i = 0; i < r->count && r->open < ALL_MAX; i++)
		if (r->list[i].state == PENDING && open_of(r, r->list[i].supervisor) < EACH_MAX)
			begin(r, &r->list[i]);
}

/* What every reader of an answer counts on. */
static bool is_virtual(const json_t *v)
{
	return json_string_value(json_object_get(v, "name")) && json_string_value(json_object_get(v, "state"));
}

static void take(struct round *r, struct asked *a)
{
	json_t *message = NULL, *v;
	const char *error;
	int code = wire_fill(&a->wire, a->e), next = wire_next(&a->wire, &message, a->e);

	if (next == 0 && code >= 0)
		return; /* there is more to come */
	if (next > 0) {
		v = json_object_get(message, "virtual");
		error = json_string_value(json_object_get(message, "error"));
		if (is_virtual(v))
			*a->ret = json_incref(v);
		else
			err_set(a->e, EPROTO, "%s", error ? error : "its supervisor answers without a virtual");
		json_decref(message);
	}
	finish(r, a);
}

/* Nobody of a supervisor that hangs will answer. */
static void give_up(struct round *r, struct asked *late)
{
	json_int_t supervisor = late->supervisor;

	for (size_t i = 0; i < r->count; i++) {
		struct asked *a = &r->list[i];

		if (a != late && (a->state == DONE || !supervisor || a->supervisor != supervisor))
			continue;
		err_set(a->e, ETIMEDOUT, "its supervisor does not answer");
		finish(r, a);
	}
}

static void wait_for_some(struct round *r)
{
	uint64_t now = loop_now_ms(), first = now + ANSWER_MS;
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		if (r->list[i].state != OPEN)
			continue;
		r->polls[n++] = (struct pollfd){.fd = r->list[i].wire.fd, .events = POLLIN};
		if (r->list[i].due_ms < first)
			first = r->list[i].due_ms;
	}
	if (poll(r->polls, n, first > now ? (int)(first - now) : 0) < 0)
		return;
	n = 0;
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].state == OPEN && r->polls[n++].revents)
			take(r, &r->list[i]);
	now = loop_now_ms();
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].state == OPEN && r->list[i].due_ms <= now)
			give_up(r, &r->list[i]);
}

static json_int_t supervisor_of(const char *name)
{
	struct err ignored;
	json_t *state = state_read(name, &ignored);
	json_int_t pid = json_integer_value(json_object_get(state, "supervisor"));

	json_decref(state);
	return pid;
}

void remote_show_all(char *const *names, size_t count, json_t **ret, struct err *e)
{
	AUTO(free_drop) struct asked *list = calloc(count + 1, sizeof *list);
	AUTO(free_drop) struct pollfd *polls = calloc(count + 1, sizeof *polls);
	struct round r = {list, polls, count, 0};

	if (!list || !polls)
		abort();
	for (size_t i = 0; i < count; i++)
		list[i] = (struct asked){.supervisor = supervisor_of(names[i]),
			.wire.fd = -1,
			.ret = &ret[i],
			.e = &e[i],
			.name = names[i]};
	begin_more(&r);
	while (r.open > 0) {
		wait_for_some(&r);
		begin_more(&r);
	}
}
