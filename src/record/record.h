/* A recording: what a virtual used, and what happened to it, in one file of a fixed size.
 *
 * Two rings, one of samples and one of events: when one is full, its oldest goes.  The file is mapped, so what has been
 * written outlives its writer however that ends, and a look does not wait for the disk, which a write(2) may do for
 * tens of milliseconds when others keep it busy.  An entry that was cut in two does not add up (each has a sum) and is
 * left out by the reader.
 *
 * Writing: record_create (checks, takes the room on the disk; nothing is seen of it yet), record_publish (it gets its
 * name), record_add_..., record_drop.  Reading: record_read, record_free.
 *
 * The file: a header of 4096 bytes, the samples, the events; all numbers are little-endian and of 64 bits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/undo.h"

#define RECORD_FOLDER "/var/lib/virtualing" /* NAME.rec in it, for who says "default" */

enum record_figure { /* since the virtual's start where they add up */
	FIGURE_MEMORY,
	FIGURE_LIMIT,
	FIGURE_PEAK,
	FIGURE_ANONYMOUS,
	FIGURE_FILE,
	FIGURE_SHMEM,
	FIGURE_KERNEL,
	FIGURE_SWAP,
	FIGURE_CPU,	  /* us */
	FIGURE_THROTTLED, /* us */
	FIGURE_READ,
	FIGURE_WRITTEN,
	FIGURE_PIDS,
	FIGURE_MEMORY_WAIT, /* us in which somebody inside waited for it: pressure, "some" */
	FIGURE_CPU_WAIT,
	FIGURE_IO_WAIT,
	RECORD_FIGURES
};

#define RECORD_UNKNOWN UINT64_MAX /* the kernel does not say; of a limit: there is none */

/* As they are called in JSON and CSV: "memory", "cpu_us" ... */
extern const char *const record_figure_names[RECORD_FIGURES];

struct record_sample {
	uint64_t time_us; /* since the beginning of the recording */
	uint64_t figures[RECORD_FIGURES];
};

enum { RECORD_TYPE = 24, RECORD_TEXT = 120, RECORD_NAME = 72, RECORD_KIND = 16, RECORD_COMMAND = 256 };

struct record_event {
	uint64_t time_us;
	char type[RECORD_TYPE]; /* "grew" */
	char text[RECORD_TEXT]; /* "eat, pid 123": for people; may be "" */
	uint64_t usage_bytes, limit_bytes;
	uint64_t before_bytes; /* the limit before, of what changes it */
	uint64_t value;	       /* exit status, killed processes */
};

struct record_header {
	char name[RECORD_NAME];	      /* of the virtual */
	char kind[RECORD_KIND];	      /* of the host's control groups: "v1", "v2", "hybrid" */
	char command[RECORD_COMMAND]; /* the program, without its arguments: these may hold secrets */
	uint64_t interval_us;	      /* between samples while something changes */
	uint64_t started_us;	      /* since 1970 */
	uint64_t sample_capacity, event_capacity;
};

/* ---- writing ---- */

enum { RECORD_SAMPLES = 36000, RECORD_EVENTS = 1024, RECORD_SAMPLES_MAX = 1 << 20, RECORD_EVENTS_MAX = 1 << 16 };

struct record;

/* Looks whether `path` can become a recording, and takes the room for it.  What is there must be a recording that
 * nobody writes; it stays until record_publish.  Where the file system has no unnamed files (O_TMPFILE; overlayfs
 * before Linux 6.3) a file beside it, PATH.PID, is noted in `u` and made; u: NULL: not noted.  header: copied;
 * started_us is set. -EEXIST: something else is there; -EBUSY: somebody writes it. */
int record_create(
	const char *path, const struct record_header *header, struct undo *u, struct record **ret, struct err *e);

/* Gives it its name, in place of an older recording. */
int record_publish(struct record *r, struct err *e);

uint64_t record_now_us(const struct record *r); /* for time_us */

/* -errno: it could not be written; somebody may have cut the file short. */
int record_add_sample(struct record *r, const struct record_sample *s, struct err *e);
int record_add_event(struct record *r, const struct record_event *event, struct err *e);

/* The latest sample is still true at this time. */
int record_mark(struct record *r, uint64_t time_us, struct err *e);

void record_drop(struct record **r); /* closes; without record_publish nothing is left. NULL is fine */

/* ---- reading ---- */

struct recording {
	struct record_header header;
	bool is_written;	       /* by somebody, now */
	bool is_cut;		       /* the ring has run over: the beginning is gone */
	uint64_t until_us;	       /* of the latest look, or event */
	struct record_sample *samples; /* the oldest first; times never fall */
	struct record_event *events;   /* the same */
	size_t sample_count, event_count;
};

/* Everything in the file is checked. path: also what errors call it. Also while it is written. */
int record_read(const char *path, struct recording *ret, struct err *e);
void record_free(struct recording *r); /* what hangs on it; twice is fine */

/* Puts its texts and numbers in order after they have come from a file; what does not fit is left out.  bytes: of a
 * whole file, for record_read and for tests.  */
int record_decode(const void *bytes, size_t size, const char *path, struct recording *ret, struct err *e);
