#include "record/format.h"

#include <endian.h>
#include <string.h>

#include "base/text.h"

const char *const record_figure_names[RECORD_FIGURES] = {
	[FIGURE_MEMORY] = "memory",
	[FIGURE_LIMIT] = "limit",
	[FIGURE_PEAK] = "peak",
	[FIGURE_ANONYMOUS] = "anonymous",
	[FIGURE_FILE] = "file",
	[FIGURE_SHMEM] = "shmem",
	[FIGURE_KERNEL] = "kernel",
	[FIGURE_SWAP] = "swap",
	[FIGURE_CPU] = "cpu_us",
	[FIGURE_THROTTLED] = "cpu_throttled_us",
	[FIGURE_READ] = "io_read",
	[FIGURE_WRITTEN] = "io_write",
	[FIGURE_PIDS] = "pids",
	[FIGURE_MEMORY_WAIT] = "memory_wait_us",
	[FIGURE_CPU_WAIT] = "cpu_wait_us",
	[FIGURE_IO_WAIT] = "io_wait_us",
};

static const struct {
	size_t at, size; /* in struct record_header */
} texts[] = {
	{offsetof(struct record_header, name), RECORD_NAME},
	{offsetof(struct record_header, kind), RECORD_KIND},
	{offsetof(struct record_header, command), RECORD_COMMAND},
};

uint64_t format_get(const void *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return le64toh(word);
}

void format_put(void *at, uint64_t word)
{
	word = htole64(word);
	memcpy(at, &word, sizeof word);
}

/* FNV-1a, a word at a time: against what is half written or foreign, not against malice. */
uint64_t format_sum(const void *bytes, size_t words, uint64_t seed)
{
	uint64_t sum = (0xcbf29ce484222325 ^ seed) * 0x100000001b3;

	for (size_t i = 0; i < words; i++) {
		sum = (sum ^ format_get((const char *)bytes + i * 8)) * 0x100000001b3;
		sum ^= sum >> 32;
	}
	return sum;
}

void format_header(void *bytes, const struct record_header *h)
{
	const uint64_t words[HEADER_WORDS] = {
		[WORD_VERSION] = VERSION_NOW,
		[WORD_HEADER_BYTES] = HEADER_BYTES,
		[WORD_SAMPLE_BYTES] = SAMPLE_BYTES,
		[WORD_SAMPLES] = h->sample_capacity,
		[WORD_EVENT_BYTES] = EVENT_BYTES,
		[WORD_EVENTS] = h->event_capacity,
		[WORD_INTERVAL] = h->interval_us,
		[WORD_STARTED] = h->started_us,
	};
	char *at = (char *)bytes + sizeof words;

	memset(bytes, 0, HEADER_BYTES);
	for (int i = 0; i < HEADER_WORDS; i++)
		format_put((char *)bytes + i * 8, words[i]);
	memcpy(bytes, FORMAT_MAGIC, 8);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		memcpy(at, (const char *)h + texts[i].at, texts[i].size);
		at += texts[i].size;
	}
	format_put((char *)bytes + WORD_SUM * 8, format_sum(bytes, MARK_AT / 8, 0));
	format_mark((char *)bytes + MARK_AT, 0);
}

/* A text from a file: ended, one line, UTF-8. */
static void take_text(char *ret, const void *from, size_t size)
{
	memcpy(ret, from, size);
	ret[size - 1] = '\0';
	text_tidy(ret);
}

void format_read_texts(const void *header, struct record_header *ret)
{
	const char *at = (const char *)header + HEADER_WORDS * 8;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		take_text((char *)ret + texts[i].at, at, texts[i].size);
		at += texts[i].size;
	}
}

void format_mark(void *bytes, uint64_t until_us)
{
	format_put(bytes, until_us);
	format_put((char *)bytes + 8, format_sum(bytes, 1, 0));
}

static void finish_entry(void *bytes, size_t words, uint64_t number)
{
	format_put(bytes, number);
	format_put((char *)bytes + 8, format_sum((char *)bytes + 16, words, number));
}

uint64_t format_entry(const void *bytes, size_t words)
{
	uint64_t number = format_get(bytes);

	if (number == 0 || format_get((const char *)bytes + 8) != format_sum((const char *)bytes + 16, words, number))
		return 0;
	return number;
}

void format_sample(void *bytes, uint64_t number, const struct record_sample *s)
{
	char *at = (char *)bytes + ENTRY_HEAD_WORDS * 8;

	format_put(at, s->time_us);
	for (int i = 0; i < RECORD_FIGURES; i++)
		format_put(at + 8 + i * 8, s->figures[i]);
	finish_entry(bytes, SAMPLE_WORDS, number);
}

void format_read_sample(const void *bytes, struct record_sample *ret)
{
	const char *at = (const char *)bytes + ENTRY_HEAD_WORDS * 8;

	ret->time_us = format_get(at);
	for (int i = 0; i < RECORD_FIGURES; i++)
		ret->figures[i] = format_get(at + 8 + i * 8);
}

void format_event(void *bytes, uint64_t number, const struct record_event *event)
{
	const uint64_t words[] = {
		event->time_us, event->usage_bytes, event->limit_bytes, event->before_bytes, event->value};
	char *at = (char *)bytes + ENTRY_HEAD_WORDS * 8;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		format_put(at + i * 8, words[i]);
	memcpy(at + sizeof words, event->type, RECORD_TYPE);
	memcpy(at + sizeof words + RECORD_TYPE, event->text, RECORD_TEXT);
	finish_entry(bytes, EVENT_WORDS, number);
}

void format_read_event(const void *bytes, struct record_event *ret)
{
	const char *at = (const char *)bytes + ENTRY_HEAD_WORDS * 8;

	ret->time_us = format_get(at);
	ret->usage_bytes = format_get(at + 8);
	ret->limit_bytes = format_get(at + 16);
	ret->before_bytes = format_get(at + 24);
	ret->value = format_get(at + 32);
	take_text(ret->type, at + 40, RECORD_TYPE);
	take_text(ret->text, at + 40 + RECORD_TYPE, RECORD_TEXT);
}
