/* Any file as a recording: it is refused, or what is read of it is in order and can be drawn.  The first byte says
 * whether the sums are put right before, for no fuzzer finds them. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plot/plot.h"
#include "record/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend_entries(char *bytes, size_t entry_bytes, uint64_t count)
{
	size_t words = entry_bytes / 8 - ENTRY_HEAD_WORDS;

	for (uint64_t i = 0; i < count; i++, bytes += entry_bytes)
		format_put(bytes + 8, format_sum(bytes + ENTRY_HEAD_WORDS * 8, words, format_get(bytes)));
}

/* Makes it a whole file of a few entries. */
static void mend(char *bytes, size_t size)
{
	uint64_t samples = (size - HEADER_BYTES) / (SAMPLE_BYTES + EVENT_BYTES), events = samples;
	const uint64_t words[] = {VERSION_NOW, 0, HEADER_BYTES, SAMPLE_BYTES, samples, EVENT_BYTES, events};

	memcpy(bytes, FORMAT_MAGIC, 8);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		format_put(bytes + (WORD_VERSION + i) * 8, words[i]);
	format_put(bytes + WORD_SUM * 8, format_sum(bytes, MARK_AT / 8, 0));
	format_put(bytes + MARK_AT + 8, format_sum(bytes + MARK_AT, 1, 0));
	mend_entries(bytes + HEADER_BYTES, SAMPLE_BYTES, samples);
	mend_entries(bytes + HEADER_BYTES + samples * SAMPLE_BYTES, EVENT_BYTES, events);
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
		if (i == 0 && (strstr(text, "nan") || strstr(text, "inf")))
			abort();
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole = size ? size - 1 : 0;
	char *bytes = malloc(whole + 1);
	struct recording r;
	struct err e;

	if (!bytes)
		return 0;
	memcpy(bytes, data + (size ? 1 : 0), whole);
	if (size && data[0] & 1 && whole >= HEADER_BYTES + SAMPLE_BYTES + EVENT_BYTES) {
		whole -= (whole - HEADER_BYTES) % (SAMPLE_BYTES + EVENT_BYTES);
		mend(bytes, whole);
	}
	if (record_decode(bytes, whole, "FILE", &r, &e) == 0) {
		check(&r);
		draw(&r);
		record_free(&r);
	} else if (r.samples || r.events || !strstr(e.text, "FILE")) {
		abort();
	}
	free(bytes);
	return 0;
}
