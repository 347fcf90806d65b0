/* Asking the supervisor of a virtual. */
#pragma once

#include <jansson.h>

#include "base/err.h"

/* Sends {"op": op, ...} (request: taken over) to the supervisor of `name` and waits for its answer, at most timeout_ms
 * (-1: as long as it takes). 0 and a new reference; or -errno. */
int remote_call(const char *name, json_t *request, int timeout_ms, json_t **ret, struct err *e);

/* The "virtual" of a show, or NULL with a reason. */
json_t *remote_show(const char *name, struct err *e);

/* The same for many at once: ret[i] and e[i] for names[i].  They are asked side by side, but only a few of one
 * supervisor at a time; who has not answered after two seconds is ETIMEDOUT, and so are the others of his supervisor.
 */
void remote_show_all(char *const *names, size_t count, json_t **ret, struct err *e);

/* Prints "virtualing: TEXT" on standard error and returns 125. */
int cli_fail(const struct err *e);
