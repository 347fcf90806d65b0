#include "cli/start.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/remote.h"
#include "run/detach.h"
#include "run/supervisor.h"

static void make_name(const char *command, pid_t number, char *ret, size_t size)
{
	const char *base = strrchr(command, '/');
	size_t used = 0;

	for (base = base ? base + 1 : command; *base && used < 40; base++)
		if (isalnum((unsigned char)*base) || (used && strchr("._-", *base)))
			ret[used++] = *base;
	snprintf(ret + used, size - used, "%s%d", used ? "-" : "run-", (int)number);
}

/* Where ".." leads is the kernel's to say, for there may be a link before it. */
static int make_absolute(json_t *document, const char *key, const char *file, struct err *e)
{
	const char *slash = strstr(file, "..") ? strrchr(file, '/') : NULL;
	char folder[PATH_MAX], path[PATH_MAX];

	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - file) : 1, slash ? file : ".");
	if (!realpath(folder, path))
		return err_sys(e, "--%s: cannot make %s: %s", key, file, folder);
	json_object_set_new(document, key, json_sprintf("%s/%s", path, slash ? slash + 1 : file));
	return 0;
}

int cli_absolute_files(json_t *document, struct err *e)
{
	static const char *const keys[] = {"record", "report", "log"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof keys / sizeof *keys; i++) {
		const char *file = json_string_value(json_object_get(document, keys[i]));

		if (file && *file && *file != '/' && strcmp(file, "default") != 0)
			r = make_absolute(document, keys[i], file, e);
	}
	return r;
}

int start_described(json_t *document, const char *command, pid_t number, bool detached)
{
	struct faults faults = FAULTS_NONE;
	struct detach detach;
	struct spec *spec;
	char name[64];
	struct err e;
	int status;

	make_name(command, number, name, sizeof name);
	if (cli_absolute_files(document, &e) < 0)
		return cli_fail(&e);
	spec = spec_read(document, name, &faults, NULL, NULL);
	if (!spec) {
		supervisor_print_faults(NULL, &faults);
		faults_drop(&faults);
		return CLI_FAILED;
	}
	if (!detached)
		return supervisor_run(spec, NULL);
	if (!detach_from(&detach, &status))
		return supervisor_run(spec, &detach);
	spec_drop(&spec);
	return status;
}
