/* A command of the program, as data: what it is called, which options and arguments it takes, and what does it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "spec/spec.h"

struct options_values;

struct option_row {
	char letter;	  /* "-f"; '\0': none */
	const char *name; /* "follow", without its dashes; NULL ends a list */
	const char *arg;  /* what help calls the value: "S"; NULL: a switch */
	const char *help; /* one line, no full stop */
};

struct command {
	const char *name;
	const char *args;    /* as the usage line shows them: "NAME", "-- CMD [ARG...]"; "" for none */
	const char *summary; /* one line, no full stop */
	const char *details; /* paragraphs for --help, separated by "\n\n"; or NULL */
	const char *status;  /* what its exit status says, no full stop; NULL: 0 when done, otherwise 125 */
	const struct option_row *options; /* its own, at most OPTIONS_OWN_MAX; or NULL. --help is everywhere */
	unsigned use;	    /* USE_RUN ...: the keys of a description that are options of it, too; 0: none */
	int args_min;	    /* how many arguments it takes */
	int args_max;	    /* -1: any number */
	bool options_first; /* options end at the first argument, for the rest belongs to somebody else */

	/* Returns the exit status. document: what the keys' options say, an object; borrowed. */
	int (*run)(const struct options_values *own, json_t *document);
};

/* The command of this name in a table that ends with a row without name, or NULL; then *near is the name that is
 * nearest to it, or NULL. */
const struct command *command_find(const struct command *table, const char *name, const char **near);

/* One line for each row of some tables, NULL at the end; a blank line between them, and one column for all. */
void commands_help(FILE *out, const struct command *const *tables);
