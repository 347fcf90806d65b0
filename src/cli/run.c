/* virtualing run, virtualing FILE.rb */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "cli/start.h"
#include "run/supervisor.h"

bool cli_is_file(const char *name)
{
	size_t length = strlen(name);

	return length > 3 && strcmp(name + length - 3, ".rb") == 0;
}

static int run_options(const struct options_values *own, json_t *document)
{
	struct err e;

	if (spec_command(document, own->args, &e) < 0)
		return cli_fail(&e);
	return start_described(document, own->args[0], getpid());
}

/* `run FILE.rb` and `run -- CMD`: a file ends in .rb, and has no options beside it. */
int cmd_run(const struct options_values *own, json_t *document)
{
	if (cli_need_root() < 0)
		return CLI_FAILED;
	if (cli_is_file(own->args[0]) && json_object_size(document) == 0)
		return supervisor_run_file(own->args);
	return run_options(own, document);
}

int cli_run_file(char **words)
{
	return cli_need_root() < 0 ? CLI_FAILED : supervisor_run_file(words);
}
