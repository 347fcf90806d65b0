#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
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
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* Reads "12" or "12.345" as thousandths, so that no floating point is needed. -EINVAL, -ERANGE; *end: the first
 * character after it. */
static int parse_thousandths(const char *text, uint64_t *ret, const char **end)
{
	uint64_t value = 0;
	const char *c = text;
	int decimals = 0;

	if (!isdigit((unsigned char)*c))
		return -EINVAL;
	for (; isdigit((unsigned char)*c); c++)
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return -ERANGE;
	if (__builtin_mul_overflow(value, 1000, &value))
		return -ERANGE;
	if (*c == '.') {
		uint64_t weight = 100;

		for (c++; isdigit((unsigned char)*c); c++, weight /= 10, decimals++)
			if (__builtin_add_overflow(value, (uint64_t)(*c - '0') * weight, &value))
				return -ERANGE;
		if (decimals < 1 || decimals > 3)
			return -EINVAL;
	}
	*ret = value;
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
	uint64_t thousandths;
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

	/* thousandths * 2^shift / 1000, in 128 bits so that nothing is lost on the way */
	unsigned __int128 bytes = ((unsigned __int128)thousandths << shift) / 1000;
	if (bytes > INT64_MAX)
		return -ERANGE;
	*ret = (uint64_t)bytes;
	return 0;
}

int parse_cpu(const char *text, uint64_t *ret)
{
	uint64_t thousandths, micros;
	const char *rest;
	int r;

	if (strcmp(text, "max") == 0) {
		*ret = SIZE_NO_LIMIT;
		return 0;
	}
	r = parse_thousandths(text, &thousandths, &rest);
	if (r < 0)
		return r;
	if (thousandths > 1000000ULL * 1000)
		return -ERANGE;
	if (strcmp(rest, "%") == 0)
		micros = thousandths; /* 1 % is 1000 us of 100 ms */
	else if (!*rest)
		micros = thousandths * 100;
	else
		return -EINVAL;
	if (micros < 1000)
		return -ERANGE;
	*ret = micros;
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
	tenths = (uint64_t)(((unsigned __int128)bytes * 10) >> (10 * (unit + 1)));
	if (bytes & ((1ULL << (10 * (unit + 1))) - 1))
		snprintf(buffer, length, "%llu.%llu%c", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10),
			letters[unit]);
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
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
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
	size_t best = (length + 2) / 3 + 1; /* nearer than a third */
	const char *found = NULL;

	if (length > NEAREST_LONGEST)
		return NULL;
	for (; *words; words++) {
		size_t other = strlen(*words);
		size_t distance = other <= NEAREST_LONGEST ? edit_distance(word, length, *words, other) : best;

		if (distance < best) {
			best = distance;
			found = *words;
		}
	}
	return found;
}
