/* The guard of a cage's memory: when the cage is full, its owner is told before anybody is killed, and whoever wants
 * memory waits until the owner has answered.
 *
 * It keeps two decoys in the cage (cage/decoy.h) and one beside it.  One unanswered decoy holds for two seconds; while
 * the owner thinks, fresh ones follow, so that a hold may last as long as it needs; but who is held burns CPU time in
 * the kernel, so after hold_ms the owner is told that it is late.
 *
 * Decoys are no processes of the program: they stand in the cage's memory group only (v1) or in a group of their own
 * beside the program's (v2), and are our children.  The loop's owner calls guard_look() after each SIGCHLD.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cage/cage.h"
#include "sys/loop.h"

struct guard;

struct guard_owner {
	/* The cage is full. Answer with guard_release(), now or later. */
	void (*full)(struct guard_owner *o);
	/* The answer takes long: again after each hold_ms. He may go on holding. */
	void (*late)(struct guard_owner *o);
};

/* Starts the decoys and waits until they are in the cage: some milliseconds. -errno: there is no guard, e says why, and
 * nothing of it is left. */
int guard_start(
	struct loop *l, struct cage *c, unsigned hold_ms, struct guard_owner *o, struct guard **ret, struct err *e);

/* Ends a hold. room: the limit has been raised. Otherwise the kernel's kill takes its course, and the guard stands back
 * until the cage is no longer full. */
void guard_release(struct guard *g, bool room);

/* Nobody is held for a while: a limit is to be lowered below what is used. Waits until the decoys are gone. */
void guard_pause(struct guard *g);

void guard_look(struct guard *g);
bool guard_holds(const struct guard *g);

/* Ends all decoys and waits for them. NULL is fine. */
void guard_drop(struct guard **g);
