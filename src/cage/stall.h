/* Tells when a cage's program stalls for want of memory, long before it runs out of it: a working set of page cache
 * that does not fit is read from the disk again and again.
 *
 * The kernel's pressure information tells how long somebody has waited (Documentation/accounting/psi.rst); it also
 * counts the reclaim of what is read once, so that only a stall in which pages came back that had just been taken away
 * is told.  Where there is none (pure cgroup v1) those pages are counted once a second, at REFAULT_US each.
 */
#pragma once

#include "cage/cage.h"
#include "sys/loop.h"

struct stall;

struct stall_owner {
	void (*stalled)(struct stall_owner *o); /* at most every second */
};

/* percent: of the time. */
int stall_open(struct loop *l, const struct cage *c, unsigned percent, struct stall_owner *o, struct stall **ret,
	struct err *e);
void stall_drop(struct stall **s); /* NULL is fine */
