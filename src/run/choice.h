/* Which guard this host can do. It is found out by a trial of each kind, the best first, when it is asked for the first
 * time since boot; the answer is kept in /run/virtualing/.guard. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cage/guard/kind.h"

struct cage_host;

struct choice {
	enum guard_kind kind;
	char why[ERR_TEXT]; /* not a better one: "decoy: ..."; "" for the best */
};

/* Makes a choice of zeros; one that is made already stays.  A kind whose trial could not be made, or was too slow, is
 * taken and not kept: whoever starts it will see.  -EOPNOTSUPP: none works, and e says why. */
int choice_make(const struct cage_host *host, struct choice *c, struct err *e);

/* The same from outside: what a trial of this kind, after all better ones, has shown. True: the choice is made. */
bool choice_take(struct choice *c, enum guard_kind kind, int r, const struct err *e);

/* A trial of this kind, or two. 0, -EOPNOTSUPP, or another, as guard_try(). */
int choice_try(const struct cage_host *host, enum guard_kind kind, struct err *e);

/* What was found out is wrong: the next choice is made by trying. */
void choice_forget(struct choice *c);
