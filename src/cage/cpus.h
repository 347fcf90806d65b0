/* Sets of CPUs as the kernel writes them: "0-1,3". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { CPUS_MAX = 8192 }; /* the largest CONFIG_NR_CPUS of x86 */

struct cpus {
	uint64_t bits[CPUS_MAX / 64];
};

/* Strict: numbers and ranges, commas between, no blanks; "" is the empty set. -EINVAL, -ERANGE (a CPU of CPUS_MAX
 * or more, a range that runs backwards). *ret is untouched on failure. */
int cpus_parse(const char *text, struct cpus *ret);

bool cpus_equal(const struct cpus *a, const struct cpus *b);

/* The lowest CPU that is in a and not in b, or -1: then a is a subset of b. */
int cpus_first_beyond(const struct cpus *a, const struct cpus *b);
