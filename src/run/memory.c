#include "run/memory.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/own.h"
#include "run/choice.h"
#include "run/memory_private.h"
#include "run/say.h"
#include "sys/proc.h"

enum { LEND_LEAST = 4 << 20, LENDS_MAX = 8, ROOM_LEAST = 256 << 10 };

void memory_set_known(json_t *o, const char *key, uint64_t value)
{
	if (value != UINT64_MAX)
		json_object_set_new(o, key, json_integer((json_int_t)value));
}

void memory_set_parts(json_t *o, const struct cage_parts *p)
{
	memory_set_known(o, "anonymous", p->anonymous_bytes);
	memory_set_known(o, "file", p->file_bytes);
	memory_set_known(o, "shmem", p->shmem_bytes);
	memory_set_known(o, "kernel", p->kernel_bytes);
}

static json_t *event_of(const struct cage_usage *usage, const char *type)
{
	struct timespec now;
	json_t *o = json_object();

	clock_gettime(CLOCK_REALTIME, &now);
	json_object_set_new(o, "type", json_string(type));
	json_object_set_new(o, "time", json_real((double)now.tv_sec + (double)(now.tv_nsec / 1000) / 1e6));
	memory_set_known(o, "usage", usage->memory_bytes);
	memory_set_known(o, "limit", usage->memory_limit_bytes);
	memory_set_known(o, "peak", usage->memory_peak_bytes);
	return o;
}

json_t *memory_event(const struct cage *c, const char *type)
{
	struct cage_usage usage;

	cage_memory(c, &usage);
	return event_of(&usage, type);
}

json_t *memory_json(const struct memory *m)
{
	const struct guard_kind_row *kind = m->guard ? &guard_kinds[guard_kind(m->guard)] : NULL;

	return json_pack("{s:s, s:s*, s:s*, s:b, s:b}", "mechanism", kind ? kind->name : "none", "promise",
		kind ? kind->promise : NULL, "why", *m->why ? m->why : NULL, "holds", m->guard && guard_holds(m->guard),
		"waits", m->rests);
}

const char *memory_state(const struct memory *m)
{
	return m->rests ? "full" : m->guard && guard_holds(m->guard) ? "held" : NULL;
}

void memory_record(struct memory *m, const char *type)
{
	json_t *event = memory_event(m->cage, type);

	m->owner->happened(m->owner, event);
	json_decref(event);
}

static void rescued(struct memory *m)
{
	memory_record(m, "rescued");
	m->owner->full(m->owner, NULL);
	guard_release(m->guard, true);
}

uint64_t memory_limit(const struct memory *m)
{
	return m->spec->limits.value[LIMIT_MEMORY];
}

uint64_t memory_usage(const struct memory *m)
{
	struct cage_usage u;

	cage_memory(m->cage, &u);
	return u.memory_bytes;
}

static uint64_t share_of(const struct memory *m, unsigned percent)
{
	return memory_limit(m) / 100 * percent;
}

static void move_levels(const struct memory *m)
{
	for (int i = 0; i < m->shares; i++)
		if (m->share[i])
			gauge_move(m->gauge, i, share_of(m, m->share[i]));
}

/* That of swap is written with it: on v1 the kernel has the sum. */
static int write_limit(struct memory *m, uint64_t bytes, struct err *e)
{
	struct limits l = m->spec->limits;

	l.given &= 1U << LIMIT_MEMORY | 1U << LIMIT_SWAP;
	l.given |= 1U << LIMIT_MEMORY;
	l.value[LIMIT_MEMORY] = bytes;
	return cage_apply(m->cage, &l, e);
}

static void wake(struct memory *m)
{
	struct err e;

	if (!m->rests)
		return;
	m->rests = false;
	if (cage_freeze(m->cage, FREEZE_FOR_ROOM, false, &e) < 0)
		say(m->spec->name, "memory: %s", e.text);
}

int memory_change_limit(struct memory *m, uint64_t bytes, struct err *e)
{
	bool rises = bytes > memory_limit(m), same = bytes == memory_limit(m);
	int r = write_limit(m, bytes, e);

	if (r < 0)
		return r;
	m->lent = 0;
	if (rises)
		wake(m);
	m->spec->limits.given |= 1U << LIMIT_MEMORY;
	m->spec->limits.value[LIMIT_MEMORY] = bytes;
	m->said_end = false;
	if (!same) /* else a block that sets what is set already would be called for it again and again */
		move_levels(m);
	if (!m->guard)
		return 0;
	if (rises && guard_holds(m->guard))
		rescued(m);
	else
		guard_move(m->guard);
	return 0;
}

