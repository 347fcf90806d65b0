/* The parameters of a request, strictly: each one known to the request, well formed, in its range and given once.
 *
 * Order: a struct query of zeros, query_add for each that came, query_check, and query_drop in the end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum param { PARAM_BYTES, PARAM_CHUNKS, PARAM_PATH, PARAM_SECONDS, PARAMS };

/* For sets of them: 1 << PARAM_BYTES ... */
#define PARAM(name) (1U << PARAM_##name)

enum { SECONDS_MAX = 3600 };

struct query {
	unsigned given; /* PARAM(...) */
	uint64_t bytes, chunks, for_ms;
	char *path; /* owned */
};

/* name and value: decoded; value NULL: there was no "=".  allowed: those that the request knows.  The sizes are how
 * long they were sent, so that a zero byte in one is noticed.  -EINVAL, -ERANGE, -ENOMEM. */
int query_add(struct query *q, unsigned allowed, const char *name, size_t name_size, const char *value,
	size_t value_size, struct err *e);

/* -EINVAL when one of those that the request cannot be without is missing. */
int query_check(const struct query *q, unsigned needed, struct err *e);
void query_drop(struct query *q);
