#include "run/killed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"
#include "run/event_text.h"
#include "run/memory.h"
#include "run/say.h"

enum {
	FIRST_MS = 1,	   /* pause between looks; doubles */
	LONGEST_MS = 1024, /* the last */
	LOOKS_SETTLED = 3, /* by then the kernel has written what it had begun */
	LOOKS_MAX = 8,	   /* 255 ms: more is not to be had */
	TEXT = 1000
};

struct killed {
	struct loop *loop;
	const struct cage *cage;
	struct killed_owner *owner;
	struct victims *victims;
	bool guard;
	int bell; /* or -1 */
	uint32_t bell_events;
	struct watch watch;
	struct alarm alarm;
	unsigned pause_ms; /* the next */
	uint64_t told;
	unsigned looks; /* since the count has risen */
	bool is_full;
	struct cage_usage full;
	bool mixed; /* causes */
	struct kills all;
};

#define OWNER_OF(pointer, field) ((struct killed *)((char *)(pointer)-offsetof(struct killed, field)))

/* ---- telling ---- */

static bool has_parts(const struct cage_parts *p)
{
	return p->anonymous_bytes != UINT64_MAX;
}

/* What all victims together had. */
static void add_up(struct kills *k)
{
	struct cage_parts sum = {.kernel_bytes = UINT64_MAX};

	if (k->known == 0 || k->known != k->count)
		return;
	for (size_t i = 0; i < k->known; i++) {
		const struct cage_parts *p = &k->victims[i].parts;

		if (p->anonymous_bytes == UINT64_MAX || p->file_bytes == UINT64_MAX || p->shmem_bytes == UINT64_MAX)
			return;
		sum.anonymous_bytes += p->anonymous_bytes;
		sum.file_bytes += p->file_bytes;
		sum.shmem_bytes += p->shmem_bytes;
	}
	k->parts = sum;
}

/* The best that is known: the kernel's own report; what was in the cage when it was held; what the victims had. */
static void complete(const struct killed *w, struct kills *k)
{
	bool own = k->cause == KILL_OWN || (k->cause == KILL_UNKNOWN && !k->not_own);

	if (w->is_full && own && !k->group[0]) {
		if (k->usage_bytes == UINT64_MAX)
			k->usage_bytes = w->full.memory_bytes;
		if (!has_parts(&k->parts))
			k->parts = w->full.parts;
	}
	if (!has_parts(&k->parts))
		add_up(k);
}

static void keep(struct killed *w, const struct kills *k)
{
	struct kills before = w->all;

	w->mixed |= before.count > 0 && before.cause != k->cause;
	w->all = *k;
	w->all.count += before.count;
	w->all.known = before.known;
	memcpy(w->all.victims, before.victims, sizeof before.victims);
	for (size_t i = 0; i < k->known && w->all.known < VICTIMS_MAX; i++)
		w->all.victims[w->all.known++] = k->victims[i];
}

static void tell(struct killed *w, uint64_t count)
{
	struct kills k;

	victims_take(w->victims, count, &k);
	complete(w, &k);
	keep(w, &k);
	w->is_full = false;
	w->told += count;
	w->looks = 0;
	w->owner->killed(w->owner, &k);
}

/* ---- looking ---- */

/* Without the log a kill on v1 may have been a decoy's, until that one has told us. */
static bool is_enough(const struct killed *w, uint64_t count, size_t ours, size_t strays)
{
	if (ours >= count || w->looks >= LOOKS_MAX)
		return true;
	if (!victims_can_read(w->victims))
		return !w->guard && w->looks >= LOOKS_SETTLED;
	return ours + strays == count && w->looks >= LOOKS_SETTLED;
}

bool killed_look(struct killed *w)
{
	uint64_t kills = w ? cage_oom_kills(w->cage) : 0;
	size_t ours, strays;

	if (!w)
		return true;
	if (kills > w->told) {
		ours = victims_look(w->victims, &strays);
		kills = cage_oom_kills(w->cage); /* whom the log tells of has been counted by now */
	}
	if (kills <= w->told) {
		w->told = kills; /* on v1 a decoy's counts until the guard has said so, and then no more */
		w->looks = 0;
		return true;
	}
	w->looks++;
	if (!is_enough(w, kills - w->told, ours, strays))
		return false;
	tell(w, kills - w->told);
	return true;
}

static void rewatch(struct killed *w)
{
	struct err ignored; /* then the end tells */

	if (w->bell >= 0 && w->watch.fd < 0)
		loop_watch(w->loop, &w->watch, w->bell, w->bell_events, &ignored);
}

static void look_later(struct killed *w)
{
	if (w->pause_ms > LONGEST_MS) {
		rewatch(w);
		return;
	}
	loop_set_alarm(w->loop, &w->alarm, w->pause_ms);
	w->pause_ms *= 2;
}

static void alarm_rings(struct alarm *a)
{
	struct killed *w = OWNER_OF(a, alarm);
	uint64_t told = w->told;

	killed_look(w);
	if (w->told > told)
		rewatch(w);
	else
		look_later(w);
}

void killed_soon(struct killed *w)
{
	if (!w)
		return;
	killed_look(w);
	w->pause_ms = FIRST_MS;
	look_later(w);
}

