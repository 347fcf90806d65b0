#include "cli/manual/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct known {
	const char *word, *kind;
};

/* A name is of a virtual that is there, except in an option, which gives one. */
static const struct known arguments[] = {
	{"NAME", "virtual"},
	{"FILE.rb", "ruby"},
	{"FILE", "file"},
	{"RECORDING", "file"},
	{"DIR", "directory"},
	{"PID", "pid"},
	{"CMD", "command"},
	{"ARG", "file"},
	{"KEY=VALUE", "key"},
	{NULL, NULL},
};
static const struct known values[] = {
	{"FILE", "file"},
	{"PATH:LIST", "file"},
	{"SRC[:DST]", "file"},
	{"RECORDING", "file"},
	{"DIR", "directory"},
	{"PID", "pid"},
	{"UID[:GID]", "user"},
	{"SIGNAL", "signal"},
	{NULL, NULL},
};

static const char *kind_of(const struct known *known, const char *word, size_t length)
{
	for (; known->word; known++)
		if (strlen(known->word) == length && memcmp(known->word, word, length) == 0)
			return known->kind;
	return NULL;
}

/* A literal is written small: "decoy", "none"; "keep=A,B" and "SIZE" are not. */
static bool is_literal(const char *word, size_t length)
{
	return length > 0 && length < sizeof((struct word *)NULL)->literal &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") >= length;
}

/* The alternatives of a word. */
static size_t choices(const struct known *known, const char *word, size_t length, struct word *ret)
{
	size_t count = 0;

	for (const char *at = word, *end = word + length; at < end && count < WORDS_MAX;) {
		size_t left = (size_t)(end - at), one = strcspn(at, "|");
		const char *kind;
		/* A list of literals may begin with any of them. */
		size_t first = strcspn(at, "|,");

		one = one < left ? one : left;
		first = first < left ? first : left;
		kind = kind_of(known, at, one);
		ret[count] = (struct word){.kind = kind};
		if (kind)
			count++;
		else if (is_literal(at, first))
			snprintf(ret[count++].literal, sizeof ret->literal, "%.*s", (int)first, at);
		at += (kind ? one : first) + 1;
	}
	return count;
}

size_t words_of_value(const char *arg, struct word *ret)
{
	return choices(values, arg, strlen(arg), ret);
}

/* The next word of a usage line without its brackets and dots; its length, 0 at the end.  "--" and options of a usage
 * line are no arguments. */
static size_t next_word(const char **at, const char **word, bool *repeats)
{
	size_t length;

	do {
		*at += strspn(*at, " ");
		*word = *at;
		length = strcspn(*at, " ");
		*at += length;
		if (length > 1 && **word == '-' && (*word)[1] != '-') { /* "-o FILE" */
			*at += strspn(*at, " ");
			*at += strcspn(*at, " ");
		}
	} while (length && **word == '-');
	if (length && **word == '[' && (*word)[length - 1] == ']') {
		++*word;
		length -= 2;
	}
	*repeats = length > 3 && memcmp(*word + length - 3, "...", 3) == 0;
	return *repeats ? length - 3 : length;
}

size_t words_of_argument(const char *args, unsigned number, int *ret_rest, struct word *ret)
{
	const char *word;
	bool repeats;
	size_t length = 0;

	for (unsigned i = 0; i < number; i++)
		length = next_word(&args, &word, &repeats);
	*ret_rest = length && repeats;
	return length ? choices(arguments, word, length, ret) : 0;
}

unsigned words_count(const char *args)
{
	const char *word;
	bool repeats;
	unsigned count = 0;

	while (next_word(&args, &word, &repeats))
		count++;
	return count;
}
