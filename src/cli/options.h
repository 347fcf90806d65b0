/* Options of a command, from two tables: its own rows, and the keys of a description that may be given to it.
 *
 *     struct options_values own;
 *     AUTO(json_drop) json_t *document = json_object();
 *
 *     if (options_parse(command, argc, argv, document, &own, &e) < 0)
 *         ...
 *     if (own.help)
 *         options_help(stdout, command);
 *     else
 *         status = command->run(&own, document);
 *
 * "--key VALUE", "--key=VALUE", "-k VALUE", "-kVALUE"; "--" ends the options.  They may stand before and after the
 * arguments, except for commands with options_first.  A value that begins with "--" needs the form with "=", so that a
 * forgotten value is noticed.  An option is given once, unless its key makes a list or it is a switch.
 */
#pragma once

#include "cli/command.h"

enum { OPTIONS_OWN_MAX = 16 };

struct options_values { /* everything is borrowed from the command and from argv */
	const struct command *command;
	const char
		*own[OPTIONS_OWN_MAX]; /* for each of the command's rows: its value, "" for a switch, NULL: not given */
	char **args;		       /* what is no option; NULL at the end */
	int arg_count;
	bool command_follows; /* "--" stood before the first of them */
	bool help;	      /* --help was there: nothing else has been looked at after it */
};

/* argv[0] is the command's name, argv[argc] NULL; its order is changed.  document: an object, filled by spec_option().
 * 0 or -EINVAL with a text that begins with the command's name. */
int options_parse(const struct command *command, int argc, char **argv, json_t *document, struct options_values *ret,
	struct err *e);

/* The value of one of the command's own options, "" for a switch; NULL when it was not given. */
const char *options_get(const struct options_values *values, const char *name);

/* An option as help, manual page and completions show it, whichever table it stands in. */
struct option_shown {
	const char *title; /* of its section: "Options", "Cage" ... */
	char letter;	   /* '\0': none */
	char name[32];	   /* without its dashes */
	const char *arg;   /* NULL: a switch */
	const char *help;
	bool repeats;
};

/* All options of a command in the order of its help: its own, --help, then the keys by section.  index from 0; false
 * after the last, and *ret is untouched. */
bool options_at(const struct command *command, size_t index, struct option_shown *ret);

/* Usage, summary and every option, aligned, in 80 columns. */
void options_help(FILE *out, const struct command *command);
