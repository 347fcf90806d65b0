/* Notices that the kernel has killed somebody of a virtual for memory, and tells whom, and by which limit.
 *
 * The kernel wakes us where there is a limit; a kill that nobody has woken us for is found at the end.  Nothing is
 * looked at while nothing happens.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cage/cage.h"
#include "cage/victims.h"
#include "sys/loop.h"

struct killed;

struct killed_owner {
	void (*killed)(struct killed_owner *o, const struct kills *k);
};

/* Before the program is started. watch: to be woken; guard: there will be decoys in the cage.  NULL where the host does
 * not count kills; all calls take it. */
struct killed *killed_start(struct loop *l, const struct cage *c, bool watch, bool guard, struct killed_owner *o);
void killed_drop(struct killed **k);

/* The cage is held full, and this is in it: so it was when the next one is killed; NULL: it was saved. */
void killed_full(struct killed *k, const struct cage_usage *u);

void killed_soon(struct killed *k); /* looks now, and some times more: somebody may be killed */
void killed_rest(struct killed *k); /* waits for nothing any more; twice is fine */

/* Looks once. False: somebody has been killed and the kernel has not said yet who it was; look again in a moment. After
 * some looks it is told without that. */
bool killed_look(struct killed *k);

/* Of its life up to now: causes and figures are those of the latest. NULL: nobody has been killed. Borrowed. */
const struct kills *killed_all(const struct killed *k);

/* {"processes", "victims":[{"pid","name","anonymous","file","shmem"}], "cause", "group", "group_limit", "usage",
 * "anonymous", "file", "shmem", "kernel"}: what is known of them. New reference. */
json_t *killed_json(const struct kills *k);

/* "killed for memory by the kernel: 1 process (eat, pid 123) by its own limit, usage 100M, limit 100M, peak
 * 100.0M; anonymous 97.1M, file 1.0M, shmem 0, kernel 1.9M"; nothing when nobody was killed. */
void killed_say(const struct killed *k, const char *name);
void killed_say_these(const struct killed *w, const struct kills *k, const char *name); /* the same of some of them */
