/* A virtual's life in one JSON object, for --report. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/faults.h"
#include "sys/output.h"

/* What is wrong with it as far as can be seen without making it: faults with the key "report". file: absolute; or NULL.
 */
void summary_check(const char *file, struct faults *f);

/* Whoever reads the file finds all of it. summary: borrowed. */
int summary_write(const struct output *to, const json_t *summary, struct err *e);

/* Of one that was refused before it was anything: {"name", "status", "error"}.  Else an earlier report would be taken
 * for this one's.  Best effort. */
void summary_write_refusal(const char *file, const char *name, int status, const char *why);