int memory_set_limit(struct memory *m, uint64_t bytes, const uint64_t *swap_bytes, struct err *e)
{
	struct limits *l = &m->spec->limits, before = *l;
	int r;

	if (swap_bytes) {
		l->given |= 1U << LIMIT_SWAP;
		l->value[LIMIT_SWAP] = *swap_bytes;
	}
	r = memory_change_limit(m, bytes, e);
	if (r < 0)
		*l = before;
	return r;
}

void memory_described(struct memory *m)
{
	m->described_bytes = memory_limit(m);
}

void memory_force(struct memory *m)
{
	wake(m);
	if (m->guard)
		guard_pause(m->guard);
}

/* ---- a full cage that may not be killed for it ---- */

static bool may_kill(const struct memory *m)
{
	return !limits_has(&m->spec->limits, LIMIT_OOM) || m->spec->limits.value[LIMIT_OOM];
}

/* Who is held burns a CPU in the kernel, and stops only when it leaves that.  So the cage is frozen, and lent what it
 * takes to get there: a few pages, or a huge one for each thread. */
static void freeze_and_lend(struct memory *m)
{
	uint64_t lent = memory_limit(m) / 16 > LEND_LEAST ? memory_limit(m) / 16 : LEND_LEAST;
	struct err e;

	if (m->lent == LENDS_MAX)
		return; /* in a call that wants ever more: it stays held */
	m->lent++;
	if (cage_freeze(m->cage, FREEZE_FOR_ROOM, true, &e) < 0 ||
		write_limit(m, memory_limit(m) + m->lent * lent, &e) < 0)
		say(m->spec->name, "memory: %s", e.text);
	else
		guard_release(m->guard, true);
}

static void rest(struct memory *m)
{
	if (!m->rests) {
		m->rests = true;
		if (!m->spec->quiet)
			say(m->spec->name,
				"memory is full: the program is stopped until there is room (virtualing set %s "
				"memory=SIZE)",
				m->spec->name);
		memory_record(m, "waits");
	}
	if (!guard_freezes(m->guard))
		freeze_and_lend(m);
}

/* Who is frozen cannot act on a signal. */
void memory_let_go(struct memory *m)
{
	wake(m);
	if (m->guard && guard_holds(m->guard) && guard_freezes(m->guard))
		guard_release(m->guard, false);
}

/* ---- a full cage ---- */

/* Nobody has made room. */
static void give_up(struct memory *m)
{
	if (may_kill(m))
		guard_release(m->guard, false);
	else
		rest(m);
}

/* What was given back is taken again before anybody is troubled, unless the host needs it meanwhile: then by steps. */
static bool take_back(struct memory *m)
{
	const struct grow *g = &m->spec->grow;
	struct err e;

	if (memory_limit(m) >= m->described_bytes)
		return false;
	if (g->given && !grow_keeps_reserve(g, m->described_bytes, memory_usage(m), proc_memory_available()))
		return false;
	return memory_change_limit(m, m->described_bytes, &e) == 0;
}

static void full(struct guard_owner *o)
{
	struct memory *m = OWNER_OF(o, guard_owner);
	struct cage_usage u;
	json_t *event;

	if (m->rests) {
		rest(m);
		return;
	}
	if (take_back(m))
		return;
	if (m->spec->grow.given && memory_grow(m, true))
		return;
	cage_parts(m->cage, &u);
	event = event_of(&u, "oom");
	memory_set_parts(event, &u.parts);
	m->owner->full(m->owner, &u);
	m->owner->happened(m->owner, event);
	m->full_bytes = u.memory_bytes;
	m->asked = m->owner->ask(m->owner, event);
	if (!m->asked)
		give_up(m);
	json_decref(event);
}

/* The program, or whoever was asked, may have let something go, if only a little. */
static bool has_room(const struct memory *m)
{
	return !guard_is_full(m->guard) || memory_usage(m) + ROOM_LEAST <= m->full_bytes;
}

void memory_answer(struct memory *m)
{
	m->asked = false;
	if (!m->guard || !guard_holds(m->guard) || m->rests) /* who rests goes on when the limit rises */
		return;
	if (!has_room(m)) {
		give_up(m);
		return;
	}
	rescued(m);
}

static void late(struct guard_owner *o)
{
	struct memory *m = OWNER_OF(o, guard_owner);

	if (m->asked)
		m->owner->late(m->owner);
	m->asked = false;
	if (guard_holds(m->guard))
		give_up(m);
}

