/* What happens to a virtual, and who is told: those who follow it, and the blocks of its script. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/own.h"
#include "run/virtual_private.h"

enum { EVENTS_KEPT = 256 };

struct pressure { /* a trigger that a block waits for */
	struct virtual *v;
	struct pressure *next;
	int block, fd;
	struct watch watch;
};

struct levels { /* that are being set for blocks */
	struct virtual *v;
	int result;
	struct err *e;
};

static void keep_event(struct virtual *v, const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));

	json_object_set_new(v->counts, type, json_integer(json_integer_value(json_object_get(v->counts, type)) + 1));
	json_array_append_new(v->events, json_deep_copy(event));
	if (json_array_size(v->events) > EVENTS_KEPT)
		json_array_remove(v->events, 0);
	recorder_event(v->recorder, event);
	v->owner->happened(v->owner, v, event);
}

void virtual_happened(struct virtual *v, const char *type, json_t *more)
{
	json_t *event = memory_event(v->cage, type);

	if (more)
		json_object_update(event, more);
	json_decref(more);
	keep_event(v, event);
	blocks_tell(v->blocks, event, 0);
	json_decref(event);
}

bool virtual_send_to_script(void *arg, json_t *message)
{
	struct virtual *v = arg;

	json_object_set_new(message, "virtual", json_string(virtual_name(v)));
	json_object_set_new(message, "deadline_ms", json_integer(virtual_deadline(v)));
	return v->owner->tell_script(v->owner, v, message);
}

static bool memory_asks(struct memory_owner *o, const json_t *event)
{
	return blocks_tell(OWNER_OF(o, memory_owner)->blocks, event, 0);
}

static void memory_late(struct memory_owner *o)
{
	struct virtual *v = OWNER_OF(o, memory_owner);

	v->owner->script_late(v->owner, v);
}

static void memory_crossed(struct memory_owner *o, int level, const json_t *event)
{
	struct virtual *v = OWNER_OF(o, memory_owner);

	keep_event(v, event);
	blocks_tell(v->blocks, event, v->level_block[level]);
}

static void memory_happened(struct memory_owner *o, const json_t *event)
{
	keep_event(OWNER_OF(o, memory_owner), event);
}

static void memory_full(struct memory_owner *o, const struct cage_usage *u)
{
	killed_full(OWNER_OF(o, memory_owner)->killed, u);
}

const struct memory_owner virtual_memory_owner = {
	memory_asks, memory_late, memory_crossed, memory_happened, memory_full};

static void somebody_killed(struct killed_owner *o, const struct kills *k)
{
	struct virtual *v = OWNER_OF(o, killed_owner);

	virtual_happened(v, "killed", killed_json(k));
	/* A shell that has been attached lives on after what it has started was killed: its user is told now. */
	if (v->attached)
		killed_say_these(v->killed, k, virtual_name(v));
}

const struct killed_owner virtual_killed_owner = {somebody_killed};

void virtual_script_gone(struct virtual *v)
{
	blocks_drop(&v->blocks);
	if (v->memory)
		memory_answer(v->memory);
}

void virtual_block_answered(struct virtual *v, int id)
{
	blocks_answered(v->blocks, id);
	if (v->memory && !blocks_busy(v->blocks, "oom"))
		memory_answer(v->memory);
}

/* ---- pressure ---- */

static void pressure_ready(struct watch *w, uint32_t events)
{
	struct pressure *p = (struct pressure *)((char *)w - offsetof(struct pressure, watch));
	json_t *event;

	if (events & EPOLLERR) { /* the group goes */
		loop_unwatch(p->v->owner->loop, w);
		return;
	}
	event = memory_event(p->v->cage, "pressure");
	keep_event(p->v, event);
	blocks_tell(p->v->blocks, event, p->block);
	json_decref(event);
}

static void add_pressure(void *arg, int id, uint64_t percent, bool is_share)
{
	struct levels *l = arg;
	struct pressure *p = l->result < 0 ? NULL : calloc(1, sizeof *p);

	if (!p) {
		if (l->result == 0)
			l->result = err_set(l->e, ENOMEM, "out of memory");
		return;
	}
	*p = (struct pressure){.v = l->v, .next = l->v->pressures, .block = id, .watch = {-1, pressure_ready}};
	l->v->pressures = p;
	p->fd = cage_open_pressure(l->v->cage, (unsigned)percent, l->e);
	if (p->fd < 0 || loop_watch(l->v->owner->loop, &p->watch, p->fd, EPOLLPRI, l->e) < 0)
		l->result = -1;
}

static int watch_pressure(struct virtual *v, struct err *e)
{
	struct levels levels = {v, 0, e};

	blocks_each(v->blocks, "pressure", add_pressure, &levels);
	return levels.result < 0 ? -e->code : 0;
}

static void drop_pressures(struct virtual *v)
{
	while (v->pressures) {
		struct pressure *p = v->pressures;

		v->pressures = p->next;
		loop_unwatch(v->owner->loop, &p->watch);
		fd_drop(&p->fd);
		free(p);
	}
}

/* ---- its memory ---- */

static void add_level(void *arg, int id, uint64_t value, bool is_share)
{
	struct levels *l = arg;
	int level, *more;

	if (l->result < 0)
		return;
	level = is_share ? memory_level_share(l->v->memory, (unsigned)value, l->e)
			 : memory_level(l->v->memory, value, l->e);
	if (level < 0) {
		l->result = level;
		return;
	}
	more = reallocarray(l->v->level_block, (size_t)level + 1, sizeof *more);
	if (!more) {
		l->result = err_set(l->e, ENOMEM, "out of memory");
		return;
	}
	more[level] = id;
	l->v->level_block = more;
}

int virtual_watch_memory(struct virtual *v, struct err *e)
{
	bool waits = limits_has(&v->spec->limits, LIMIT_OOM) && !v->spec->limits.value[LIMIT_OOM];
	bool guard = waits || v->spec->grow.given || blocks_want(v->blocks, "oom");
	bool limited = limits_has(&v->spec->limits, LIMIT_MEMORY) || limits_has(&v->spec->limits, LIMIT_SWAP);
	struct levels levels = {v, 0, e};
	int r;

	r = watch_pressure(v, e);
	/* Who lowers a limit must be able to hold what comes in between. */
	guard = guard || v->spec->give_back.given;
	v->killed = killed_start(
		v->owner->loop, v->cage, limited || blocks_want(v->blocks, "killed"), guard, &v->killed_owner);
	if (r < 0 || (!guard && !blocks_want(v->blocks, "usage")))
		return r;
	r = memory_start(v->owner->loop, v->owner->host, v->cage, v->spec, guard ? v->owner->choice : NULL,
		&v->memory_owner, &v->memory, e);
	if (r < 0)
		return r;
	blocks_each(v->blocks, "usage", add_level, &levels);
	return levels.result < 0 ? -e->code : 0;
}

void virtual_unwatch_memory(struct virtual *v)
{
	killed_rest(v->killed);
	memory_end(&v->memory);
	drop_pressures(v);
}
