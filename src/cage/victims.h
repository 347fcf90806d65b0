/* Whom the kernel has killed of a cage for memory, and by which limit: what its log (/dev/kmsg) tells of it.
 *
 * The log is read only when the cage's count of kills has risen, so that nobody's records wake us.  How many were
 * killed is the count's word; the log's is who and why, and where it says nothing (it may not be read, records were
 * lost, the reports came too fast) that stays unknown.
 *
 * A kill counts before its record is written, so after a rise the log is looked at more than once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cage/cage.h"
#include "cage/kmsg.h"

enum kill_cause {
	KILL_UNKNOWN,
	KILL_OWN,   /* the cage's own limit, or that of a group within it */
	KILL_OUTER, /* the limit of a group above */
	KILL_HOST,  /* the host has run out */
};
extern const char *const kill_cause_names[]; /* "unknown", "own", "outer", "host" */

struct victim {
	pid_t pid;		 /* on the host */
	char name[KMSG_NAME];	 /* text_tidy() */
	struct cage_parts parts; /* what it had; the kernel's part is not told */
};

enum { VICTIMS_MAX = 16 };
struct kills {
	uint64_t count;
	struct victim victims[VICTIMS_MAX]; /* those that are known: none, some or all */
	size_t known;
	enum kill_cause cause;	    /* of the latest */
	bool not_own;		    /* KILL_UNKNOWN, but it was not the cage's own limit */
	char group[KMSG_PATH];	    /* whose limit, if it is not the cage's own; "": not known */
	uint64_t group_limit_bytes; /* UINT64_MAX: not known */
	uint64_t usage_bytes;	    /* the cage's when it was killed for its own limit; UINT64_MAX: not known */
	struct cage_parts parts;    /* what that was made of */
};

struct victims;

/* From now on. c: borrowed. NULL: this host has no memory controller, or there is no memory. */
struct victims *victims_open(const struct cage *c);
void victims_drop(struct victims **v); /* NULL is fine */

bool victims_can_read(const struct victims *v); /* the log, as far as it is known */

/* Reads what the log has to say by now: how many of the cage it has told of, decoys not among them.  *ret_strays: how
 * many of whom it has not told which group they were in. */
size_t victims_look(struct victims *v, size_t *ret_strays);

/* What became of `count` kills since the last call. */
void victims_take(struct victims *v, uint64_t count, struct kills *ret);

/* A full cage has been saved: its being full does not explain the next kill. */
void victims_forget_full(struct victims *v);

/* ---- for tests ---- */

struct victims *victims_open_at(const struct cage *c, int log, bool sees_all); /* log: given away */
