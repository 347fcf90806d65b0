/* virtualing run, virtualing FILE.rb */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "run/supervisor.h"

bool cli_is_file(const char *name)
{
	size_t length = strlen(name);

	return length > 3 && strcmp(name + length - 3, ".rb") == 0;
}

/* A virtual without --name is called after its command and our pid: "sleep-4711". */
static void make_name(const char *command, char *ret, size_t size)
{
	const char *base = strrchr(command, '/');
	size_t used = 0;

	for (base = base ? base + 1 : command; *base && used < 40; base++)
		if (isalnum((unsigned char)*base) || (used && strchr("._-", *base)))
			ret[used++] = *base;
	snprintf(ret + used, size - used, "%s%d", used ? "-" : "run-", (int)getpid());
}

static int run_options(const struct options_values *own, json_t *document)
{
	struct faults faults = FAULTS_NONE;
	struct spec *spec;
	struct err e;
	char name[64];

	make_name(own->args[0], name, sizeof name);
	if (spec_command(document, own->args, &e) < 0)
		return cli_fail(&e);
	spec = spec_read(document, name, &faults, NULL, NULL);
	if (!spec) {
		supervisor_print_faults(NULL, &faults);
		faults_drop(&faults);
		return CLI_FAILED;
	}
	return supervisor_run(spec);
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
