/* src/record: what is written is read again, and what is no whole recording is refused. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/own.h"
#include "record/format.h"

enum { SAMPLES = 10, EVENTS = 4 };
static const size_t whole_bytes = HEADER_BYTES + SAMPLES * SAMPLE_BYTES + EVENTS * EVENT_BYTES;

struct place {
	char folder[32], path[64];
};

static struct place place_make(void)
{
	struct place p = {.folder = "/tmp/record_test.XXXXXX"};

	assert_non_null(mkdtemp(p.folder));
	snprintf(p.path, sizeof p.path, "%s/a.rec", p.folder);
	return p;
}

static void place_drop(struct place *p)
{
	unlink(p->path);
	assert_int_equal(rmdir(p->folder), 0);
}

static struct record *create(const char *path)
{
	struct record_header h = {.name = "web",
		.kind = "v2",
		.command = "/bin/eat",
		.interval_us = 100000,
		.sample_capacity = SAMPLES,
		.event_capacity = EVENTS};
	struct record *r;
	struct err e;

	if (record_create(path, &h, NULL, &r, &e) < 0)
		fail_msg("%s", e.text);
	return r;
}

static void add_samples(struct record *r, uint64_t count)
{
	struct err e;

	for (uint64_t i = 0; i < count; i++) {
		struct record_sample s = {.time_us = i * 1000};

		for (int f = 0; f < RECORD_FIGURES; f++)
			s.figures[f] = i * 100 + (uint64_t)f;
		assert_int_equal(record_add_sample(r, &s, &e), 0);
	}
}

static void add_events(struct record *r, uint64_t count)
{
	struct err e;

	for (uint64_t i = 0; i < count; i++) {
		struct record_event event = {.time_us = i * 1000 + 1,
			.type = "grew",
			.usage_bytes = i,
			.limit_bytes = RECORD_UNKNOWN,
			.value = 7};

		snprintf(event.text, sizeof event.text, "text %d", (int)i);
		assert_int_equal(record_add_event(r, &event, &e), 0);
	}
}

/* A published recording with so many entries. */
static void write_one(const char *path, uint64_t samples, uint64_t events)
{
	struct record *r = create(path);
	struct err e;

	assert_int_equal(record_publish(r, &e), 0);
	add_samples(r, samples);
	add_events(r, events);
	record_drop(&r);
}

static struct recording read_one(const char *path)
{
	struct recording ret;
	struct err e;

	if (record_read(path, &ret, &e) < 0)
		fail_msg("%s", e.text);
	return ret;
}

static void refused(const char *path, int code, const char *words)
{
	struct recording r;
	struct err e;

	assert_int_equal(record_read(path, &r, &e), -code);
	if (!strstr(e.text, words) || !strstr(e.text, path))
		fail_msg("'%s' or '%s' is not in: %s", words, path, e.text);
	assert_null(r.samples);
}

static void put(const char *path, off_t at, const void *bytes, size_t size)
{
	AUTO(fd_drop) int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, bytes, size, at), (ssize_t)size);
}

/* ---- tests ---- */

static void what_is_written_is_read_again(void **state)
{
	struct place p = place_make();
	struct recording r;

	write_one(p.path, 3, 2);
	r = read_one(p.path);
	assert_string_equal(r.header.name, "web");
	assert_string_equal(r.header.kind, "v2");
	assert_string_equal(r.header.command, "/bin/eat");
	assert_true(r.header.started_us > 1600000000000000);
	assert_int_equal(r.sample_count, 3);
	assert_int_equal(r.samples[2].time_us, 2000);
	assert_int_equal(r.samples[2].figures[FIGURE_IO_WAIT], 200 + FIGURE_IO_WAIT);
	assert_int_equal(r.event_count, 2);
	assert_string_equal(r.events[1].type, "grew");
	assert_string_equal(r.events[1].text, "text 1");
	assert_true(r.events[1].limit_bytes == RECORD_UNKNOWN);
	assert_int_equal(r.events[1].value, 7);
	assert_int_equal(r.until_us, 2000);
	assert_false(r.is_cut);
	assert_false(r.is_written);
	record_free(&r);
	place_drop(&p);
}

