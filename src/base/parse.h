/* Numbers as people and kernels write them. Strict: no sign, no blanks, no rest, no silent overflow. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIZE_NO_LIMIT UINT64_MAX /* "max" */

/* Decimal digits only. 0, -EINVAL or -ERANGE (above max). *ret is untouched on failure. */
int parse_number(const char *text, uint64_t max, uint64_t *ret);

/* Bytes: "4096", "512M", "1.5G", "64KiB", "10MB" (powers of 1024 throughout); "max" where max_allowed gives
 * SIZE_NO_LIMIT. 0, -EINVAL or -ERANGE (does not fit in 63 bits). */
int parse_size(const char *text, int max_allowed, uint64_t *ret);

enum { CPU_MIN_US = 1000, CPU_MAX_US = 1000000000 }; /* of every 100 ms: the kernel's smallest quota; 10,000 CPUs */

/* CPUs as microseconds of every 100 ms: "30%" gives 30000, "1.5" gives 150000, "max" SIZE_NO_LIMIT.
 * 0, -EINVAL or -ERANGE (outside CPU_MIN_US..CPU_MAX_US). */
int parse_cpu(const char *text, uint64_t *ret);

/* "512.0M", "10K", "max": the shortest form with at most one decimal; returns buffer. 16 bytes are enough. */
char *print_size(char *buffer, size_t length, uint64_t bytes);

/* "2d03h", "1h02m", "3m07s", "12s"; returns buffer. 24 bytes are enough. */
char *print_time(char *buffer, size_t size, uint64_t ms);

/* The word of `words` (NULL-terminated) nearest to `word` by edit distance, or NULL when none is near: more than a
 * third of its letters (of a word of one or two: more than one) would have to change. Borrowed from words. */
const char *parse_nearest(const char *word, const char *const *words);
