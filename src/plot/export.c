/* The figures of recordings, for other programs. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "plot/plot.h"

static void put_seconds(FILE *out, uint64_t us)
{
	fprintf(out, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

/* ---- JSON ---- */

static void put_text(FILE *out, const char *text)
{
	json_t *value = json_string(text);

	if (!value || json_dumpf(value, out, JSON_ENCODE_ANY) < 0)
		fputs("null", out);
	json_decref(value);
}

static void put_member(FILE *out, const char *key, uint64_t value)
{
	if (value != RECORD_UNKNOWN)
		fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

static void put_sample(FILE *out, const struct record_sample *s)
{
	fputs("{\"seconds\":", out);
	put_seconds(out, s->time_us);
	for (int i = 0; i < RECORD_FIGURES; i++)
		put_member(out, record_figure_names[i], s->figures[i]);
	fputc('}', out);
}

static void put_event(FILE *out, const struct record_event *event)
{
	fputs("{\"seconds\":", out);
	put_seconds(out, event->time_us);
	fputs(",\"type\":", out);
	put_text(out, event->type);
	if (*event->text) {
		fputs(",\"text\":", out);
		put_text(out, event->text);
	}
	put_member(out, "usage", event->usage_bytes);
	put_member(out, "limit", event->limit_bytes);
	put_member(out, "limit_before", event->before_bytes);
	put_member(out, "value", event->value);
	fputc('}', out);
}

static void put_recording(FILE *out, const struct recording *r)
{
	fputs("{\"name\":", out);
	put_text(out, r->header.name);
	fputs(",\"command\":", out);
	put_text(out, r->header.command);
	fputs(",\"cgroup\":", out);
	put_text(out, r->header.kind);
	fputs(",\"started\":", out);
	put_seconds(out, r->header.started_us);
	fputs(",\"seconds\":", out);
	put_seconds(out, r->until_us);
	fputs(",\"interval\":", out);
	put_seconds(out, r->header.interval_us);
	fprintf(out, ",\"is_written\":%s,\"is_cut\":%s,\n\"samples\":[", r->is_written ? "true" : "false",
		r->is_cut ? "true" : "false");
	for (size_t i = 0; i < r->sample_count; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_sample(out, &r->samples[i]);
	}
	fputs("],\n\"events\":[", out);
	for (size_t i = 0; i < r->event_count; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_event(out, &r->events[i]);
	}
	fputs("]}", out);
}

void plot_json(FILE *out, const struct recording *list, size_t count)
{
	if (count > 1)
		fputc('[', out);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ",\n" : "", out);
		put_recording(out, &list[i]);
	}
	fputs(count > 1 ? "]\n" : "\n", out);
}

/* ---- CSV (RFC 4180) ---- */

/* What begins like a formula would be one in a spreadsheet, and names are not ours. */
static void put_field(FILE *out, const char *text)
{
	fputc('"', out);
	if (*text && strchr("=+-@", *text))
		fputc('\'', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void begin_line(FILE *out, const struct recording *r, uint64_t time_us)
{
	put_field(out, r->header.name);
	fputc(',', out);
	put_seconds(out, r->header.started_us + time_us);
	fputc(',', out);
	put_seconds(out, time_us);
}

static void put_number(FILE *out, uint64_t value)
{
	fputc(',', out);
	if (value != RECORD_UNKNOWN)
		fprintf(out, "%" PRIu64, value);
}

static void put_sample_line(FILE *out, const struct recording *r, const struct record_sample *s)
{
	begin_line(out, r, s->time_us);
	for (int i = 0; i < RECORD_FIGURES; i++)
		put_number(out, s->figures[i]);
	fputs(",,,\r\n", out);
}

static void put_event_line(FILE *out, const struct recording *r, const struct record_event *event)
{
	begin_line(out, r, event->time_us);
	for (int i = 0; i < RECORD_FIGURES; i++)
		put_number(out, i == FIGURE_MEMORY  ? event->usage_bytes
				: i == FIGURE_LIMIT ? event->limit_bytes
						    : RECORD_UNKNOWN);
	fputc(',', out);
	put_field(out, event->type);
	fputc(',', out);
	put_field(out, event->text);
	put_number(out, event->value);
	fputs("\r\n", out);
}

static void put_lines(FILE *out, const struct recording *r)
{
	size_t s = 0, e = 0;

	while (s < r->sample_count || e < r->event_count)
		if (e < r->event_count && (s == r->sample_count || r->events[e].time_us <= r->samples[s].time_us))
			put_event_line(out, r, &r->events[e++]);
		else
			put_sample_line(out, r, &r->samples[s++]);
}

void plot_csv(FILE *out, const struct recording *list, size_t count)
{
	fputs("name,time,seconds", out);
	for (int i = 0; i < RECORD_FIGURES; i++)
		fprintf(out, ",%s", record_figure_names[i]);
	fputs(",event,text,value\r\n", out);
	for (size_t i = 0; i < count; i++)
		put_lines(out, &list[i]);
}
