/* What may stand for a word that help shows, so that shells can complete it: the same words say it to people. */
#pragma once

#include <stddef.h>

/* One thing that may stand there. */
struct word {
	char literal[32]; /* "decoy"; "": any of a kind */
	const char
		*kind; /* "virtual", "ruby", "file", "directory", "pid", "command", "key", "user", "signal"; or NULL */
};

enum { WORDS_MAX = 16 };

/* The choices of an option's value: "auto|decoy", "FILE", "pid,ipc". How many; 0 where nothing is known. */
size_t words_of_value(const char *arg, struct word *ret);

/* The choices of a command's argument, the first is 1, taken from its usage line: "NAME KEY=VALUE...".
 * *ret_rest: it is the one that repeats, as whatever follows it is.  How many choices; 0: nothing is known of it. */
size_t words_of_argument(const char *args, unsigned number, int *ret_rest, struct word *ret);

/* How many arguments a usage line has, the repeated one counted once. */
unsigned words_count(const char *args);