static void a_full_ring_keeps_the_latest(void **state)
{
	struct place p = place_make();
	struct recording r;

	write_one(p.path, SAMPLES * 2 + 3, EVENTS + 1);
	r = read_one(p.path);
	assert_int_equal(r.sample_count, SAMPLES);
	assert_int_equal(r.samples[0].time_us, (SAMPLES + 3) * 1000);
	assert_int_equal(r.samples[SAMPLES - 1].time_us, (SAMPLES * 2 + 2) * 1000);
	assert_int_equal(r.event_count, EVENTS);
	assert_string_equal(r.events[0].text, "text 1");
	assert_true(r.is_cut);
	record_free(&r);
	place_drop(&p);
}

static void a_mark_makes_the_latest_sample_last(void **state)
{
	struct place p = place_make();
	struct record *w = create(p.path);
	struct recording r;
	struct err e;

	assert_int_equal(record_publish(w, &e), 0);
	add_samples(w, SAMPLES);
	assert_int_equal(record_mark(w, 50000, &e), 0);
	r = read_one(p.path);
	assert_true(r.is_written);
	assert_int_equal(r.until_us, 50000);
	assert_int_equal(r.sample_count, SAMPLES + 1);
	assert_int_equal(r.samples[SAMPLES].time_us, 50000);
	assert_int_equal(r.samples[SAMPLES].figures[0], (SAMPLES - 1) * 100);
	record_free(&r);
	record_drop(&w);
	place_drop(&p);
}

/* At whichever byte its writer was killed, only that entry is missing. */
static void an_entry_that_is_half_written_is_left_out(void **state)
{
	struct place p = place_make();
	char entry[SAMPLE_BYTES];
	struct record_sample s = {.time_us = 99000, .figures = {1, 2, 3}};

	format_sample(entry, 6, &s);
	for (size_t cut = 0; cut <= SAMPLE_BYTES; cut += 4) {
		struct recording r;

		write_one(p.path, 5, 0);
		put(p.path, HEADER_BYTES + 5 * SAMPLE_BYTES, entry, cut);
		r = read_one(p.path);
		/* From half of its third figure on there are only zeros, as in the file. */
		assert_int_equal(r.sample_count, cut >= (ENTRY_HEAD_WORDS + 3) * 8 + 4 ? 6 : 5);
		record_free(&r);
	}
	for (size_t cut = 1; cut < SAMPLE_BYTES; cut += 4) {
		struct recording r;

		write_one(p.path, SAMPLES, 0); /* the same over an older entry */
		format_sample(entry, SAMPLES + 1, &s);
		put(p.path, HEADER_BYTES, entry, cut);
		r = read_one(p.path);
		if (r.sample_count != SAMPLES && r.sample_count != SAMPLES - 1)
			fail_msg("%zu samples after %zu bytes", r.sample_count, cut);
		for (size_t i = 0; i < r.sample_count; i++)
			if (r.samples[i].figures[1] != 2 && r.samples[i].figures[1] != r.samples[i].time_us / 10 + 1)
				fail_msg("after %zu bytes: figure %llu at %llu", cut,
					(unsigned long long)r.samples[i].figures[1],
					(unsigned long long)r.samples[i].time_us);
		record_free(&r);
	}
	place_drop(&p);
}

static void a_file_that_is_cut_short_is_refused(void **state)
{
	struct place p = place_make();

	write_one(p.path, 3, 2);
	assert_int_equal(truncate(p.path, (off_t)whole_bytes - 1), 0);
	refused(p.path, EBADMSG, "cut short");
	assert_int_equal(truncate(p.path, 100), 0);
	refused(p.path, EBADMSG, "cut short");
	assert_int_equal(truncate(p.path, 7), 0);
	refused(p.path, EBADMSG, "is not a recording");
	assert_int_equal(truncate(p.path, 0), 0);
	refused(p.path, EBADMSG, "is not a recording");
	place_drop(&p);
}

static void a_foreign_or_damaged_file_is_refused(void **state)
{
	static const struct {
		enum header_word word;
		uint64_t value;
		const char *words;
	} cases[] = {{WORD_MAGIC, 1, "is not a recording"}, {WORD_VERSION, 2, "is of format 2"},
		{WORD_SUM, 0, "sum of its header"}, {WORD_SAMPLES, 11, "sum of its header"},
		{WORD_STARTED, 1, "sum of its header"}};
	struct place p = place_make();

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char word[8];

		write_one(p.path, 3, 2);
		format_put(word, cases[i].value);
		put(p.path, cases[i].word * 8, word, sizeof word);
		refused(p.path, EBADMSG, cases[i].words);
		unlink(p.path);
	}
	write_one(p.path, 3, 2);
	assert_int_equal(truncate(p.path, (off_t)whole_bytes + 1), 0);
	refused(p.path, EBADMSG, "longer");
	place_drop(&p);
}

