#include "load/query.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"

#define BYTES_MAX (1ULL << 40)

static int read_bytes(struct query *q, const char *value)
{
	uint64_t bytes;
	int r = parse_size(value, 0, &bytes);

	if (r == 0 && (bytes == 0 || bytes > BYTES_MAX))
		r = -ERANGE;
	if (r == 0)
		q->bytes = bytes;
	return r;
}

static int read_chunks(struct query *q, const char *value)
{
	uint64_t chunks;
	int r = parse_number(value, UINT64_MAX, &chunks);

	if (r == 0 && chunks == 0)
		r = -ERANGE;
	if (r == 0)
		q->chunks = chunks;
	return r;
}

static int read_path(struct query *q, const char *value)
{
	if (!*value)
		return -EINVAL;
	if (strlen(value) >= PATH_MAX)
		return -ERANGE;
	q->path = strdup(value);
	return q->path ? 0 : -ENOMEM;
}

/* "2", "0.25": decimal digits, at most three after the point. */
static int read_seconds(struct query *q, const char *value)
{
	size_t whole_length = strcspn(value, ".");
	uint64_t seconds, thousandths = 0;
	char whole[8], decimals[4] = "000";
	int r;

	if (whole_length >= sizeof whole)
		return strspn(value, "0123456789.") == strlen(value) ? -ERANGE : -EINVAL;
	memcpy(whole, value, whole_length);
	whole[whole_length] = '\0';
	r = parse_number(whole, UINT64_MAX, &seconds);
	if (r == 0 && value[whole_length]) {
		const char *after = value + whole_length + 1;

		if (!*after || strlen(after) >= sizeof decimals)
			return -EINVAL;
		memcpy(decimals, after, strlen(after));
		r = parse_number(decimals, UINT64_MAX, &thousandths);
	}
	if (r < 0)
		return r;
	q->for_ms = seconds * 1000 + thousandths;
	return q->for_ms == 0 || q->for_ms > SECONDS_MAX * 1000 ? -ERANGE : 0;
}

static const struct row {
	const char *name;
	int (*read)(struct query *q, const char *value);
	const char *form;
} rows[] = {
	[PARAM_BYTES] = {"bytes", read_bytes, "a size from 1 to 1T, as 4096 or 10M"},
	[PARAM_CHUNKS] = {"chunks", read_chunks, "a number from 1"},
	[PARAM_PATH] = {"path", read_path, "the absolute path of a file that is not there yet"},
	[PARAM_SECONDS] = {"seconds", read_seconds, "a number from 0.001 to 3600, as 2 or 0.25"},
};
static_assert(sizeof rows / sizeof *rows == PARAMS, "each parameter has its row");

static int find(const char *name)
{
	for (int i = 0; i < PARAMS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	return -1;
}

static int unknown(unsigned allowed, const char *name, struct err *e)
{
	const char *known[PARAMS + 1] = {NULL};
	size_t count = 0;
	const char *near;

	for (int i = 0; i < PARAMS; i++)
		if (allowed & 1U << i)
			known[count++] = rows[i].name;
	near = parse_nearest(name, known);
	return err_set(e, EINVAL, "unknown parameter %.60s%s%s%s", name, near ? " (did you mean " : "",
		near ? near : "",
		near	? "?)"
		: count ? ""
			: ": this request takes none");
}

int query_add(struct query *q, unsigned allowed, const char *name, size_t name_size, const char *value,
	size_t value_size, struct err *e)
{
	int which, r;

	if (strlen(name) != name_size || (value && strlen(value) != value_size))
		return err_set(e, EINVAL, "a zero byte is in parameter %.60s", name);
	which = find(name);
	if (which < 0 || !(allowed & 1U << which))
		return unknown(allowed, name, e);
	if (q->given & 1U << which)
		return err_set(e, EINVAL, "parameter %s is given twice", name);
	r = value ? rows[which].read(q, value) : -EINVAL;
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "no memory for parameter %s", name);
	if (r < 0)
		return err_set(e, -r, "%s=%.60s%s: wanted is %s", name, value ? value : "",
			value && strlen(value) > 60 ? "..." : "", rows[which].form);
	q->given |= 1U << which;
	return 0;
}

int query_check(const struct query *q, unsigned needed, struct err *e)
{
	for (int i = 0; i < PARAMS; i++)
		if (needed & ~q->given & 1U << i)
			return err_set(e, EINVAL, "parameter %s is missing: %s", rows[i].name, rows[i].form);
	return 0;
}

void query_drop(struct query *q)
{
	free_drop(&q->path);
}
