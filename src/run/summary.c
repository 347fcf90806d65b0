#include "run/summary.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/own.h"

int summary_write(const char *file, const json_t *summary, struct err *e)
{
	AUTO(free_drop) char *passing = NULL;
	int r = 0;

	if (asprintf(&passing, "%s.%d", file, (int)getpid()) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (json_dump_file(summary, passing, JSON_COMPACT) < 0 || rename(passing, file) < 0)
		r = err_sys(e, "write the report %s", file);
	if (r < 0)
		unlink(passing);
	return r;
}
