#include "top/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "base/text.h"
#include "run/event_text.h"

const char *const item_state_names[ITEM_STATES] = {
	[ITEM_STARTING] = "starting",
	[ITEM_RUNNING] = "running",
	[ITEM_PAUSED] = "paused",
	[ITEM_HELD] = "held",
	[ITEM_WAITS] = "full",
	[ITEM_STOPPING] = "stopping",
	[ITEM_CRASHED] = "crashed",
	[ITEM_ENDED] = "ended",
};

static char *copy(const char *text)
{
	char *c = strdup(text);

	if (!c)
		abort();
	return c;
}

static char *tidy(const char *text)
{
	char *c = copy(text);

	text_tidy(c);
	return c;
}

static void replace(char **at, char *with)
{
	free(*at);
	*at = with;
}

/* ---- rates ---- */

/* The latest that is a second old, or the oldest. */
static size_t since(const struct rate *r, uint64_t ms)
{
	size_t at = r->count < RATE_STEPS ? 0 : r->next, oldest = at;

	for (size_t i = 0; i < r->count; i++) {
		size_t n = (oldest + i) % RATE_STEPS;

		if (r->ms[n] + 900 <= ms)
			at = n;
	}
	return at;
}

void rate_add(struct rate *r, uint64_t ms, uint64_t value)
{
	size_t oldest;

	if (value == UINT64_MAX) {
		*r = (struct rate){.per_second = -1};
		return;
	}
	oldest = since(r, ms);
	if (r->count && ms > r->ms[oldest] && value >= r->value[oldest])
		r->per_second = (double)(value - r->value[oldest]) * 1000 / (double)(ms - r->ms[oldest]);
	else
		r->per_second = -1;
	r->ms[r->next] = ms;
	r->value[r->next] = value;
	r->next = (r->next + 1) % RATE_STEPS;
	if (r->count < RATE_STEPS)
		r->count++;
}

/* ---- the list ---- */

static void item_free(struct item *i)
{
	meter_drop(&i->meter);
	fd_drop(&i->supervisor_fd);
	item_forget_events(i);
	free(i->guard);
	free(i->command);
	free(i->label);
	free(i->name);
	free(i);
}

void model_drop(struct model *m)
{
	for (size_t i = 0; i < m->count; i++)
		item_free(m->items[i]);
	free(m->items);
	*m = (struct model){0};
}

struct item *model_add(struct model *m, const char *name, uint64_t inode)
{
	struct item *i = calloc(1, sizeof *i);

	if (m->count == m->room) {
		m->room = m->room ? m->room * 2 : 16;
		m->items = reallocarray(m->items, m->room, sizeof *m->items);
	}
	if (!i || !m->items)
		abort();
	i->name = copy(name);
	i->label = tidy(name);
	i->command = copy("");
	i->inode = inode;
	i->supervisor_fd = -1;
	i->id = ++m->added;
	i->said = ITEM_RUNNING;
	i->started_ms = i->rescues = i->kills = i->cpu_limit_us = i->threads_limit = i->kills_seen = i->frozen_seen =
		UINT64_MAX;
	i->cpu.per_second = i->throttled.per_second = i->io_read.per_second = i->io_write.per_second = -1;
	i->stop_timeout_ms = 10000;
	meter_clear(&i->figures);
	m->items[m->count++] = i;
	return i;
}

void model_remove(struct model *m, struct item *item)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->items[i] == item) {
			memmove(m->items + i, m->items + i + 1, (m->count - i - 1) * sizeof *m->items);
			m->count--;
			item_free(item);
			return;
		}
}

struct item *model_find(const struct model *m, uint64_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->items[i]->id == id)
			return m->items[i];
	return NULL;
}

/* One that has ended may have a successor of its name. */
struct item *model_named(const struct model *m, const char *name)
{
	struct item *found = NULL;

	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->items[i]->name, name) == 0 && (!found || found->state == ITEM_ENDED))
			found = m->items[i];
	return found;
}

/* ---- order ---- */

