/* What the script host and other commands may ask of the supervisor: one row an operation. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/own.h"
#include "run/say.h"
#include "run/script.h"
#include "run/supervisor_private.h"
#include "sys/proc.h"

enum { SEND_TIMEOUT_MS = 1000, CLIENTS_MAX = 64 /* of one virtual */, STOP_TIMEOUT_MAX_MS = 24 * 3600 * 1000 };

static void hang_up(struct client *c)
{
	loop_unwatch(c->supervisor->loop, &c->watch);
	c->closing = true;
}

/* Takes the message over. Somebody who does not read is hung up on. */
static void put(struct client *c, json_t *message, int timeout_ms)
{
	struct err e;

	if (!c->closing && wire_send(&c->wire, message, timeout_ms, &e) < 0)
		hang_up(c);
	json_decref(message);
}

static void answer(struct client *c, const json_t *id, json_t *message)
{
	if (id)
		json_object_set(message, "id", (json_t *)id);
	put(c, message, SEND_TIMEOUT_MS);
}

bool client_tell(struct client *c, json_t *message)
{
	put(c, message, SEND_TIMEOUT_MS);
	return !c->closing;
}

static void refuse(struct client *c, const json_t *request, const char *text)
{
	answer(c, json_object_get(request, "id"), json_pack("{s:b, s:s}", "ok", 0, "error", text));
}

/* ---- waiting ---- */

static void wait_for(struct client *c, const json_t *request, const char *name, enum wait_kind kind)
{
	struct waiter *w = calloc(1, sizeof *w);

	if (!w || (name && !(w->name = strdup(name))))
		abort();
	w->client = c;
	w->id = json_incref(json_object_get(request, "id"));
	w->kind = kind;
	w->next = c->supervisor->waiters;
	c->supervisor->waiters = w;
}

static void waiter_free(struct waiter *w)
{
	json_decref(w->id);
	free(w->name);
	free(w);
}

static void drop_latest_waiter(struct supervisor *s)
{
	struct waiter *w = s->waiters;

	s->waiters = w->next;
	waiter_free(w);
}

static json_t *end_json(int status, int signal)
{
	json_t *o = json_pack("{s:b, s:i}", "ok", 1, "status", status);

	if (signal)
		json_object_set_new(o, "signal", json_integer(signal));
	return o;
}

static json_t *failed_json(const struct virtual *v)
{
	return json_pack("{s:b, s:s, s:i, s:b}", "ok", 0, "error", "it did not start", "status", virtual_status(v),
		"printed", 1);
}

static bool all_gone(const struct supervisor *s)
{
	for (const struct member *m = s->members; m; m = m->next)
		if (virtual_state(m->v) != VIRTUAL_GONE)
			return false;
	return true;
}

static json_t *started_json(const struct virtual *v)
{
	return json_pack("{s:b, s:s, s:i}", "ok", 1, "name", virtual_name(v), "pid", (int)virtual_pid(v));
}

/* What somebody is answered who waits for it; NULL: he waits on. */
static json_t *answer_to(const struct supervisor *s, const struct waiter *w, const struct virtual *v, bool gone)
{
	bool same = w->name && strcmp(w->name, virtual_name(v)) == 0;
	bool last = gone && !w->name && all_gone(s); /* several may go in one turn */

	switch (w->kind) {
	case WAIT_START:
		return !same ? NULL : gone ? failed_json(v) : started_json(v);
	case WAIT_END:
		return gone && (same || last) ? end_json(virtual_status(v), virtual_signal_of_end(v)) : NULL;
	case WAIT_STILL:
		return gone && same ? json_pack("{s:b, s:s}", "ok", 0, "error", "it has ended") : NULL;
	}
	return NULL;
}

/* Answers each waiter that waits for this, and forgets it. */
static void tell(struct supervisor *s, struct virtual *v, bool gone)
{
	struct waiter **at = &s->waiters;

	while (*at) {
		struct waiter *w = *at;
		json_t *message = answer_to(s, w, v, gone);

		if (!message) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		answer(w->client, w->id, message);
		waiter_free(w);
	}
}

void client_tell_started(struct supervisor *s, struct virtual *v)
{
	tell(s, v, false);
}

