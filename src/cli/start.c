#include "cli/start.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
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

void cli_absolute_files(json_t *document)
{
	static const char *const keys[] = {"record", "report", "log"};
	char here[PATH_MAX];

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *file = json_string_value(json_object_get(document, keys[i]));

		if (file && *file && *file != '/' && strcmp(file, "default") != 0 && getcwd(here, sizeof here))
			json_object_set_new(document, keys[i], json_sprintf("%s/%s", here, file));
	}
}

int start_described(json_t *document, const char *command, pid_t number, bool detached)
{
	struct faults faults = FAULTS_NONE;
	struct detach detach;
	struct spec *spec;
	char name[64];
	int status;

	make_name(command, number, name, sizeof name);
	cli_absolute_files(document);
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
