/* A recording as it is read: foreign bytes, perhaps being written, perhaps cut short. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "record/format.h"

enum { READ_MAX = HEADER_BYTES + RECORD_SAMPLES_MAX * SAMPLE_BYTES + RECORD_EVENTS_MAX * EVENT_BYTES };

static uint64_t word_of(const void *header, enum header_word which)
{
	return format_get((const char *)header + which * 8);
}

static int damaged(const char *path, const char *what, struct err *e)
{
	return err_set(e, EBADMSG, "%s is damaged (%s): record it again", path, what);
}

static bool sum_holds(const void *header)
{
	char copy[MARK_AT];

	memcpy(copy, header, sizeof copy);
	format_put(copy + WORD_SUM * 8, 0);
	return word_of(header, WORD_SUM) == format_sum(copy, MARK_AT / 8, 0);
}

static int check_capacities(const struct record_header *h, const char *path, struct err *e)
{
	if (h->sample_capacity == 0 || h->sample_capacity > RECORD_SAMPLES_MAX || h->event_capacity == 0 ||
		h->event_capacity > RECORD_EVENTS_MAX || h->interval_us == 0)
		return damaged(path, "its header says what cannot be", e);
	return 0;
}

static int read_header(const void *bytes, size_t size, const char *path, struct record_header *h, struct err *e)
{
	if (size < 8 || memcmp(bytes, FORMAT_MAGIC, 8) != 0)
		return err_set(
			e, EBADMSG, "%s is not a recording: give a file that `virtualing run --record` wrote", path);
	if (size < HEADER_BYTES)
		return err_set(
			e, EBADMSG, "%s is cut short: %zu bytes are not even its header: record it again", path, size);
	if (word_of(bytes, WORD_VERSION) != VERSION_NOW)
		return err_set(e, EBADMSG,
			"%s is of format %llu, and this is virtualing %s, which reads format %d: use the one that "
			"wrote it",
			path, (unsigned long long)word_of(bytes, WORD_VERSION), VERSION, VERSION_NOW);
	if (!sum_holds(bytes))
		return damaged(path, "the sum of its header is wrong", e);
	if (word_of(bytes, WORD_HEADER_BYTES) != HEADER_BYTES || word_of(bytes, WORD_SAMPLE_BYTES) != SAMPLE_BYTES ||
		word_of(bytes, WORD_EVENT_BYTES) != EVENT_BYTES)
		return damaged(path, "its sizes are not those of its format", e);
	h->sample_capacity = word_of(bytes, WORD_SAMPLES);
	h->event_capacity = word_of(bytes, WORD_EVENTS);
	h->interval_us = word_of(bytes, WORD_INTERVAL);
	h->started_us = word_of(bytes, WORD_STARTED);
	format_read_texts(bytes, h);
	return check_capacities(h, path, e);
}

static int check_size(const struct record_header *h, size_t size, const char *path, struct err *e)
{
	size_t whole = HEADER_BYTES + h->sample_capacity * SAMPLE_BYTES + h->event_capacity * EVENT_BYTES;

	if (size < whole)
		return err_set(e, EBADMSG,
			"%s is cut short: %zu of %zu bytes are there: copy it again, or record it again", path, size,
			whole);
	if (size > whole)
		return damaged(path, "it is longer than its header says", e);
	return 0;
}

/* ---- a ring ---- */

struct ring {
	const char *bytes;
	size_t entry_bytes, capacity;
	uint64_t newest; /* its number; 0: empty */
};

static size_t words_of(const struct ring *r)
{
	return r->entry_bytes / 8 - ENTRY_HEAD_WORDS;
}

/* A number that belongs into another slot is no entry of this file. */
static uint64_t number_at(const struct ring *r, size_t slot)
{
	uint64_t number = format_entry(r->bytes + slot * r->entry_bytes, words_of(r));

	return number && (number - 1) % r->capacity == slot ? number : 0;
}

static struct ring open_ring(const char *bytes, size_t entry_bytes, size_t capacity)
{
	struct ring r = {bytes, entry_bytes, capacity, 0};

	for (size_t slot = 0; slot < capacity; slot++) {
		uint64_t number = number_at(&r, slot);

		if (number > r.newest)
			r.newest = number;
	}
	return r;
}

/* The entry with this number, or NULL: it is torn, or was overwritten while it was read. */
static const char *entry(const struct ring *r, uint64_t number)
{
	size_t slot = (size_t)((number - 1) % r->capacity);

	return number_at(r, slot) == number ? r->bytes + slot * r->entry_bytes : NULL;
}

static uint64_t oldest(const struct ring *r)
{
	return r->newest > r->capacity ? r->newest - r->capacity + 1 : 1;
}

static size_t count_of(const struct ring *r)
{
	return r->newest < r->capacity ? (size_t)r->newest : r->capacity;
}

/* ---- the whole ---- */