void client_tell_paused(struct supervisor *s, struct virtual *v, int result, const struct err *e)
{
	struct waiter **at = &s->waiters;

	while (*at) {
		struct waiter *w = *at;

		if (w->kind != WAIT_STILL || strcmp(w->name, virtual_name(v)) != 0) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		answer(w->client, w->id,
			result < 0 ? json_pack("{s:b, s:s}", "ok", 0, "error", e->text) : json_pack("{s:b}", "ok", 1));
		waiter_free(w);
	}
}

void client_tell_gone(struct supervisor *s, struct virtual *v)
{
	for (struct client *c = s->clients; c; c = c->next)
		if (c->follows && c->name && strcmp(c->name, virtual_name(v)) == 0)
			hang_up(c);
	tell(s, v, true);
}

/* ---- operations ---- */

static void print_note(void *arg, const char *text)
{
	say(NULL, "%s", text);
}

static void op_start(struct client *c, const json_t *request, struct member *m)
{
	struct faults faults = FAULTS_NONE;
	const char *name = json_string_value(json_object_get(request, "default_name"));
	struct spec *spec = spec_read(json_object_get(request, "spec"), name, &faults, print_note, NULL);
	struct err e = {0};
	int status = 125, r = -EINVAL;

	if (c->supervisor->stopping) {
		/* What a script had asked for before it was killed would run on, with nobody left to stop it. */
		spec_drop(&spec);
		faults_drop(&faults);
		refuse(c, request, "the supervisor is stopping");
		return;
	}
	if (spec) {
		/* The waiter stands before anything is told: a start can fail on the spot. */
		wait_for(c, request, spec->name, WAIT_START);
		r = supervisor_start(c->supervisor, spec, json_object_get(request, "blocks"), &faults, &status, &e);
		if (r < 0)
			drop_latest_waiter(c->supervisor);
	}
	if (r == 0)
		;
	else if (faults.count)
		answer(c, json_object_get(request, "id"),
			json_pack("{s:b, s:s, s:i, s:o}", "ok", 0, "error", "the description is wrong", "status",
				status, "faults", script_faults_json(&faults)));
	else
		answer(c, json_object_get(request, "id"),
			json_pack("{s:b, s:s, s:i}", "ok", 0, "error", e.text, "status", status));
	faults_drop(&faults);
}

static void op_check(struct client *c, const json_t *request, struct member *m)
{
	struct faults faults = FAULTS_NONE;
	AUTO(spec_drop) struct spec *spec = spec_read(json_object_get(request, "spec"), NULL, &faults, NULL, NULL);

	if (spec)
		virtual_check(c->supervisor->host, spec, &faults, NULL, NULL, NULL);
	answer(c, json_object_get(request, "id"),
		json_pack("{s:b, s:s, s:o}", "ok", faults.count == 0, "error", "the description is wrong", "faults",
			script_faults_json(&faults)));
	faults_drop(&faults);
}

static void op_wait(struct client *c, const json_t *request, struct member *m)
{
	struct supervisor *s = c->supervisor;
	const char *name = json_string_value(json_object_get(request, "name"));
	const struct ended *n = name ? supervisor_find_ended(s, name) : NULL;

	if (name ? supervisor_find(s, name) != NULL : !all_gone(s))
		wait_for(c, request, name, WAIT_END);
	else if (!name)
		answer(c, json_object_get(request, "id"), end_json(s->last_status, s->last_signal));
	else if (n)
		answer(c, json_object_get(request, "id"), end_json(n->status, n->signal));
	else
		refuse(c, request, "it has never run");
}

static void op_begins(struct client *c, const json_t *request, struct member *m)
{
	supervisor_block_begins(c->supervisor, request);
}

/* A block has run; its virtual may have ended meanwhile. */
static void op_answered(struct client *c, const json_t *request, struct member *m)
{
	supervisor_block_ended(c->supervisor);
	if (m)
		virtual_block_answered(m->v, (int)json_integer_value(json_object_get(request, "block")));
}

