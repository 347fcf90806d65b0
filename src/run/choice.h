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

/* -EOPNOTSUPP: none works, and e says why. Another: it could not be found out. */
int choice_make(const struct cage_host *host, struct choice *ret, struct err *e);

/* What a trial of this kind has shown; asked for the kinds one after the other, of a choice of zeros. A kind that is
 * too slow to be seen is taken, and not kept. True: the choice is made. */
bool choice_take(struct choice *c, enum guard_kind kind, int r, const struct err *e);

/* A trial of this kind, or two. 0, -EOPNOTSUPP, or another, as guard_try(). */
int choice_try(const struct cage_host *host, enum guard_kind kind, struct err *e);

/* What is kept is wrong: the next choice is made by trying. */
void choice_forget(void);