static int take_samples(const struct ring *ring, const char *path, struct recording *ret, struct err *e)
{
	uint64_t last_us = 0;

	ret->samples = calloc(count_of(ring) + 1, sizeof *ret->samples);
	if (!ret->samples)
		return err_set(e, ENOMEM, "read %s: out of memory", path);
	for (uint64_t n = oldest(ring); n && n <= ring->newest; n++) {
		const char *bytes = entry(ring, n);

		if (!bytes)
			continue;
		format_read_sample(bytes, &ret->samples[ret->sample_count]);
		if (ret->samples[ret->sample_count].time_us < last_us)
			return damaged(path, "its times go back", e);
		last_us = ret->samples[ret->sample_count++].time_us;
	}
	ret->until_us = last_us;
	ret->is_cut = oldest(ring) > 1;
	return 0;
}

static int take_events(const struct ring *ring, const char *path, struct recording *ret, struct err *e)
{
	uint64_t last_us = 0;

	ret->events = calloc(count_of(ring) + 1, sizeof *ret->events);
	if (!ret->events)
		return err_set(e, ENOMEM, "read %s: out of memory", path);
	for (uint64_t n = oldest(ring); n && n <= ring->newest; n++) {
		const char *bytes = entry(ring, n);

		if (!bytes)
			continue;
		format_read_event(bytes, &ret->events[ret->event_count]);
		if (ret->events[ret->event_count].time_us < last_us)
			return damaged(path, "its times go back", e);
		last_us = ret->events[ret->event_count++].time_us;
	}
	if (last_us > ret->until_us)
		ret->until_us = last_us;
	return 0;
}

/* Twenty years: a time that is beyond it was never measured, and would make sums overflow. */
enum { DAYS_MAX = 7300 };
#define TIME_MAX_US ((uint64_t)DAYS_MAX * 86400 * 1000000)

static void take_mark(const char *bytes, struct recording *ret)
{
	uint64_t until_us = format_get(bytes + MARK_AT);

	if (format_get(bytes + MARK_AT + 8) == format_sum(bytes + MARK_AT, 1, 0) && until_us > ret->until_us)
		ret->until_us = until_us;
	else
		return;
	/* Nothing has changed since the latest sample; there is room for one more (take_samples). */
	if (ret->sample_count > 0) {
		ret->samples[ret->sample_count] = ret->samples[ret->sample_count - 1];
		ret->samples[ret->sample_count++].time_us = until_us;
	}
}

static int decode(const char *bytes, size_t size, const char *path, struct recording *ret, struct err *e)
{
	struct record_header *h = &ret->header;
	struct ring samples, events;
	int r = read_header(bytes, size, path, h, e);

	if (r == 0)
		r = check_size(h, size, path, e);
	if (r < 0)
		return r;
	samples = open_ring(bytes + HEADER_BYTES, SAMPLE_BYTES, h->sample_capacity);
	events = open_ring(bytes + HEADER_BYTES + h->sample_capacity * SAMPLE_BYTES, EVENT_BYTES, h->event_capacity);
	r = take_samples(&samples, path, ret, e);
	if (r == 0)
		r = take_events(&events, path, ret, e);
	if (r == 0)
		take_mark(bytes, ret);
	if (r == 0 && ret->until_us > TIME_MAX_US)
		r = damaged(path, "its times cannot be", e);
	return r;
}

int record_decode(const void *bytes, size_t size, const char *path, struct recording *ret, struct err *e)
{
	int r;

	*ret = (struct recording){0};
	r = decode(bytes, size, path, ret, e);
	if (r < 0)
		record_free(ret);
	return r;
}

/* ---- the file ---- */

static bool is_locked(int fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

/* By read, not by map: whoever cuts the file short meanwhile must not kill us. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = pread(fd, bytes + used, size - used, (off_t)used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

static int check_file(int fd, const char *path, size_t *ret_size, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "%s is a directory: give a recording", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EBADMSG, "%s is not a file: give a recording", path);
	if (st.st_size > READ_MAX)
		return err_set(e, EFBIG, "%s is not a recording: it is larger than one can be", path);
	*ret_size = (size_t)st.st_size;
	return 0;
}

int record_read(const char *path, struct recording *ret, struct err *e)
{
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO(free_drop) char *bytes = NULL;
	bool written;
	size_t size = 0;
	ssize_t n;
	int r;

	*ret = (struct recording){0};
	if (fd < 0)
		return err_sys(e, "read the recording %s", path);
	r = check_file(fd, path, &size, e);
	if (r < 0)
		return r;
	bytes = malloc(size + 1);
	if (!bytes)
		return err_set(e, ENOMEM, "read %s: out of memory", path);
	written = is_locked(fd);
	n = read_all(fd, bytes, size);
	if (n < 0) {
		errno = (int)-n;
		return err_sys(e, "read the recording %s", path);
	}
	r = record_decode(bytes, (size_t)n, path, ret, e);
	if (r == 0)
		ret->is_written = written;
	return r;
}

void record_free(struct recording *r)
{
	free(r->samples);
	free(r->events);
	r->samples = NULL;
	r->events = NULL;
	r->sample_count = r->event_count = 0;
}