/* On v1 the bell rings again and again while nobody is killed: it is not listened to until the looks are over. */
static void bell_rings(struct watch *watch, uint32_t events)
{
	struct killed *w = OWNER_OF(watch, watch);
	int r = cage_heard_kill(w->bell);

	loop_unwatch(w->loop, watch);
	if (r < 0)
		fd_drop(&w->bell);
	else
		killed_soon(w);
}

void killed_full(struct killed *w, const struct cage_usage *u)
{
	if (!w)
		return;
	w->is_full = u != NULL;
	if (u)
		w->full = *u;
	else
		victims_forget_full(w->victims);
}

/* ---- beginning and end ---- */

struct killed *killed_start(struct loop *l, const struct cage *c, bool watch, bool guard, struct killed_owner *o)
{
	struct killed *w = calloc(1, sizeof *w);
	struct err ignored;

	if (!w)
		return NULL;
	*w = (struct killed){.loop = l,
		.cage = c,
		.owner = o,
		.guard = guard,
		.bell = -1,
		.watch = {-1, bell_rings},
		.alarm.ring = alarm_rings,
		.victims = victims_open(c)};
	if (!w->victims) {
		free(w);
		return NULL;
	}
	if (watch)
		w->bell = cage_open_kills(c, &w->bell_events, &ignored);
	rewatch(w);
	return w;
}

void killed_rest(struct killed *w)
{
	if (!w)
		return;
	loop_clear_alarm(w->loop, &w->alarm);
	loop_unwatch(w->loop, &w->watch);
	fd_drop(&w->bell);
}

void killed_drop(struct killed **killed)
{
	struct killed *w = *killed;

	if (!w)
		return;
	killed_rest(w);
	victims_drop(&w->victims);
	free(w);
	*killed = NULL;
}

const struct kills *killed_all(const struct killed *w)
{
	return w && w->all.count ? &w->all : NULL;
}

/* ---- showing ---- */

static json_t *victim_json(const struct victim *v)
{
	json_t *o = json_pack("{s:i, s:s}", "pid", (int)v->pid, "name", v->name);

	memory_set_parts(o, &v->parts);
	return o;
}

json_t *killed_json(const struct kills *k)
{
	json_t *victims = json_array(), *o;

	for (size_t i = 0; i < k->known; i++)
		json_array_append_new(victims, victim_json(&k->victims[i]));
	o = json_pack("{s:I, s:o, s:s}", "processes", (json_int_t)k->count, "victims", victims, "cause",
		kill_cause_names[k->cause]);
	if (k->group[0])
		json_object_set_new(o, "group", json_string(k->group));
	memory_set_known(o, "group_limit", k->group_limit_bytes);
	memory_set_known(o, "usage", k->usage_bytes);
	memory_set_parts(o, &k->parts);
	return o;
}

static void print_parts(FILE *out, const struct cage_parts *p)
{
	const struct {
		const char *word;
		uint64_t bytes;
	} parts[] = {{"anonymous", p->anonymous_bytes}, {"file", p->file_bytes}, {"shmem", p->shmem_bytes},
		{"kernel", p->kernel_bytes}};
	const char *before = ";";
	char size[16];

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (parts[i].bytes == UINT64_MAX)
			continue;
		fprintf(out, "%s %s %s", before, parts[i].word, print_size(size, sizeof size, parts[i].bytes));
		before = ",";
	}
}

/* What the counts of the groups say where the kernel's log does not. */
static const char *vague_cause(const struct kills *k, bool mixed)
{
	if (k->cause != KILL_UNKNOWN || k->group[0])
		return "";
	return k->not_own ? " by an outer limit or the host" : mixed ? " by an unknown limit" : "";
}

static void print_kills(FILE *out, const struct killed *w, const struct kills *k, bool mixed)
{
	char usage[16], limit[16], peak[16];
	struct cage_usage last;
	json_t *kill = killed_json(k);

	cage_memory(w->cage, &last);
	fprintf(out, "%llu process%s", (unsigned long long)k->count, k->count == 1 ? "" : "es");
	event_print_kill(out, kill, mixed ? ", the latest" : "");
	fputs(vague_cause(k, mixed), out);
	if (k->usage_bytes != UINT64_MAX)
		fprintf(out, ", usage %s", print_size(usage, sizeof usage, k->usage_bytes));
	fprintf(out, ", limit %s, peak %s", print_size(limit, sizeof limit, last.memory_limit_bytes),
		print_size(peak, sizeof peak, last.memory_peak_bytes));
	print_parts(out, &k->parts);
	json_decref(kill);
}

static void say_kills(const struct killed *w, const struct kills *k, bool mixed, const char *name)
{
	char text[TEXT] = "";
	FILE *out = fmemopen(text, sizeof text, "w");

	if (out) {
		print_kills(out, w, k, mixed);
		fclose(out);
	}
	say(name, "killed for memory by the kernel: %s", text);
}

void killed_say(const struct killed *w, const char *name)
{
	if (killed_all(w))
		say_kills(w, &w->all, w->mixed, name);
}

void killed_say_these(const struct killed *w, const struct kills *k, const char *name)
{
	say_kills(w, k, false, name);
}
