/* The guard of a cage's memory: when the cage is full, its owner is told before anybody is killed, and whoever wants
 * memory waits until the owner has answered.
 *
 * There are three kinds, the best first: decoys (decoys.c) hold everybody and no call fails; where they cannot be, the
 * cage is frozen shortly before it is full (early.c), which is a race that the program can win.  guard/trial.h finds
 * out by a real rescue which of them a host can do.
 *
 * The loop's owner calls guard_look() after each SIGCHLD, and guard_move() after each change of the limit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cage/cage.h"
#include "cage/guard/kind.h"
#include "sys/loop.h"

struct guard;

struct guard_owner {
	/* The cage is full. Answer with guard_release(), now or later. */
	void (*full)(struct guard_owner *o);
	/* The answer takes long: again after each hold_ms. He may go on holding. */
	void (*late)(struct guard_owner *o);
};

/* Whether this host's version of control groups has what this kind needs; and that as a fault of the description. */
bool guard_suits(const struct cage_host *host, enum guard_kind kind);
void guard_check(const struct cage_host *host, enum guard_kind kind, struct faults *f);

/* Waits until it stands: some milliseconds. kind: not GUARD_AUTO. -errno: there is no guard, e says why, and nothing of
 * it is left. */
int guard_start(struct loop *l, struct cage *c, enum guard_kind kind, unsigned hold_ms, struct guard_owner *o,
	struct guard **ret, struct err *e);

/* Ends a hold. room: the limit has been raised, or something was let go. Otherwise the kernel's kill takes its course,
 * and the guard stands back until the cage is no longer full. */
void guard_release(struct guard *g, bool room);

/* Nobody is held for a while: a limit is to be lowered below what is used. */
void guard_pause(struct guard *g);

void guard_look(struct guard *g);
void guard_move(struct guard *g);
bool guard_holds(const struct guard *g);

/* Whether there is still no room, as this kind sees it: the early ones call a cage full before it is. */
bool guard_is_full(const struct guard *g);

/* Whether who is held is frozen, and may be so for ever; otherwise he burns CPU time in the kernel. */
bool guard_freezes(const struct guard *g);

enum guard_kind guard_kind(const struct guard *g);

/* Ends a hold, and takes away all that it made. NULL is fine. */
void guard_drop(struct guard **g);
