/* Any file as a recording: it is refused, or what is read of it is in order and can be drawn.  No fuzzer finds a header
 * with its sum, so the first byte may say that what follows is made into a file: its bytes fill names and entries. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plot/plot.h"
#include "record/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WHOLE = 1, NUMBERED = 2, ORDERED = 4, NAMES = 344 };

/* Sums are put right; so are numbers and times, where they are to be. */
static void mend_entries(char *bytes, size_t entry_bytes, uint64_t count, int how)
{
	size_t words = entry_bytes / 8 - ENTRY_HEAD_WORDS;
	uint64_t time_us = 0;

	for (uint64_t i = 0; i < count; i++, bytes += entry_bytes) {
		char *first = bytes + ENTRY_HEAD_WORDS * 8;

		if (how & NUMBERED)
			format_put(bytes, i + 1 + (format_get(bytes) & 1) * count);
		if (how & ORDERED)
			format_put(first, time_us += format_get(first) & 0xfffffff);
		format_put(bytes + 8, format_sum(first, words, format_get(bytes)));
	}
}

/* The whole file; the caller's. */
static char *make(const uint8_t *data, size_t size, int how, size_t *ret_size)
{
	size_t names = size < NAMES ? size : NAMES, rest = size - names;
	uint64_t count = rest / (SAMPLE_BYTES + EVENT_BYTES) + 1;
	const uint64_t words[] = {
		VERSION_NOW, 0, HEADER_BYTES, SAMPLE_BYTES, count, EVENT_BYTES, count, 1 + (uint64_t)size};
	char *bytes = calloc(1, *ret_size = HEADER_BYTES + count * (SAMPLE_BYTES + EVENT_BYTES));

	if (!bytes)
		abort();
	memcpy(bytes, FORMAT_MAGIC, 8);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		format_put(bytes + (WORD_VERSION + i) * 8, words[i]);
	memcpy(bytes + WORD_STARTED * 8, data, names);
	format_put(bytes + WORD_SUM * 8, format_sum(bytes, MARK_AT / 8, 0));
	format_mark(bytes + MARK_AT, names > 8 ? format_get(bytes + WORD_STARTED * 8) & 0xffffffffffff : 0);
	memcpy(bytes + HEADER_BYTES, data + names, rest);
	mend_entries(bytes + HEADER_BYTES, SAMPLE_BYTES, count, how);
	mend_entries(bytes + HEADER_BYTES + count * SAMPLE_BYTES, EVENT_BYTES, count, how);
	return bytes;
}

static void check_text(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		abort();
	for (size_t length; *text; text += length) {
		length = text_character(text);
		if (length == 0 || (unsigned char)*text < 0x20)
			abort();
	}
}

static void check(const struct recording *r)
{
	for (size_t i = 0; i < r->sample_count; i++)
		if (r->samples[i].time_us > r->until_us || (i && r->samples[i].time_us < r->samples[i - 1].time_us))
			abort();
	for (size_t i = 0; i < r->event_count; i++) {
		check_text(r->events[i].type, RECORD_TYPE);
		check_text(r->events[i].text, RECORD_TEXT);
		if (r->events[i].time_us > r->until_us || (i && r->events[i].time_us < r->events[i - 1].time_us))
			abort();
	}
	check_text(r->header.name, RECORD_NAME);
}

/* Quotes are escaped in texts, so these are where a number belongs. */
static void check_numbers(const char *svg)
{
	static const char *const wrong[] = {"\"nan", "\"-nan", "\"inf", "\"-inf", "\"Mnan", "\"M-nan", "\"Minf"};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (strstr(svg, wrong[i]))
			abort();
}

static void draw(const struct recording *r)
{
	static void (*const forms[])(FILE * out, const struct recording *list, size_t count) = {
		plot_svg, plot_csv, plot_json};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		char *text = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		forms[i](out, r, 1);
		fclose(out);
		if (i == 0)
			check_numbers(text);
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int how = size ? data[0] : 0;
	char *bytes;
	struct recording r;
	struct err e;

	if (how & WHOLE) {
		bytes = make(data + 1, size - 1, how, &size);
	} else {
		bytes = malloc(size + 1);
		if (!bytes)
			return 0;
		memcpy(bytes, data, size);
	}
	if (record_decode(bytes, size, "FILE", &r, &e) == 0) {
		check(&r);
		draw(&r);
		record_free(&r);
	} else if (r.samples || r.events || !strstr(e.text, "FILE")) {
		abort();
	}
	free(bytes);
	return 0;
}
