/* The limits of a cage, as data. One row of limit_rows[] is all there is to a limit: its key in the language and
 * on the command line, its kind of value, its help, and the kernel file that holds it on cgroup v1 and on v2. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"

/* Controllers by the kernel's names; a cage joins only those that it needs. */
enum controller {
	CTRL_CPU,
	CTRL_CPUACCT, /* v1 only: v2 counts without a controller */
	CTRL_CPUSET,
	CTRL_MEMORY,
	CTRL_IO, /* "blkio" on v1 */
	CTRL_PIDS,
	CTRL_HUGETLB,
	CTRL_FREEZER, /* v1 only: every v2 group can be frozen */
	CTRL_COUNT
};

enum cgroup_version { CGROUP_V1, CGROUP_V2, CGROUP_VERSIONS };

/* Which of a cage's two v2 groups: the outer one holds the memory limits, the inner one the program. On v1, and
 * where one group is enough, both words mean the same group. */
enum limit_place { PLACE_CAGE, PLACE_WORK };

enum limit {
	LIMIT_CPU,	   /* us of every 100 ms */
	LIMIT_CPU_WEIGHT,  /* 1..10000, 100 is ordinary */
	LIMIT_CPUS,	   /* text: "0-1,3" */
	LIMIT_MEMORY,	   /* bytes */
	LIMIT_MEMORY_HIGH, /* bytes; v2 only */
	LIMIT_SWAP,	   /* bytes of swap beside the memory */
	LIMIT_PIDS,	   /* tasks */
	LIMIT_OOM_GROUP,   /* 0 or 1; v2 only */
	LIMIT_OOM,	   /* 1: the kernel may kill (default); 0: a full cage waits */
	LIMIT_IO,	   /* list */
	LIMIT_HUGETLB,	   /* list */
	LIMIT_COUNT
};

enum limit_type {
	LIMIT_IS_CPU,
	LIMIT_IS_SIZE,
	LIMIT_IS_COUNT,
	LIMIT_IS_BOOL,
	LIMIT_IS_CPUSET,
	LIMIT_IS_IO,
	LIMIT_IS_HUGETLB
};

enum io_kind { IO_READ, IO_WRITE, IO_RIOPS, IO_WIOPS, IO_KINDS }; /* bytes per second, operations per second */

struct io_limit {
	char *path;		  /* owned: as the user gave it: a device, "major:minor", or any path */
	uint64_t value[IO_KINDS]; /* 0: not given; SIZE_NO_LIMIT: "max" */
};

struct hugetlb_limit {
	uint64_t page_bytes; /* 2 MiB, 1 GiB ... */
	uint64_t limit_bytes;
};

/* What the user asked for. Owned by whoever filled it; limits_drop() frees what hangs on it. */
struct limits {
	uint32_t given;		     /* bit 1 << enum limit */
	uint32_t counted;	     /* bit 1 << enum controller: joined for what it counts, too */
	uint64_t value[LIMIT_COUNT]; /* of the scalar ones; SIZE_NO_LIMIT is "max" */
	char *cpus;
	struct io_limit *io;
	size_t io_count;
	struct hugetlb_limit *hugetlb;
	size_t hugetlb_count;
};

struct limit_form; /* how a value is written and read back: cage/form.h */

/* Where one version of control groups keeps a limit. */
struct limit_file {
	const char *file;	       /* "memory.max"; NULL: this version has no such limit */
	const struct limit_form *form; /* how it is written and read back */
	enum limit_place place;
	const char *effect;    /* a second file, which must say the same after the write; or NULL */
	const char *unit_file; /* a file that must hold unit_text before, or NULL */
	const char *unit_text; /* "100000", the period that a quota is of */
	bool above_memory;     /* may never be below "memory": written first when it rises, last when it falls */
	bool in_root;	       /* the root group has the file too: its absence is seen before anything is made */
	const char *lacking;   /* file NULL: why there is none; else what it means if the kernel lacks the file */
};

struct limit_row {
	const char *key;      /* "memory_high": the language's; on the command line "--memory-high" */
	const char *seed_key; /* older spelling of the same ("mem"), or NULL */
	const char *arg;      /* what help calls its value: "SIZE" */
	const char *help;     /* one line, no full stop */
	enum limit_type type;
	uint64_t min, max; /* of LIMIT_IS_COUNT */
	bool max_word;	   /* "max" is allowed */
	uint64_t normal;   /* what a new group has anyway: asking for it needs no controller */
	bool fixed;	   /* cannot be changed while the cage is there, yet */
	bool by_guard;	   /* no file holds it: the memory's guard (cage/guard/guard.h) sees to it */
	enum controller controller;
	struct limit_file on[CGROUP_VERSIONS];
};

extern const struct limit_row limit_rows[LIMIT_COUNT];
extern const char *const io_kind_keys[IO_KINDS + 1]; /* "read", "write", "riops", "wiops", NULL */

static inline bool limits_has(const struct limits *l, enum limit which)
{
	return l->given & (1U << which);
}

/* Whether the memory has a limit that is not "max". */
static inline bool limits_bound_memory(const struct limits *l)
{
	return limits_has(l, LIMIT_MEMORY) && l->value[LIMIT_MEMORY] != SIZE_NO_LIMIT;
}
void limits_drop(struct limits *l);
