#include "cli/start.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
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

int start_described(json_t *document, const char *command, pid_t number)
{
	struct faults faults = FAULTS_NONE;
	struct spec *spec;
	char name[64];

	make_name(command, number, name, sizeof name);
	spec = spec_read(document, name, &faults, NULL, NULL);
	if (!spec) {
		supervisor_print_faults(NULL, &faults);
		faults_drop(&faults);
		return CLI_FAILED;
	}
	return supervisor_run(spec);
}
