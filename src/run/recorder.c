#include "run/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/text.h"
#include "record/record.h"
#include "run/say.h"

enum { LOOK_MS = 100, STILL_LOOKS = 20, STILL_MS = 250 };

struct recorder {
	struct loop *loop;
	struct alarm alarm;
	const struct cage *cage; /* NULL: not started, or ended */
	struct record *record;	 /* NULL: it could not be written any more */
	char *name;		 /* owned: of the virtual */
	struct record_sample last;
	bool any;	/* last is one */
	unsigned still; /* looks since it in which nothing had changed; last_us is later than it */
	uint64_t last_us;
};

/* ---- a look ---- */

#define USED(name) offsetof(struct cage_usage, name)
static const size_t sources[RECORD_FIGURES] = {
	[FIGURE_MEMORY] = USED(memory_bytes),
	[FIGURE_LIMIT] = USED(memory_limit_bytes),
	[FIGURE_PEAK] = USED(memory_peak_bytes),
	[FIGURE_ANONYMOUS] = USED(parts.anonymous_bytes),
	[FIGURE_FILE] = USED(parts.file_bytes),
	[FIGURE_SHMEM] = USED(parts.shmem_bytes),
	[FIGURE_KERNEL] = USED(parts.kernel_bytes),
	[FIGURE_SWAP] = USED(swap_bytes),
	[FIGURE_CPU] = USED(cpu_us),
	[FIGURE_THROTTLED] = USED(cpu_throttled_us),
	[FIGURE_READ] = USED(io_read_bytes),
	[FIGURE_WRITTEN] = USED(io_write_bytes),
	[FIGURE_PIDS] = USED(pids),
	[FIGURE_MEMORY_WAIT] = USED(memory_wait_us),
	[FIGURE_CPU_WAIT] = USED(cpu_wait_us),
	[FIGURE_IO_WAIT] = USED(io_wait_us),
};

static void look(const struct recorder *r, struct record_sample *ret)
{
	struct cage_usage u;

	cage_usage(r->cage, &u);
	ret->time_us = record_now_us(r->record);
	for (int i = 0; i < RECORD_FIGURES; i++)
		ret->figures[i] = *(const uint64_t *)(const void *)((const char *)&u + sources[i]);
}

/* What is lost is told once; the virtual does not depend on it. */
static void check_written(struct recorder *r, int result, const struct err *e)
{
	if (result == 0)
		return;
	say(r->name, "%s: the recording ends here", e->text);
	record_drop(&r->record);
}

static void add(struct recorder *r, const struct record_sample *s)
{
	struct err e;

	if (r->record)
		check_written(r, record_add_sample(r->record, s, &e), &e);
}

/* Hours in which nothing happens take no room: only how long the latest sample has been true is written.  Before a
 * change it is written once more, so that the picture has a step there and no slope. */
static void take(struct recorder *r)
{
	struct record_sample now;
	struct err e;

	look(r, &now);
	if (r->any && memcmp(now.figures, r->last.figures, sizeof now.figures) == 0) {
		r->still += r->still < STILL_LOOKS;
		r->last_us = now.time_us;
		check_written(r, record_mark(r->record, now.time_us, &e), &e);
		return;
	}
	if (r->still) {
		r->last.time_us = r->last_us;
		add(r, &r->last);
	}
	add(r, &now);
	r->last = now;
	r->any = true;
	r->still = 0;
}

static void rings(struct alarm *a)
{
	struct recorder *r = (struct recorder *)((char *)a - offsetof(struct recorder, alarm));

	if (!r->record)
		return;
	take(r);
	if (r->record)
		loop_set_alarm(r->loop, a, r->still < STILL_LOOKS ? LOOK_MS : STILL_MS);
}

/* ---- events ---- */

static uint64_t number_of(const json_t *event, const char *key)
{
	const json_t *value = json_object_get(event, key);

	return json_is_integer(value) ? (uint64_t)json_integer_value(value) : RECORD_UNKNOWN;
}

static void add_text(char *text, size_t size, const char *format, const char *word)
{
	size_t used = strlen(text);

	if (word)
		snprintf(text + used, size - used, format, word);
}

