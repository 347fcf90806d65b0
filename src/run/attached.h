/* The running processes that a cage is put round.
 *
 * Order: attached_look (they are found and held, nothing is changed), attached_join, then attached_next for whom to
 * wait for, until nobody is left.  None of them is our child: how one ends we do not learn.
 *
 * A process is held by a pidfd from the first look on, so that a pid which has become somebody else's is noticed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/undo.h"
#include "cage/cage.h"
#include "cage/home.h"

struct attached;

/* Finds out whether these may be attached: -ESRCH, -EINVAL (pid 1, a thread, a kernel thread, one of ours), -EBUSY (in
 * another cage of ours).  tree: with all their descendants. host: borrowed. */
int attached_look(
	const struct cage_host *host, const pid_t *pids, size_t count, bool tree, struct attached **ret, struct err *e);
void attached_drop(struct attached **a); /* NULL is fine */

const struct cage_homes *attached_homes(const struct attached *a); /* of the first */
pid_t attached_pid(const struct attached *a);			   /* the first, also when it has ended */
int attached_pidfd(const struct attached *a);			   /* of the first; borrowed */
bool attached_first_lives(const struct attached *a);
size_t attached_count(const struct attached *a); /* of those that have been moved in; not of what they start there */

/* Memory of their own that stays charged to where it was, in bytes: anonymous and shared, not of files. */
uint64_t attached_bytes(const struct attached *a);

/* Moves all of them in, and those that were started before their parents were in; or fails: then the undo takes back
 * those that are in.  -ESRCH: one that was named has ended; -EAGAIN: they are started faster than they can be moved. */
int attached_join(struct attached *a, const struct cage *c, struct undo *u, struct err *e);

/* To those that live of the ones that were attached; once there are none, to all in the cage (or the first 256). */
void attached_signal(const struct attached *a, const struct cage *c, int signal);

/* A descriptor that becomes readable when one who is in the cage ends; borrowed, until the next call.  -ESRCH: nobody
 * is in it any more; -EAGAIN: somebody is, who cannot be waited for. */
int attached_next(struct attached *a, const struct cage *c);
