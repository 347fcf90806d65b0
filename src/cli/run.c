/* virtualing run, virtualing FILE.rb */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "cli/start.h"
#include "run/detach.h"
#include "run/log.h"
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
	return start_described(document, own->args[0], getpid(), options_get(own, "detach") != NULL);
}

/* All that the file's virtuals and its script print, where they have no log of their own. */
static int open_log(json_t *document, int *ret, struct err *e)
{
	struct faults faults = FAULTS_NONE;
	const char *path;
	int r = cli_absolute_files(document, e);

	if (r < 0)
		return r;
	path = json_string_value(json_object_get(document, "log"));
	if (path && *path != '/')
		return err_set(e, EINVAL, "--log: \"%s\" is not a path", path);
	log_check(path, &faults);
	if (faults.count)
		r = err_set(e, EINVAL, "--log: %s", faults.list[0].text);
	faults_drop(&faults);
	if (r == 0 && path)
		r = *ret = log_open(path, e);
	return r < 0 ? r : 0;
}

static int run_file(char **words, bool detached, json_t *document)
{
	AUTO(fd_drop) int log = -1;
	struct detach detach;
	struct err e;
	int status;

	if (open_log(document, &log, &e) < 0)
		return cli_fail(&e);
	if (!detached)
		return supervisor_run_file(words, NULL, log);
	return detach_from(&detach, &status) ? status : supervisor_run_file(words, &detach, log);
}

static bool is_log_alone(const json_t *document)
{
	return json_object_size(document) == (json_object_get(document, "log") ? 1 : 0);
}

/* `run FILE.rb` and `run -- CMD`: a file ends in .rb, does not stand behind "--", and has no limits and walls beside
 * it. */
int cmd_run(const struct options_values *own, json_t *document)
{
	bool is_file = !own->command_follows && cli_is_file(own->args[0]);
	struct err e;

	if (cli_need_root() < 0)
		return CLI_FAILED;
	if (!is_file)
		return run_options(own, document);
	if (is_log_alone(document))
		return run_file(own->args, options_get(own, "detach") != NULL, document);
	err_set(&e, EINVAL,
		"run: a file has its limits and walls inside: write them into %s, or, if it is a command, -- before it",
		own->args[0]);
	return cli_fail(&e);
}

int cli_run_file(char **words)
{
	return cli_need_root() < 0 ? CLI_FAILED : supervisor_run_file(words, NULL, -1);
}