/* "eat, pid 123", "signal 9", "memory, swap": what is there, for people. */
static void describe(const json_t *event, char *text, size_t size)
{
	const json_t *victim = json_array_get(json_object_get(event, "victims"), 0);
	uint64_t pid = number_of(victim, "pid"), signal = number_of(event, "signal");
	const char *key;
	json_t *value;

	*text = '\0';
	add_text(text, size, "%s", json_string_value(json_object_get(victim, "name")));
	if (pid != RECORD_UNKNOWN)
		snprintf(text + strlen(text), size - strlen(text), ", pid %llu", (unsigned long long)pid);
	if (signal != RECORD_UNKNOWN)
		snprintf(text, size, "signal %llu", (unsigned long long)signal);
	add_text(text, size, "%s", json_string_value(json_object_get(event, "direction")));
	json_object_foreach (json_object_get(event, "changed"), key, value)
		add_text(text, size, *text ? ", %s" : "%s", key);
	text_tidy(text); /* a character that was cut in two */
}

static uint64_t value_of(const json_t *event)
{
	uint64_t status = number_of(event, "status");

	return status == RECORD_UNKNOWN ? number_of(event, "processes") : status;
}

void recorder_event(struct recorder *r, const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	struct record_event entry = {.usage_bytes = number_of(event, "usage"),
		.limit_bytes = number_of(event, "limit"),
		.before_bytes = RECORD_UNKNOWN,
		.value = value_of(event)};
	struct err e;

	if (!r || !r->record || !r->cage || !type)
		return;
	if (r->any)
		entry.before_bytes = r->last.figures[FIGURE_LIMIT];
	snprintf(entry.type, sizeof entry.type, "%s", type);
	describe(event, entry.text, sizeof entry.text);
	entry.time_us = record_now_us(r->record);
	check_written(r, record_add_event(r->record, &entry, &e), &e);
	/* A full cage may be held for this event: it is let go before the next turn. */
	loop_set_alarm(r->loop, &r->alarm, 0);
}

/* ---- beginning and end ---- */

/* The folder of all recordings is made when there is the first one. */
static int make_folder(const char *path, struct err *e)
{
	if (strncmp(path, RECORD_FOLDER "/", sizeof RECORD_FOLDER) == 0 && mkdir(RECORD_FOLDER, 0755) < 0 &&
		errno != EEXIST)
		return err_sys(e, "make %s", RECORD_FOLDER);
	return 0;
}

static void describe_virtual(const struct spec *s, const char *host_kind, struct record_header *ret)
{
	*ret = (struct record_header){
		.interval_us = LOOK_MS * 1000, .sample_capacity = RECORD_SAMPLES, .event_capacity = RECORD_EVENTS};
	snprintf(ret->name, sizeof ret->name, "%s", s->name);
	snprintf(ret->kind, sizeof ret->kind, "%s", host_kind);
	if (s->argv)
		snprintf(ret->command, sizeof ret->command, "%s", s->argv[0]);
}

int recorder_open(struct loop *l, const struct spec *s, const char *host_kind, struct undo *u, struct recorder **ret,
	struct err *e)
{
	AUTO(recorder_drop) struct recorder *r = NULL;
	struct record_header header;
	int result;

	if (!s->record)
		return 0;
	r = calloc(1, sizeof *r);
	if (!r)
		return err_set(e, ENOMEM, "out of memory");
	r->loop = l;
	r->alarm.ring = rings;
	r->name = strdup(s->name);
	if (!r->name)
		return err_set(e, ENOMEM, "out of memory");
	describe_virtual(s, host_kind, &header);
	result = make_folder(s->record, e);
	if (result == 0)
		result = record_create(s->record, &header, u, &r->record, e);
	if (result < 0)
		return err_while(e, "record");
	*ret = r;
	r = NULL;
	return 0;
}

int recorder_start(struct recorder *r, const struct cage *c, struct err *e)
{
	int result;

	if (!r)
		return 0;
	result = record_publish(r->record, e);
	if (result < 0)
		return err_while(e, "record");
	r->cage = c;
	rings(&r->alarm);
	return 0;
}

static void end(struct recorder *r)
{
	if (!r->cage)
		return;
	loop_clear_alarm(r->loop, &r->alarm);
	if (r->record)
		take(r);
	r->cage = NULL;
}

void recorder_drop(struct recorder **recorder)
{
	struct recorder *r = *recorder;

	if (!r)
		return;
	end(r);
	record_drop(&r->record);
	free(r->name);
	free(r);
	*recorder = NULL;
}
