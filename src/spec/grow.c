/* What becomes of a full cage: :guard => "auto", :grow => { :step => "64M", :ceiling => "2G", ... }, :give_back =>
 * { :floor => "128M", ... } */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "spec/row.h"

/* "90%" of something: 1..100. */
static bool is_percent(const json_t *value, unsigned *ret)
{
	const char *text = json_string_value(value);
	unsigned percent;
	char rest;

	if (!text || sscanf(text, "%3u%c", &percent, &rest) != 2 || rest != '%' || text[strlen(text) - 1] != '%' ||
		percent < 1 || percent > 100)
		return false;
	*ret = percent;
	return true;
}

static void read_size_into(struct reader *r, const json_t *value, void *field)
{
	value_size(r, value, false, field);
}

static void read_percent_into(struct reader *r, const json_t *value, void *field)
{
	if (!is_percent(value, field))
		fault(r, "%s is not a share like \"90%%\"", shown(value).text);
}

/* nil, or in an option "none": never. */
static void read_stall_into(struct reader *r, const json_t *value, void *field)
{
	const char *text = json_string_value(value);

	if (json_is_null(value) || (text && strcmp(text, "none") == 0))
		*(unsigned *)field = 0;
	else if (!is_percent(value, field))
		fault(r, "%s is neither a share like \"10%%\" nor \"none\"", shown(value).text);
}

static void read_seconds_into(struct reader *r, const json_t *value, void *field)
{
	uint64_t seconds;

	if (value_count(r, value, 0, 86400, &seconds))
		*(unsigned *)field = (unsigned)seconds * 1000;
}

static const struct part {
	const char *key;
	size_t offset;
	void (*read)(struct reader *r, const json_t *value, void *field);
} grow_parts[] =
	{
		{"step", offsetof(struct grow, step_bytes), read_size_into},
		{"ceiling", offsetof(struct grow, ceiling_bytes), read_size_into},
		{"reserve", offsetof(struct grow, reserve_bytes), read_size_into},
		{"at", offsetof(struct grow, at_percent), read_percent_into},
		{"stall", offsetof(struct grow, stall_percent), read_stall_into},
		{"cooldown", offsetof(struct grow, cooldown_ms), read_seconds_into},
		{NULL, 0, NULL},
},
  give_back_parts[] = {
	  {"floor", offsetof(struct give_back, floor_bytes), read_size_into},
	  {"after", offsetof(struct give_back, after_ms), read_seconds_into},
	  {NULL, 0, NULL},
};
enum { PARTS_MAX = 8 };

static void read_part(struct reader *r, const struct part *parts, void *into, const char *key, const json_t *value)
{
	const char *words[PARTS_MAX + 1] = {NULL};

	for (int i = 0; parts[i].key; i++) {
		words[i] = parts[i].key;
		if (strcmp(parts[i].key, key) != 0)
			continue;
		r->inside = key;
		parts[i].read(r, value, (char *)into + parts[i].offset);
		r->inside = NULL;
		return;
	}
	fault(r, "unknown key :%.48s%s", key, nearest(key, words).text);
}

static void read_parts(struct reader *r, const struct part *parts, void *into, const json_t *value, const char *example)
{
	const char *key;
	json_t *part;

	if (!json_is_object(value))
		fault(r, "%s is not a hash like %s", shown(value).text, example);
	else
		json_object_foreach ((json_t *)value, key, part)
			read_part(r, parts, into, key, part);
}

void read_grow(struct reader *r, const struct row *row, const json_t *value)
{
	r->spec->grow = GROW_DEFAULTS;
	r->spec->grow.given = true;
	read_parts(r, grow_parts, &r->spec->grow, value, "{ :step => \"64M\", :ceiling => \"2G\" }");
}

void read_give_back(struct reader *r, const struct row *row, const json_t *value)
{
	r->spec->give_back = GIVE_BACK_DEFAULTS;
	r->spec->give_back.given = true;
	read_parts(r, give_back_parts, &r->spec->give_back, value, "{ :floor => \"128M\", :after => 60 }");
}