/* With a sum that is right: capacities that overflow, and numbers that belong elsewhere. */
static void what_cannot_be_is_refused_although_it_adds_up(void **state)
{
	static const struct {
		uint64_t samples, events, interval;
	} cases[] = {{0, 4, 1}, {10, 0, 1}, {UINT64_MAX, 4, 1}, {1ULL << 61, 4, 1}, {10, 1ULL << 40, 1}, {10, 4, 0}};
	struct place p = place_make();
	char header[HEADER_BYTES];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct record_header h = {.interval_us = cases[i].interval,
			.sample_capacity = cases[i].samples,
			.event_capacity = cases[i].events};

		write_one(p.path, 3, 2);
		format_header(header, &h);
		put(p.path, 0, header, sizeof header);
		refused(p.path, EBADMSG, "its header says what cannot be");
	}
	place_drop(&p);
}

static void times_that_go_back_are_refused(void **state)
{
	struct place p = place_make();
	struct record_sample s = {.time_us = 1};
	struct record_sample late = {.time_us = UINT64_MAX};
	char entry[SAMPLE_BYTES];

	write_one(p.path, 3, 2);
	format_sample(entry, 4, &s);
	put(p.path, HEADER_BYTES + 3 * SAMPLE_BYTES, entry, sizeof entry);
	refused(p.path, EBADMSG, "times go back");
	format_sample(entry, 4, &late);
	put(p.path, HEADER_BYTES + 3 * SAMPLE_BYTES, entry, sizeof entry);
	refused(p.path, EBADMSG, "times cannot be");
	place_drop(&p);
}

static void a_number_in_a_wrong_slot_does_not_count(void **state)
{
	struct place p = place_make();
	struct record_sample s = {.time_us = 9000};
	char entry[SAMPLE_BYTES];
	struct recording r;

	write_one(p.path, 3, 2);
	format_sample(entry, 1000, &s);
	put(p.path, HEADER_BYTES + 3 * SAMPLE_BYTES, entry, sizeof entry);
	r = read_one(p.path);
	assert_int_equal(r.sample_count, 3);
	record_free(&r);
	place_drop(&p);
}

static void what_is_no_recording_is_not_replaced(void **state)
{
	struct place p = place_make();
	struct record_header h = {.interval_us = 1, .sample_capacity = 1, .event_capacity = 1};
	struct record *r = NULL;
	struct err e;
	int fd = open(p.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "my diary\n", 9), 9);
	close(fd);
	assert_int_equal(record_create(p.path, &h, NULL, &r, &e), -EEXIST);
	assert_non_null(strstr(e.text, "is no recording, so it is not replaced"));
	unlink(p.path);
	assert_int_equal(symlink("/etc/passwd", p.path), 0);
	assert_int_equal(record_create(p.path, &h, NULL, &r, &e), -ELOOP);
	assert_non_null(strstr(e.text, "symbolic link"));
	unlink(p.path);
	assert_int_equal(mkfifo(p.path, 0600), 0);
	assert_int_equal(record_create(p.path, &h, NULL, &r, &e), -EEXIST);
	assert_int_equal(record_create(p.folder, &h, NULL, &r, &e), -EEXIST);
	assert_int_equal(record_create("/nowhere/a.rec", &h, NULL, &r, &e), -ENOENT);
	assert_null(r);
	place_drop(&p);
}

static void one_that_is_written_is_not_replaced_and_an_old_one_is(void **state)
{
	struct place p = place_make();
	struct record_header h = {.interval_us = 1, .sample_capacity = 1, .event_capacity = 1};
	struct record *first = create(p.path), *second, *third = NULL;
	struct recording r;
	struct err e;

	assert_int_equal(access(p.path, F_OK), -1); /* it has no name yet */
	second = create(p.path);
	assert_int_equal(record_publish(first, &e), 0);
	add_samples(first, 2);
	assert_int_equal(record_publish(second, &e), -EBUSY);
	assert_non_null(strstr(e.text, "is being written"));
	assert_int_equal(record_create(p.path, &h, NULL, &third, &e), -EBUSY);
	record_drop(&second);
	record_drop(&first);
	write_one(p.path, 5, 0);
	r = read_one(p.path);
	assert_int_equal(r.sample_count, 5);
	record_free(&r);
	place_drop(&p);
}

