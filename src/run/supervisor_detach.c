/* The supervisor's part of going into the background: when to tell the caller, and what the script host prints. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/own.h"
#include "run/say.h"
#include "run/supervisor_private.h"

/* A script that has started what there is to start, and does something else then than to wait for it. */
enum { SETTLED_MS = 1000, RELAY_PIECES = 16 /* what fits into the pipe */ };

#define OWNER_OF(pointer, field) ((struct supervisor *)((char *)(pointer)-offsetof(struct supervisor, field)))

/* ---- what the script host prints ---- */

static bool relay_some(struct supervisor *s)
{
	char text[4096];
	ssize_t n = read(s->relay, text, sizeof text);

	if (n > 0)
		say_text(text, (size_t)n);
	if (n == 0)
		loop_unwatch(s->loop, &s->relay_watch);
	return n > 0;
}

/* A little at a time: a script that prints without end has no right to all of ours. */
static void relay_ready(struct watch *w, uint32_t events)
{
	relay_some(OWNER_OF(w, relay_watch));
}

void supervisor_relay(struct supervisor *s)
{
	for (int i = 0; s->relay >= 0 && i < RELAY_PIECES && relay_some(s); i++)
		;
}

int supervisor_open_relay(struct supervisor *s, int *ret_theirs, struct err *e)
{
	int pair[2];

	*ret_theirs = -1;
	if (s->detach.news < 0)
		return 0;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "make the script host's pipe");
	s->relay = pair[0];
	*ret_theirs = pair[1];
	s->relay_watch = (struct watch){-1, relay_ready};
	if (fcntl(s->relay, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "make the script host's pipe");
	return loop_watch(s->loop, &s->relay_watch, s->relay, EPOLLIN, e);
}

/* ---- telling the caller ---- */

static void caller_gone(struct watch *w, uint32_t events)
{
	struct supervisor *s = OWNER_OF(w, caller_watch);

	loop_unwatch(s->loop, w);
	supervisor_stop(s);
}

static bool all_run(const struct supervisor *s)
{
	for (const struct member *m = s->members; m; m = m->next)
		if (virtual_state(m->v) != VIRTUAL_RUNNING)
			return false;
	return s->members != NULL;
}

static bool script_waits(const struct supervisor *s)
{
	for (const struct waiter *w = s->waiters; w; w = w->next)
		if (w->client == s->script_client && w->kind == WAIT_END)
			return true;
	return false;
}

/* The latest member is the first of the list. */
static char *names_of(const struct member *m)
{
	char *before = m->next ? names_of(m->next) : NULL, *names;

	if (asprintf(&names, "%s%s\n", before ? before : "", virtual_name(m->v)) < 0)
		abort();
	free(before);
	return names;
}

static void tell_caller(struct supervisor *s)
{
	AUTO(free_drop) char *names = names_of(s->members);
	int out = s->script.pid ? s->log : virtual_log(s->members->v);
	struct err e;

	loop_unwatch(s->loop, &s->caller_watch);
	loop_clear_alarm(s->loop, &s->settled);
	if (detach_done(&s->detach, out > 0 ? out : s->detach.null, names, &e) == 0)
		return;
	say(NULL, "%s", e.text);
	supervisor_stop(s);
}

static void settled(struct alarm *a)
{
	struct supervisor *s = OWNER_OF(a, settled);

	s->is_settled = true;
}

void supervisor_detach_started(struct supervisor *s)
{
	if (s->detach.news < 0)
		return;
	if (!s->script.pid) { /* now, for it may have ended before the next turn */
		tell_caller(s);
		return;
	}
	s->is_settled = false;
	s->settled.ring = settled;
	loop_set_alarm(s->loop, &s->settled, SETTLED_MS);
}

void supervisor_detach_look(struct supervisor *s)
{
	if (s->detach.news >= 0 && all_run(s) && (!s->script_runs || script_waits(s) || s->is_settled))
		tell_caller(s);
}

int supervisor_detach(struct supervisor *s, struct detach *d, int log, struct err *e)
{
	s->log = log;
	if (log >= 0) {
		s->origin.out = log;
		say_log(NULL, log);
	}
	if (!d)
		return 0;
	s->detach = *d;
	*d = DETACH_NONE;
	s->detached = true;
	s->origin.in = s->detach.null;
	if (log < 0)
		s->origin.out = s->detach.null;
	s->caller_watch = (struct watch){-1, caller_gone};
	return loop_watch(s->loop, &s->caller_watch, s->detach.news, EPOLLIN, e);
}

void supervisor_detach_end(struct supervisor *s)
{
	if (s->loop) {
		loop_unwatch(s->loop, &s->caller_watch);
		loop_clear_alarm(s->loop, &s->settled);
		loop_unwatch(s->loop, &s->relay_watch);
	}
	fd_drop(&s->relay);
	if (s->log >= 0)
		say_log_end(s->log);
	detach_drop(&s->detach);
}
