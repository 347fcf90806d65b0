/* A cage round processes that run already: where they come from, how they get in, and the way back.
 *
 * Order: cage_homes_read, cage_create_round, cage_apply, cage_adopt for each process; at the end cage_lift, and
 * cage_undo_home and cage_undo_released for what was noted.  Such a cage is left and never killed: whoever is in it
 * when it goes is moved to where the first process came from, himself or with a home of his own.
 *
 * Memory that was charged before stays with the group that it was charged to: only what is taken from then on counts
 * in the cage (Documentation/admin-guide/cgroup-v1/memory.rst, 8; cgroup-v2.rst, "Memory Ownership").
 *
 * Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
 */
#pragma once

#include "cage/cage.h"

struct cage_homes; /* the groups of one process, one in each hierarchy of the host */

/* -ESRCH: it has ended; -EXDEV: its group lies outside of what is mounted here.  host: borrowed, must outlive it. */
int cage_homes_read(const struct cage_host *host, pid_t pid, struct cage_homes **ret, struct err *e);
void cage_homes_drop(struct cage_homes **homes); /* NULL is fine */

/* Whether one of them is a cage's group, or below it. group: as for cage_create. */
bool cage_homes_in(const struct cage_homes *homes, const char *group);

/* How many of the groups that processes are moved into they are.  Some only: he was born while the one that started him
 * was moved from group to group. */
enum cage_part { CAGE_NOTHING, CAGE_SOME, CAGE_ALL };
enum cage_part cage_homes_part(const struct cage_homes *homes, const struct cage *c);

/* For who was born like that: what is the cage's becomes `parent`'s, where he would be otherwise. */
int cage_homes_inherit(struct cage_homes *homes, const struct cage *c, const struct cage_homes *parent, struct err *e);

/* The group in the tree that limits memory, else the first: for messages. Borrowed. */
const char *cage_homes_main(const struct cage_homes *homes);

/* cage_create() for a cage that is left: notes UNDO_RELEASED instead of UNDO_GROUP. homes: of the first process. */
int cage_create_round(const struct cage_host *host, const char *group, const struct limits *l,
	const struct cage_homes *homes, struct undo *u, struct cage **ret, struct err *e);

struct cage_process { /* one that is held, so that its pid cannot be taken for another's */
	pid_t pid;
	int pidfd;
	uint64_t start; /* clock ticks since boot, /proc/PID/stat */
	struct cage_homes *homes;
};

/* Moves a process in, with all its threads, where it is not in already.  Where its homes differ from `first` an
 * UNDO_HOME is noted before.  -ESRCH when it has ended meanwhile; nobody else is in the cage then for having got its
 * pid.  On failure it may be in some of the groups: the undo takes it back. */
int cage_adopt(const struct cage *c, const struct cage_process *p, const struct cage_homes *first, struct undo *u,
	struct err *e);

/* Those who may be in some of the groups only; a few who are in all may be among them, and the guard's decoys.  Owned
 * by the caller. */
int cage_torn(const struct cage *c, pid_t **ret, size_t *ret_count, struct err *e);

/* Takes the limits of memory away, so that whoever waits for memory in a cage that is being left goes on. */
void cage_lift(const struct cage *c);

/* Undoes UNDO_RELEASED: moves everybody in the group to `home`, or to the nearest group above it that is there still
 * and lets them in, and removes the group.  Kills nobody.  0 also when it is gone. */
int cage_undo_released(const char *path, const char *home, int timeout_ms, struct err *e);

/* Undoes UNDO_HOME: the same for one process, "PID START", if it is in the group still. */
int cage_undo_home(const char *path, const char *home, const char *process, struct err *e);