void read_guard(struct reader *r, const struct row *row, const json_t *value)
{
	int kind = guard_kind_find(json_string_value(value));

	if (kind < 0)
		fault(r, "%s is no kind of guard: there are auto, decoy, pause and wire", shown(value).text);
	else
		r->spec->guard = (enum guard_kind)kind;
}

json_t *write_guard(const struct spec *s, const struct row *row)
{
	return s->guard == GUARD_AUTO ? NULL : json_string(guard_kinds[s->guard].name);
}

static struct shown shown_size(uint64_t bytes)
{
	struct shown ret = {""};

	print_size(ret.text, sizeof ret.text, bytes);
	return ret;
}

enum { GIVE_BACK_LEAST_MS = 1000, STEP_LEAST = 1 << 20 };

static void finish_give_back(struct reader *r, bool limited)
{
	const struct give_back *b = &r->spec->give_back;
	const struct grow *g = &r->spec->grow;
	uint64_t memory = r->spec->limits.value[LIMIT_MEMORY];

	r->key = "give_back";
	if (!b->given || is_faulty(r, "give_back") || is_faulty(r, "memory") || is_faulty(r, "mem"))
		return;
	if (!limited)
		fault(r, "needs :memory, the limit that it lowers");
	else if (!b->floor_bytes)
		fault(r, "needs :floor, how low it may go");
	else if (b->after_ms < GIVE_BACK_LEAST_MS)
		fault(r, "after, %u s, is below the smallest, 1 s", b->after_ms / 1000);
	else if (b->floor_bytes > memory && (!g->given || b->floor_bytes > g->ceiling_bytes) && !is_faulty(r, "grow"))
		fault(r, "the floor, %s, is above %s, %s, so nothing could be given back",
			shown_size(b->floor_bytes).text, g->given ? "the ceiling of :grow" : ":memory",
			shown_size(g->given ? g->ceiling_bytes : memory).text);
}

/* What needs the other keys to be read. */
void finish_grow(struct reader *r)
{
	const struct grow *g = &r->spec->grow;
	uint64_t memory = r->spec->limits.value[LIMIT_MEMORY];
	bool limited = limits_bound_memory(&r->spec->limits);

	r->section = spec_section_names[SPEC_RESOURCE];
	finish_give_back(r, limited);
	r->key = "grow";
	if (!g->given || is_faulty(r, "grow") || is_faulty(r, "memory") || is_faulty(r, "mem"))
		return;
	if (!limited)
		fault(r, "needs :memory, the limit that it raises");
	else if (!g->ceiling_bytes)
		fault(r, "needs :ceiling, how high it may go");
	else if (g->ceiling_bytes < memory)
		fault(r, "the ceiling, %s, is below :memory, %s", shown_size(g->ceiling_bytes).text,
			shown_size(memory).text);
	else if (g->step_bytes < STEP_LEAST)
		fault(r, "the step, %s, is below the smallest, 1M", shown_size(g->step_bytes).text);
}

json_t *write_grow(const struct spec *s, const struct row *row)
{
	const struct grow *g = &s->grow;

	if (!g->given)
		return NULL;
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:i}", "step", (json_int_t)g->step_bytes, "ceiling",
		(json_int_t)g->ceiling_bytes, "reserve", (json_int_t)g->reserve_bytes, "at",
		json_sprintf("%u%%", g->at_percent), "stall",
		g->stall_percent ? json_sprintf("%u%%", g->stall_percent) : json_null(), "cooldown",
		(int)(g->cooldown_ms / 1000));
}

json_t *write_give_back(const struct spec *s, const struct row *row)
{
	const struct give_back *g = &s->give_back;

	if (!g->given)
		return NULL;
	return json_pack("{s:I, s:i}", "floor", (json_int_t)g->floor_bytes, "after", (int)(g->after_ms / 1000));
}