/* An hour and more, through all parts of the file that are mapped in turn. */
static void a_whole_file_is_written_and_read(void **state)
{
	struct place p = place_make();
	struct record_header h = {.interval_us = 1, .sample_capacity = RECORD_SAMPLES, .event_capacity = RECORD_EVENTS};
	struct record *w;
	struct recording r;
	struct err e;

	assert_int_equal(record_create(p.path, &h, NULL, &w, &e), 0);
	assert_int_equal(record_publish(w, &e), 0);
	add_samples(w, RECORD_SAMPLES + 1000);
	add_events(w, RECORD_EVENTS + 100);
	record_drop(&w);
	r = read_one(p.path);
	assert_int_equal(r.sample_count, RECORD_SAMPLES);
	assert_int_equal(r.event_count, RECORD_EVENTS);
	for (uint64_t i = 0; i < RECORD_SAMPLES; i++)
		if (r.samples[i].time_us != (i + 1000) * 1000 || r.samples[i].figures[1] != (i + 1000) * 100 + 1)
			fail_msg("sample %llu is of %llu us", (unsigned long long)i,
				(unsigned long long)r.samples[i].time_us);
	record_free(&r);
	place_drop(&p);
}

static void who_writes_is_told_that_the_file_was_cut_short(void **state)
{
	struct place p = place_make();
	struct record *w = create(p.path);
	struct record_sample s = {.time_us = 1};
	struct err e;

	assert_int_equal(record_publish(w, &e), 0);
	add_samples(w, 2);
	assert_int_equal(truncate(p.path, 0), 0);
	assert_int_equal(record_add_sample(w, &s, &e), -EFAULT);
	assert_non_null(strstr(e.text, "has been cut short by somebody else"));
	assert_int_equal(record_mark(w, 5, &e), -EFAULT);
	record_drop(&w);
	place_drop(&p);
}

static void without_a_name_nothing_is_left(void **state)
{
	struct place p = place_make();
	struct record *r = create(p.path);

	record_drop(&r);
	place_drop(&p); /* the folder is empty */
}

static void its_room_is_taken_and_it_is_for_its_owner_only(void **state)
{
	struct place p = place_make();
	struct stat st;

	write_one(p.path, 0, 0);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_size, whole_bytes);
	assert_true(st.st_blocks * 512 >= st.st_size);
	assert_int_equal(st.st_mode & 07777, 0600);
	place_drop(&p);
}

static void texts_from_a_file_are_one_line_of_utf8(void **state)
{
	struct record_event event = {.time_us = 1}, got;
	char entry[EVENT_BYTES];

	memset(event.type, 'x', sizeof event.type); /* without its end */
	memcpy(event.text, "a\n\x1b[31m\xff", 8);
	format_event(entry, 1, &event);
	assert_int_equal(format_entry(entry, EVENT_WORDS), 1);
	format_read_event(entry, &got);
	assert_int_equal(strlen(got.type), RECORD_TYPE - 1);
	assert_string_equal(got.text, "a??[31m?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_full_ring_keeps_the_latest),
		cmocka_unit_test(a_mark_makes_the_latest_sample_last),
		cmocka_unit_test(an_entry_that_is_half_written_is_left_out),
		cmocka_unit_test(a_file_that_is_cut_short_is_refused),
		cmocka_unit_test(a_foreign_or_damaged_file_is_refused),
		cmocka_unit_test(what_cannot_be_is_refused_although_it_adds_up),
		cmocka_unit_test(times_that_go_back_are_refused),
		cmocka_unit_test(a_number_in_a_wrong_slot_does_not_count),
		cmocka_unit_test(what_is_no_recording_is_not_replaced),
		cmocka_unit_test(one_that_is_written_is_not_replaced_and_an_old_one_is),
		cmocka_unit_test(a_whole_file_is_written_and_read),
		cmocka_unit_test(who_writes_is_told_that_the_file_was_cut_short),
		cmocka_unit_test(without_a_name_nothing_is_left),
		cmocka_unit_test(its_room_is_taken_and_it_is_for_its_owner_only),
		cmocka_unit_test(texts_from_a_file_are_one_line_of_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