static void op_set(struct client *c, const json_t *request, struct member *m)
{
	bool force = json_is_true(json_object_get(request, "force"));
	struct err e;

	if (virtual_set(m->v, json_object_get(request, "resource"), force, &e) < 0)
		refuse(c, request, e.text);
	else
		answer(c, json_object_get(request, "id"), json_pack("{s:b}", "ok", 1));
}

/* All that has been, and with "follow" what comes. */
static void op_events(struct client *c, const json_t *request, struct member *m)
{
	answer(c, json_object_get(request, "id"),
		json_pack("{s:b, s:O}", "ok", 1, "events", (json_t *)virtual_events(m->v)));
	c->follows = json_is_true(json_object_get(request, "follow"));
}

void client_tell_happened(struct supervisor *s, struct virtual *v, const json_t *event)
{
	for (struct client *c = s->clients; c; c = c->next)
		if (c->follows && !c->closing && c->name && strcmp(c->name, virtual_name(v)) == 0)
			put(c, json_pack("{s:O}", "event", (json_t *)event), 0); /* who is slow is not waited for */
}

static void op_faults(struct client *c, const json_t *request, struct member *m)
{
	print_script_faults(json_object_get(request, "list"));
}

static void op_finish(struct client *c, const json_t *request, struct member *m)
{
	supervisor_script_ended(c->supervisor, json_object_get(request, "status"));
}

static void op_show(struct client *c, const json_t *request, struct member *m)
{
	answer(c, json_object_get(request, "id"), json_pack("{s:b, s:o}", "ok", 1, "virtual", virtual_json(m->v)));
}

static void op_stop(struct client *c, const json_t *request, struct member *m)
{
	const json_t *given = json_object_get(request, "timeout_ms");
	json_int_t timeout = given ? json_integer_value(given) : virtual_stop_timeout(m->v);
	bool release = json_is_true(json_object_get(request, "release"));

	if (given && (!json_is_integer(given) || timeout < 0 || timeout > STOP_TIMEOUT_MAX_MS)) {
		refuse(c, request, "timeout_ms is out of range");
		return;
	}
	if (release && !virtual_is_attached(m->v)) {
		refuse(c, request,
			"it was started here and not attached: only processes that were attached can be released");
		return;
	}
	if (release && virtual_state(m->v) == VIRTUAL_STOPPING) { /* a second stop would kill them at once */
		refuse(c, request, "it is being stopped already, and its processes have been told to end");
		return;
	}
	wait_for(c, request, virtual_name(m->v), WAIT_END);
	if (release)
		virtual_stop(m->v, (unsigned)timeout);
	else
		virtual_end(m->v, (unsigned)timeout);
}

static void op_kill(struct client *c, const json_t *request, struct member *m)
{
	const json_t *given = json_object_get(request, "signal");
	const char *name = json_string_value(given);
	json_int_t number = name ? proc_signal_number(name) : json_integer_value(given);
	AUTO(free_drop) char *text = json_dumps(given, JSON_ENCODE_ANY | JSON_COMPACT);
	struct err e = {0};
	int r = 0;

	if (number < 1 || number > SIGRTMAX)
		r = err_set(&e, EINVAL, "%s is not a signal: see `kill -l`", text ? text : "nil");
	if (r == 0)
		r = virtual_signal(m->v, (int)number, &e);
	if (r < 0)
		refuse(c, request, e.text);
	else
		answer(c, json_object_get(request, "id"), json_pack("{s:b}", "ok", 1));
}

/* The waiter stands before it is begun: it may stand still at once. */
static void op_pause(struct client *c, const json_t *request, struct member *m)
{
	struct err e;

	wait_for(c, request, virtual_name(m->v), WAIT_STILL);
	if (virtual_pause(m->v, &e) == 0)
		return;
	drop_latest_waiter(c->supervisor);
	refuse(c, request, e.text);
}

static void op_resume(struct client *c, const json_t *request, struct member *m)
{
	struct err e;

	if (virtual_resume(m->v, &e) < 0)
		refuse(c, request, e.text);
	else
		answer(c, json_object_get(request, "id"), json_pack("{s:b}", "ok", 1));
}

enum { FROM_SCRIPT = 1, FROM_SOCKET = 2 };

