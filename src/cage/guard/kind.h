/* The kinds of guards, and what each of them promises. */
#pragma once

#include "cage/limit.h"

enum guard_kind {
	GUARD_AUTO, /* the best that this host can do */
	GUARD_DECOY,
	GUARD_PAUSE,
	GUARD_WIRE,
	GUARD_KINDS
};

struct guard_kind_row {
	const char *name;    /* "decoy": in descriptions, and where it is shown */
	const char *promise; /* what becomes of who wants memory in a full cage */
	bool on[CGROUP_VERSIONS];
};
extern const struct guard_kind_row guard_kinds[GUARD_KINDS];

/* By its name; -EINVAL. */
int guard_kind_find(const char *name);
