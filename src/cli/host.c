/* virtualing check, gc, doctor: what asks no running virtual. */
#include <stddef.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "run/check.h"
#include "run/doctor.h"
#include "run/gc.h"

int cmd_check(const struct options_values *own, json_t *document)
{
	return check_run(own->args, options_get(own, "json") != NULL);
}

int cmd_gc(const struct options_values *own, json_t *document)
{
	return cli_need_root() < 0 ? CLI_FAILED : gc_run(options_get(own, "dry-run") != NULL);
}

int cmd_doctor(const struct options_values *own, json_t *document)
{
	return doctor_run(options_get(own, "json") != NULL);
}
