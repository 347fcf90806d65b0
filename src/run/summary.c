#include "run/summary.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "run/target.h"

enum { SECONDS_DIGITS = 15 }; /* a double holds no more: 0.006, and not 0.0060000000000000001 */

void summary_check(const char *file, struct faults *f)
{
	if (file)
		target_check(file, "report", false, f);
}

struct summary {
	const char *file;
	char *text;
};

static int fill(int fd, void *arg, struct err *e)
{
	const struct summary *s = arg;

	return output_put(fd, s->file, s->text, strlen(s->text), e);
}

int summary_write(const struct output *to, const json_t *summary, struct err *e)
{
	AUTO(free_drop) char *text = json_dumps(summary, JSON_COMPACT | JSON_REAL_PRECISION(SECONDS_DIGITS));
	struct summary s = {to->path, text};
	int r = text ? output_replace(to, fill, &s, e) : err_set(e, ENOMEM, "out of memory");

	return r < 0 ? err_while(e, "report") : 0;
}

void summary_write_refusal(const char *file, const char *name, int status, const char *why)
{
	AUTO(output_drop) struct output to = OUTPUT_NONE;
	json_t *o = json_pack("{s:s, s:i, s:s}", "name", name, "status", status, "error", why);
	struct err ignored;

	if (output_open(file, &to, &ignored) == 0)
		summary_write(&to, o, &ignored);
	json_decref(o);
}
