#include "cage/cpus.h"

#include <errno.h>
#include <string.h>

/* Reads digits; moves *text behind them. */
static int read_cpu(const char **text, unsigned *ret)
{
	unsigned cpu = 0;
	const char *c = *text;

	if (*c < '0' || *c > '9')
		return -EINVAL;
	for (; *c >= '0' && *c <= '9'; c++) {
		cpu = cpu * 10 + (unsigned)(*c - '0');
		if (cpu >= CPUS_MAX)
			return -ERANGE;
	}
	*text = c;
	*ret = cpu;
	return 0;
}

/* "3" or "0-2". */
static int read_range(const char **text, struct cpus *set)
{
	unsigned first, last;
	int r = read_cpu(text, &first);

	if (r < 0)
		return r;
	last = first;
	if (**text == '-') {
		++*text;
		r = read_cpu(text, &last);
		if (r < 0)
			return r;
	}
	if (last < first)
		return -ERANGE;
	for (unsigned cpu = first; cpu <= last; cpu++)
		set->bits[cpu / 64] |= 1ULL << (cpu % 64);
	return 0;
}

int cpus_parse(const char *text, struct cpus *ret)
{
	struct cpus set = {0};

	while (*text) {
		int r = read_range(&text, &set);

		if (r < 0)
			return r;
		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return -EINVAL;
	}
	*ret = set;
	return 0;
}

bool cpus_equal(const struct cpus *a, const struct cpus *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

int cpus_first_beyond(const struct cpus *a, const struct cpus *b)
{
	for (int i = 0; i < CPUS_MAX / 64; i++) {
		uint64_t beyond = a->bits[i] & ~b->bits[i];

		if (beyond)
			return i * 64 + __builtin_ctzll(beyond);
	}
	return -1;
}
