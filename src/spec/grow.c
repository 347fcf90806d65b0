/* :grow => { :step => "64M", :ceiling => "2G", ... } */
#include <stdio.h>
#include <string.h>

#include "spec/row.h"

/* "90%" of something: 1..100. */
static bool read_percent(struct reader *r, const json_t *value, unsigned *ret)
{
	const char *text = json_string_value(value);
	unsigned percent;
	char rest;

	if (text && sscanf(text, "%3u%c", &percent, &rest) == 2 && rest == '%' && text[strlen(text) - 1] == '%' &&
		percent >= 1 && percent <= 100) {
		*ret = percent;
		return true;
	}
	fault(r, "%s is not a share like \"90%%\"", shown(value).text);
	return false;
}

static void read_size_into(struct reader *r, const json_t *value, void *field)
{
	value_size(r, value, false, field);
}

static void read_percent_into(struct reader *r, const json_t *value, void *field)
{
	read_percent(r, value, field);
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
} parts[] = {
	{"step", offsetof(struct grow, step_bytes), read_size_into},
	{"ceiling", offsetof(struct grow, ceiling_bytes), read_size_into},
	{"reserve", offsetof(struct grow, reserve_bytes), read_size_into},
	{"at", offsetof(struct grow, at_percent), read_percent_into},
	{"cooldown", offsetof(struct grow, cooldown_ms), read_seconds_into},
};
enum { PARTS = sizeof parts / sizeof *parts };

static void read_part(struct reader *r, const char *key, const json_t *value)
{
	const char *words[PARTS + 1] = {NULL};

	for (int i = 0; i < PARTS; i++) {
		words[i] = parts[i].key;
		if (strcmp(parts[i].key, key) != 0)
			continue;
		r->inside = key;
		parts[i].read(r, value, (char *)&r->spec->grow + parts[i].offset);
		r->inside = NULL;
		return;
	}
	fault(r, "unknown key :%.48s%s", key, nearest(key, words).text);
}

void read_grow(struct reader *r, const struct row *row, const json_t *value)
{
	const char *key;
	json_t *part;

	if (!json_is_object(value)) {
		fault(r, "%s is not a hash like { :step => \"64M\", :ceiling => \"2G\" }", shown(value).text);
		return;
	}
	r->spec->grow = GROW_DEFAULTS;
	r->spec->grow.given = true;
	json_object_foreach ((json_t *)value, key, part)
		read_part(r, key, part);
}

/* What needs the other keys to be read. */
void finish_grow(struct reader *r)
{
	const struct grow *g = &r->spec->grow;
	const struct limits *l = &r->spec->limits;
	bool limited = limits_has(l, LIMIT_MEMORY) && l->value[LIMIT_MEMORY] != SIZE_NO_LIMIT;

	r->section = spec_section_names[SPEC_RESOURCE];
	r->key = "grow";
	if (!g->given || is_faulty(r, "grow") || is_faulty(r, "memory") || is_faulty(r, "mem"))
		return;
	if (!limited)
		fault(r, "needs :memory, the limit that it raises");
	else if (!g->ceiling_bytes)
		fault(r, "needs :ceiling, how high it may go");
	else if (g->ceiling_bytes < l->value[LIMIT_MEMORY])
		fault(r, "the ceiling is below :memory");
	else if (g->step_bytes < 1 << 20)
		fault(r, "a step is at least 1M");
}

json_t *write_grow(const struct spec *s, const struct row *row)
{
	const struct grow *g = &s->grow;

	if (!g->given)
		return NULL;
	return json_pack("{s:I, s:I, s:I, s:o, s:i}", "step", (json_int_t)g->step_bytes, "ceiling",
		(json_int_t)g->ceiling_bytes, "reserve", (json_int_t)g->reserve_bytes, "at",
		json_sprintf("%u%%", g->at_percent), "cooldown", (int)(g->cooldown_ms / 1000));
}