uint64_t item_share(const struct item *i)
{
	const struct cage_usage *u = &i->figures.usage;

	if (u->memory_bytes == UINT64_MAX || u->memory_limit_bytes == UINT64_MAX)
		return UINT64_MAX;
	return u->memory_limit_bytes ? (uint64_t)((double)u->memory_bytes * 1000 / (double)u->memory_limit_bytes)
				     : 1000;
}

double item_io(const struct item *i)
{
	double r = i->io_read.per_second, w = i->io_write.per_second;

	return r < 0 ? w : w < 0 ? r : r + w;
}

uint64_t item_uptime(const struct item *i, const struct model *m)
{
	return i->started_ms == UINT64_MAX || i->started_ms > m->boot_ms ? UINT64_MAX : m->boot_ms - i->started_ms;
}

static double known(uint64_t value)
{
	return value == UINT64_MAX ? -1 : (double)value;
}

/* What is not known comes after all that is. */
static double weight(const struct item *i, enum order order)
{
	const struct cage_usage *u = &i->figures.usage;

	switch (order) {
	case ORDER_NAME:
	case ORDER_COUNT:
		return 0;
	case ORDER_STATE:
		return (double)i->state;
	case ORDER_MEMORY:
		return known(u->memory_bytes);
	case ORDER_SHARE:
		return known(item_share(i));
	case ORDER_PEAK:
		return known(u->memory_peak_bytes);
	case ORDER_CPU:
		return i->cpu.per_second;
	case ORDER_THROTTLED:
		return i->throttled.per_second;
	case ORDER_IO:
		return item_io(i);
	case ORDER_PRESSURE:
		return known(i->figures.memory.some);
	case ORDER_PROCESSES:
		return known(i->figures.processes);
	case ORDER_RESCUES:
		return known(i->rescues);
	case ORDER_KILLS:
		return known(i->kills);
	case ORDER_UPTIME:
		return i->started_ms == UINT64_MAX ? -1 : -(double)i->started_ms;
	case ORDER_PID:
		return -(double)i->pid;
	}
	return 0;
}

struct by { /* what qsort_r passes on */
	enum order order;
	bool reversed;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	const struct by *by = arg;
	double first = weight(x, by->order), second = weight(y, by->order);
	int r = (first < second) - (first > second);

	if (r == 0) {
		r = strverscmp(x->name, y->name);
		if (r == 0)
			r = (x->id > y->id) - (x->id < y->id);
		return by->order == ORDER_NAME && by->reversed ? -r : r;
	}
	return by->reversed ? -r : r;
}

void model_sort(struct model *m, enum order order, bool reversed)
{
	struct by by = {order, reversed};

	if (m->count > 1)
		qsort_r(m->items, m->count, sizeof *m->items, compare, &by);
}

/* ---- what others say ---- */

static uint64_t whole(const json_t *o, const char *key)
{
	const json_t *value = json_object_get(o, key);

	return json_is_integer(value) && json_integer_value(value) >= 0 ? (uint64_t)json_integer_value(value)
									: UINT64_MAX;
}

static char *command_of(const json_t *description)
{
	const json_t *words = json_object_get(json_object_get(description, "jail"), "cmnd"), *word;
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	json_array_foreach (words, i, word)
		fprintf(out, "%s%s", i ? " " : "", json_is_string(word) ? json_string_value(word) : "?");
	fclose(out);
	text_tidy(text);
	return text;
}

void item_take_state(struct item *i, const json_t *state, uint64_t boot_ms, uint64_t now_seconds)
{
	uint64_t start = whole(state, "pid_start"), started = whole(state, "started");
	const json_t *description = json_object_get(state, "description");
	const json_t *timeout = json_object_get(description, "stop_timeout");

	i->pid = (pid_t)json_integer_value(json_object_get(state, "pid"));
	i->supervisor = (pid_t)json_integer_value(json_object_get(state, "supervisor"));
	/* The clock of the day may have been set since. */
	if (start != UINT64_MAX && start > 0)
		i->started_ms = start * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	else if (started <= now_seconds && (now_seconds - started) * 1000 <= boot_ms)
		i->started_ms = boot_ms - (now_seconds - started) * 1000;
	if (json_is_number(timeout) && json_number_value(timeout) >= 0 && json_number_value(timeout) <= 1e6)
		i->stop_timeout_ms = (unsigned)(json_number_value(timeout) * 1000);
	replace(&i->command, command_of(description));
}