static void crossed(struct gauge_owner *o, int level, bool up, uint64_t usage_bytes)
{
	struct memory *m = OWNER_OF(o, gauge_owner);
	json_t *event;

	if (level == m->at) {
		if (up)
			memory_grow_at_level(m);
		return;
	}
	event = memory_event(m->cage, "usage");
	json_object_set_new(event, "usage", json_integer((json_int_t)usage_bytes));
	json_object_set_new(event, "direction", json_string(up ? "up" : "down"));
	m->owner->crossed(m->owner, level, event);
	json_decref(event);
}

/* ---- beginning and end ---- */

/* Whoever is held waits for us: with the ordinary scheduler on a busy machine for tens of milliseconds, and for a page
 * of ours that was written to disk even longer.  Best effort; children are as usual. */
static void be_quick(void)
{
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &(struct sched_param){.sched_priority = 1});
	proc_stay_in_memory();
}

static int need_gauge(struct memory *m, struct err *e)
{
	return m->gauge ? 0 : gauge_open(m->loop, m->cage, &m->gauge_owner, &m->gauge, e);
}

int memory_level(struct memory *m, uint64_t bytes, struct err *e)
{
	int r = need_gauge(m, e);

	if (r < 0)
		return r;
	r = gauge_add(m->gauge, bytes);
	return r < 0 ? err_set(e, -r, "out of memory") : r;
}

int memory_level_share(struct memory *m, unsigned percent, struct err *e)
{
	int level = memory_level(m, share_of(m, percent), e);
	unsigned *more;

	if (level < 0)
		return level;
	more = reallocarray(m->share, (size_t)level + 1, sizeof *more);
	if (!more)
		return err_set(e, ENOMEM, "out of memory");
	m->share = more;
	while (m->shares < level)
		m->share[m->shares++] = 0;
	m->share[m->shares++] = percent;
	return level;
}

static int start_kind(struct memory *m, enum guard_kind kind, struct err *e)
{
	return guard_start(m->loop, m->cage, kind, m->spec->deadline_ms, &m->guard_owner, &m->guard, e);
}

/* The best kind that this host can do. What was found out may be true no longer. */
static int start_best(struct memory *m, const struct cage_host *host, struct choice *choice, struct err *e)
{
	int r = choice_make(host, choice, e);

	if (r == 0)
		r = start_kind(m, choice->kind, e);
	if (r == 0 || choice->kind == GUARD_AUTO)
		return r;
	choice_forget(choice);
	r = choice_make(host, choice, e);
	return r < 0 ? r : start_kind(m, choice->kind, e);
}

static int start_guard(struct memory *m, const struct cage_host *host, struct choice *choice, struct err *e)
{
	const struct spec *s = m->spec;
	int r = s->guard == GUARD_AUTO ? start_best(m, host, choice, e) : start_kind(m, s->guard, e);

	if (r < 0 || s->guard != GUARD_AUTO || !*choice->why)
		return r;
	snprintf(m->why, sizeof m->why, "%s", choice->why);
	if (!s->quiet)
		say(s->name, "the guard of its memory is \"%s\": %s (%s)", guard_kinds[choice->kind].name,
			guard_kinds[choice->kind].promise, m->why);
	return 0;
}

int memory_start(struct loop *l, const struct cage_host *host, struct cage *c, struct spec *s, struct choice *choice,
	struct memory_owner *o, struct memory **ret, struct err *e)
{
	AUTO(memory_end) struct memory *m = calloc(1, sizeof *m);
	int r = 0;

	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	*m = (struct memory){.guard_owner = {full, late},
		.gauge_owner = {crossed},
		.owner = o,
		.loop = l,
		.cage = c,
		.spec = s,
		.described_bytes = limits_has(&s->limits, LIMIT_MEMORY) ? s->limits.value[LIMIT_MEMORY] : 0,
		.at = -1};
	if (choice)
		r = start_guard(m, host, choice, e);
	if (r == 0)
		r = memory_growth_start(m, e);
	if (r < 0)
		return err_while(e, "guard the memory");
	be_quick();
	*ret = m;
	m = NULL;
	return 0;
}

void memory_look(struct memory *m)
{
	if (m->guard)
		guard_look(m->guard);
}

void memory_end(struct memory **memory)
{
	struct memory *m = *memory;

	if (!m)
		return;
	guard_drop(&m->guard);
	gauge_drop(&m->gauge); /* with a last look, which may set an alarm */
	memory_growth_end(m);
	free(m->share);
	free(m);
	*memory = NULL;
}
