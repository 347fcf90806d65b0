/* Whether a kind of guard works on this host: found out by a rescue. */
#pragma once

#include "base/undo.h"
#include "cage/guard/kind.h"

struct cage_host;

/* Makes a small cage of this name, guards it, and lets a process of its own run into the limit, which is then raised.
 * 0: it lived on, and the guard has seen it.  -EOPNOTSUPP: this host cannot do it, and e says why.  -EAGAIN: this host
 * is too slow to tell.  Else the trial itself has failed and says nothing.  It waits: some ten milliseconds, at worst
 * ten seconds.  Nothing of it is left but what `u` has been told of. */
int guard_try(const struct cage_host *host, enum guard_kind kind, const char *group, struct undo *u, struct err *e);
