/* virtualing exec */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "run/exec.h"

/* Whoever enters a frozen cage is frozen there, before he has executed anything. */
static bool can_be_entered(const char *name)
{
	struct err e;
	json_t *v = remote_show(name, &e);
	const char *state = json_string_value(json_object_get(v, "state"));
	bool runs = state && (strcmp(state, "running") == 0 || strcmp(state, "held") == 0);

	if (!v)
		cli_fail(&e);
	else if (state && strcmp(state, "paused") == 0)
		fprintf(stderr, "virtualing: %s is paused: `virtualing resume %s` first\n", name, name);
	else if (state && strcmp(state, "full") == 0)
		fprintf(stderr,
			"virtualing: %s is stopped, for its memory is full: `virtualing set %s memory=SIZE` first\n",
			name, name);
	else if (!runs)
		fprintf(stderr, "virtualing: %s does not run (it is %s)\n", name, state ? state : "in no known state");
	json_decref(v);
	return runs;
}

/* Options end at the name, so that the command's are its own; "--" may stand before it. */
int cmd_exec(const struct options_values *own, json_t *document)
{
	char **words = own->args + 1;

	words += strcmp(*words, "--") == 0;
	if (!*words) {
		fputs("virtualing: exec: an argument is missing: it takes NAME -- CMD [ARG...]\n", stderr);
		return CLI_FAILED;
	}
	if (cli_need_root() < 0 || !can_be_entered(own->args[0]))
		return CLI_FAILED;
	return exec_run(own->args[0], words);
}