static const struct operation {
	const char *name;
	int from;
	void (*act)(struct client *c, const json_t *request, struct member *m);
} operations[] = {
	{"start", FROM_SCRIPT, op_start},
	{"check", FROM_SCRIPT, op_check},
	{"wait", FROM_SCRIPT, op_wait},
	{"begins", FROM_SCRIPT, op_begins},
	{"answered", FROM_SCRIPT, op_answered},
	{"faults", FROM_SCRIPT, op_faults},
	{"finish", FROM_SCRIPT, op_finish},
	{"show", FROM_SCRIPT | FROM_SOCKET, op_show},
	{"stop", FROM_SCRIPT | FROM_SOCKET, op_stop},
	{"kill", FROM_SCRIPT | FROM_SOCKET, op_kill},
	{"pause", FROM_SCRIPT | FROM_SOCKET, op_pause},
	{"resume", FROM_SCRIPT | FROM_SOCKET, op_resume},
	{"set", FROM_SCRIPT | FROM_SOCKET, op_set},
	{"events", FROM_SCRIPT | FROM_SOCKET, op_events},
};

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; name && i < sizeof operations / sizeof *operations; i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}

static void serve(struct client *c, const json_t *request)
{
	const struct operation *o = find_operation(json_string_value(json_object_get(request, "op")));
	const char *name = c->name ? c->name : json_string_value(json_object_get(request, "name"));
	struct member *m = name ? supervisor_find(c->supervisor, name) : NULL;

	if (!o || !(o->from & (c->name ? FROM_SOCKET : FROM_SCRIPT)))
		refuse(c, request, "unknown operation");
	else if (!m && (o->from & FROM_SOCKET))
		refuse(c, request, "it has ended");
	else
		o->act(c, request, m);
}

/* ---- connections ---- */

/* One read of what has come: 1; 0: there was nothing; -errno: it is over. */
static int take_some(struct client *c)
{
	struct err e;
	json_t *request;
	int r = wire_fill(&c->wire, &e), next = 0;

	while (!c->closing && (next = wire_next(&c->wire, &request, &e)) > 0) {
		serve(c, request);
		json_decref(request);
	}
	if (next < 0 && !c->closing)
		answer(c, NULL, json_pack("{s:b, s:s}", "ok", 0, "error", e.text));
	if (r < 0 || next < 0)
		hang_up(c);
	return next < 0 ? next : r;
}

static void client_ready(struct watch *w, uint32_t events)
{
	take_some((struct client *)((char *)w - offsetof(struct client, watch)));
}

void client_hear_out(struct client *c)
{
	while (!c->closing && take_some(c) > 0)
		;
}

/* Each virtual has its own share: who follows all of a hundred must not keep others from any of them. */
static bool has_room(const struct supervisor *s, const char *name)
{
	size_t count = 0;

	for (const struct client *c = s->clients; name && c; c = c->next)
		count += c->name && strcmp(c->name, name) == 0;
	return count < CLIENTS_MAX;
}

int client_add(struct supervisor *s, int fd, const char *name, struct client **ret, struct err *e)
{
	struct client *c = has_room(s, name) ? calloc(1, sizeof *c) : NULL;

	if (!c || (name && !(c->name = strdup(name)))) {
		free(c);
		close(fd);
		return err_set(e, EAGAIN, "too many clients");
	}
	wire_init(&c->wire, fd);
	c->supervisor = s;
	c->watch = (struct watch){-1, client_ready};
	c->next = s->clients;
	s->clients = c;
	if (loop_watch(s->loop, &c->watch, fd, EPOLLIN, e) < 0) {
		c->closing = true;
		return -e->code;
	}
	if (ret)
		*ret = c;
	return 0;
}

static void forget_waiters(struct supervisor *s, const struct client *c)
{
	for (struct waiter **at = &s->waiters; *at;) {
		struct waiter *w = *at;

		if (w->client != c) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		waiter_free(w);
	}
}

void client_sweep(struct supervisor *s, bool all)
{
	for (struct client **at = &s->clients; *at;) {
		struct client *c = *at;

		if (!c->closing && !all) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		forget_waiters(s, c);
		if (s->script_client == c)
			s->script_client = NULL;
		loop_unwatch(s->loop, &c->watch);
		wire_drop(&c->wire);
		free(c->name);
		free(c);
	}
}
