#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (const char *c = text; *c; c++) {
		if (!isdigit((unsigned char)*c))
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

typedef unsigned __int128 wide; /* a 64-bit number of thousandths, shifted by 40 bits: nothing is lost on the way */

/* Reads "12" or "12.345" as thousandths, so that no floating point is needed. -EINVAL, -ERANGE (the whole part is
 * beyond 64 bits); *end: the first character after it. */
static int parse_thousandths(const char *text, wide *ret, const char **end)
{
	uint64_t whole = 0;
	wide decimals = 0;
	const char *c = text;

	if (!isdigit((unsigned char)*c))
		return -EINVAL;
	for (; isdigit((unsigned char)*c); c++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(*c - '0'), &whole))
			return -ERANGE;
	if (*c == '.') {
		unsigned weight = 100, digits = 0;

		for (c++; isdigit((unsigned char)*c); c++, weight /= 10, digits++)
			decimals += (unsigned)(*c - '0') * weight;
		if (digits < 1 || digits > 3)
			return -EINVAL;
	}
	*ret = (wide)whole * 1000 + decimals;
	*end = c;
	return 0;
}

/* 10 for K, 20 for M ...; 0 for none; -1 for something else. Moves *c past the letter. */
static int parse_unit(const char **c)
{
	static const char letters[] = "KMGT";
	const char *found = **c ? strchr(letters, toupper((unsigned char)**c)) : NULL;

	if (!**c)
		return 0;
	if (!found)
		return **c == 'B' ? 0 : -1;
	++*c;
	return 10 * (int)(found - letters + 1);
}

int parse_size(const char *text, int max_allowed, uint64_t *ret)
{
	wide thousandths, bytes;
	const char *rest;
	int shift, r;

	if (max_allowed && strcmp(text, "max") == 0) {
		*ret = SIZE_NO_LIMIT;
		return 0;
	}
	r = parse_thousandths(text, &thousandths, &rest);
	if (r < 0)
		return r;
	shift = parse_unit(&rest);
	if (shift < 0)
		return -EINVAL;
	if (shift == 0 && thousandths % 1000)
		return -EINVAL; /* half a byte */
	if (*rest && strcmp(rest, "B") != 0 && (shift == 0 || strcmp(rest, "iB") != 0))
		return -EINVAL;
	bytes = (thousandths << shift) / 1000;
	if (bytes > INT64_MAX)
		return -ERANGE;
	*ret = (uint64_t)bytes;
	return 0;
}

int parse_cpu(const char *text, uint64_t *ret)
{
	wide thousandths, micros;
	const char *rest;
	int r;

	if (strcmp(text, "max") == 0) {
		*ret = SIZE_NO_LIMIT;
		return 0;
	}
	r = parse_thousandths(text, &thousandths, &rest);
	if (r < 0)
		return r;
	if (strcmp(rest, "%") == 0)
		micros = thousandths; /* 1 % is 1000 us of 100 ms */
	else if (*rest)
		return -EINVAL;
	else
		micros = thousandths * 100;
	if (micros < CPU_MIN_US || micros > CPU_MAX_US)
		return -ERANGE;
	*ret = (uint64_t)micros;
	return 0;
}

char *print_size(char *buffer, size_t length, uint64_t bytes)
{
	static const char letters[] = "KMGT";
	int unit = -1;
	uint64_t tenths = bytes;

	if (bytes == SIZE_NO_LIMIT) {
		snprintf(buffer, length, "max");
		return buffer;
	}
	for (uint64_t whole = bytes; whole >= 1024 && unit < 3; whole /= 1024)
		unit++;
	if (unit < 0) {
		snprintf(buffer, length, "%llu", (unsigned long long)bytes);
		return buffer;
	}
	tenths = (uint64_t)(((unsigned __int128)bytes * 10 + (1ULL << (10 * (unit + 1) - 1))) >> (10 * (unit + 1)));
	if (bytes & ((1ULL << (10 * (unit + 1))) - 1))
		snprintf(buffer, length, "%llu.%llu%c", (unsigned long long)(tenths / 10),
			(unsigned long long)(tenths % 10), letters[unit]);
	else
		snprintf(buffer, length, "%llu%c", (unsigned long long)(tenths / 10), letters[unit]);
	return buffer;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

enum { NEAREST_LONGEST = 48 };

/* Optimal string alignment: like Levenshtein, but two swapped neighbours count once ("memroy"). */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][NEAREST_LONGEST + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		size_t *oldest = before;
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_length];
}

const char *parse_nearest(const char *word, const char *const *words)
{
	size_t length = strlen(word);
	size_t best = (length < 3 ? 1 : length / 3) + 1;
	const char *found = NULL;

	if (length > NEAREST_LONGEST || length == 0)
		return NULL;
	for (; *words; words++) {
		size_t other = strlen(*words);
		size_t distance = other <= NEAREST_LONGEST ? edit_distance(word, length, *words, other) : best;

		if (distance < best && distance < other) { /* a word with nothing in common is not near */
			best = distance;
			found = *words;
		}
	}
	return found;
}

char *print_time(char *buffer, size_t size, uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (s >= 86400)
		snprintf(buffer, size, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(buffer, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(buffer, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		snprintf(buffer, size, "%" PRIu64 "s", s);
	return buffer;
}
