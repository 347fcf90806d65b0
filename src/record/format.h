/* The bytes of a recording.  Inside src/record only.
 *
 * An entry is {number, sum, words...}: numbers count from 1, entry N stands in slot (N - 1) modulo the capacity, and
 * the sum is over the number and the words.  A slot that was never written is zero.
 */
#pragma once

#include "record/record.h"

enum {
	HEADER_BYTES = 4096,
	MARK_AT = 4096 - 16, /* until_us and its sum; the rest of the header never changes */
	VERSION_NOW = 1,
	SAMPLE_WORDS = 1 + RECORD_FIGURES,
	EVENT_WORDS = 5 + (RECORD_TYPE + RECORD_TEXT) / 8,
	ENTRY_HEAD_WORDS = 2,
	SAMPLE_BYTES = (ENTRY_HEAD_WORDS + SAMPLE_WORDS) * 8,
	EVENT_BYTES = (ENTRY_HEAD_WORDS + EVENT_WORDS) * 8,
};

#define FORMAT_MAGIC "virtrec\n"

/* The header's words, in their order; texts stand behind them. */
enum header_word {
	WORD_MAGIC,
	WORD_VERSION,
	WORD_SUM, /* of the header without the mark, as if this were 0 */
	WORD_HEADER_BYTES,
	WORD_SAMPLE_BYTES,
	WORD_SAMPLES,
	WORD_EVENT_BYTES,
	WORD_EVENTS,
	WORD_INTERVAL,
	WORD_STARTED,
	HEADER_WORDS
};

uint64_t format_get(const void *at); /* one word */
void format_put(void *at, uint64_t word);
uint64_t format_sum(const void *bytes, size_t words, uint64_t seed);

/* bytes: HEADER_BYTES, SAMPLE_BYTES, EVENT_BYTES. */
void format_header(void *bytes, const struct record_header *h);
void format_mark(void *bytes, uint64_t until_us); /* 16 bytes */
void format_sample(void *bytes, uint64_t number, const struct record_sample *s);
void format_event(void *bytes, uint64_t number, const struct record_event *event);

/* The entry's number, or 0: nothing whole is there. */
uint64_t format_entry(const void *bytes, size_t words);
void format_read_sample(const void *bytes, struct record_sample *ret);
void format_read_event(const void *bytes, struct record_event *ret);
void format_read_texts(const void *header, struct record_header *ret);