static enum item_state state_said(const json_t *v)
{
	const char *state = json_string_value(json_object_get(v, "state"));

	if (!state)
		return ITEM_RUNNING;
	if (strcmp(state, "clearing") == 0)
		return ITEM_STOPPING;
	for (int i = 0; i < ITEM_STATES; i++)
		if (strcmp(state, item_state_names[i]) == 0)
			return (enum item_state)i;
	return ITEM_STARTING;
}

static void take_guard(struct item *i, const json_t *guard)
{
	const char *kind = json_string_value(json_object_get(guard, "mechanism"));

	if (kind)
		replace(&i->guard, tidy(kind));
}

void item_take_show(struct item *i, const json_t *v)
{
	const json_t *usage = json_object_get(v, "usage"), *counts = json_object_get(v, "counts");
	const json_t *resource = json_object_get(json_object_get(v, "description"), "resource");
	const char *cpu = json_string_value(json_object_get(resource, "cpu"));
	uint64_t rescues = whole(counts, "rescued");

	i->asked_once = true;
	i->silent = false;
	i->said = state_said(v);
	i->kills = whole(usage, "oom_kills");
	i->rescues = counts ? (rescues == UINT64_MAX ? 0 : rescues) : UINT64_MAX;
	i->threads_limit = whole(resource, "pids");
	if (!cpu || parse_cpu(cpu, &i->cpu_limit_us) < 0)
		i->cpu_limit_us = UINT64_MAX;
	take_guard(i, json_object_get(v, "guard"));
}

void item_forget_events(struct item *i)
{
	for (size_t n = 0; n < EVENTS_KEPT; n++)
		replace(&i->events[n], NULL);
	i->events_count = i->events_next = 0;
}

void item_take_event(struct item *i, const json_t *event)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	event_print(out, event, EVENT_CLOCK, NULL);
	fclose(out);
	text_tidy(text);
	replace(&i->events[i->events_next], text);
	i->events_next = (i->events_next + 1) % EVENTS_KEPT;
	if (i->events_count < EVENTS_KEPT)
		i->events_count++;
}

const char *item_event(const struct item *i, size_t from_last)
{
	if (from_last >= i->events_count)
		return NULL;
	return i->events[(i->events_next + 2 * EVENTS_KEPT - 1 - from_last) % EVENTS_KEPT];
}

/* ---- figures ---- */

static enum item_state state_now(const struct item *i)
{
	if (i->state == ITEM_CRASHED || i->state == ITEM_ENDED)
		return i->state;
	if (i->figures.frozen == 1 && i->said == ITEM_RUNNING)
		return ITEM_PAUSED;
	/* It has been thawed since. */
	if (i->figures.frozen == 0 && i->said == ITEM_PAUSED)
		return ITEM_RUNNING;
	return i->said;
}

void item_figured(struct item *i, uint64_t now_ms, bool dear)
{
	const struct cage_usage *u = &i->figures.usage;
	uint64_t last =
		i->history.recent_count
			? i->history.recent[(i->history.recent_next + HISTORY_POINTS - 1) % HISTORY_POINTS].limit_k
			: 0;
	bool limit_moved = i->history.recent_count && last != UINT32_MAX && u->memory_limit_bytes / 1024 != last;

	if (dear) {
		rate_add(&i->cpu, now_ms, u->cpu_us);
		rate_add(&i->throttled, now_ms, u->cpu_throttled_us);
		rate_add(&i->io_read, now_ms, u->io_read_bytes);
		rate_add(&i->io_write, now_ms, u->io_write_bytes);
	}
	history_add(&i->history, now_ms, u->memory_bytes, u->memory_limit_bytes);
	if (limit_moved || i->kills_seen != u->oom_kills || i->frozen_seen != i->figures.frozen)
		i->ask_reason++;
	i->kills_seen = u->oom_kills;
	i->frozen_seen = i->figures.frozen;
	i->state = i->pid ? state_now(i) : i->state;
}
