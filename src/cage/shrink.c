/* Lowering the memory limit of a running cage without a kill.  v1 refuses by itself what cannot be (EBUSY); v2 takes
 * any limit, and kills until usage is below it, in that very call: what a program took between our look and the write
 * could not be held by a guard either, for its owner would sit in the kernel. So it is stopped for that moment. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "cage/file.h"
#include "cage/inner.h"

enum { STOP_MS = 50 };

static uint64_t usage_of(const struct cage *c)
{
	struct cage_usage u;

	cage_memory(c, &u);
	return u.memory_bytes;
}

/* Best effort: the kernel says EAGAIN when it got less, and ENOENT before 5.19. */
static void reclaim(const struct cage_group *g, uint64_t bytes)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
	file_write(g->fd, "memory.reclaim", text);
}

/* For a lower limit v1 reclaims no more than it must, and the cage would be full at once: so it is lowered further for
 * a moment.  Not without page cache to spare below that, for somebody who wants memory then would be killed. */
static void reclaim_v1(const struct cage *c, const struct cage_group *g, uint64_t limit_bytes)
{
	static const char file[] = "memory.limit_in_bytes";
	uint64_t margin = cage_slack_bytes(), needed = cage_working_set(c);
	char before[32], below[32];

	if (needed == UINT64_MAX || needed + 4 * margin > limit_bytes || usage_of(c) + margin <= limit_bytes ||
		file_read(g->fd, file, before, sizeof before) < 0)
		return;
	snprintf(below, sizeof below, "%llu", (unsigned long long)(limit_bytes - 2 * margin));
	if (file_write(g->fd, file, below) == 0)
		file_write(g->fd, file, before);
}

/* Best effort: who is in the kernel for longer is not waited for, and everybody else stands still by then.  False: they
 * have been stopped by somebody else already, who will want them so. */
static bool stop(struct cage *c)
{
	struct err ignored;

	if (cage_is_frozen_by_others(c) || cage_freeze(c, FREEZE_FOR_LIMIT, true, &ignored) < 0)
		return false;
	for (int waited = 0; waited < STOP_MS && !cage_stands_still(c); waited++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return true;
}

void cage_go_on(struct cage *c)
{
	struct err ignored;

	cage_freeze(c, FREEZE_FOR_LIMIT, false, &ignored);
}

int cage_too_low(const struct cage *c, uint64_t limit_bytes, struct err *e)
{
	uint64_t usage = usage_of(c);
	char is[16], wanted[16], least[16];

	return err_set(e, EBUSY, "the program uses %s, so a limit of %s is too low; at least %s is possible",
		print_size(is, sizeof is, usage), print_size(wanted, sizeof wanted, limit_bytes),
		print_size(least, sizeof least, usage + cage_slack_bytes()));
}

int cage_make_room(struct cage *c, uint64_t limit_bytes, bool *ret_stopped, struct err *e)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *g = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;
	uint64_t margin = cage_slack_bytes(), usage;

	*ret_stopped = false;
	if (!g)
		return 0;
	if (tree->version == CGROUP_V1) {
		reclaim_v1(c, g, limit_bytes);
		return 0;
	}
	usage = usage_of(c);
	if (usage == UINT64_MAX)
		return err_set(e, EIO, "the usage of memory cannot be read");
	if (usage + margin > limit_bytes) {
		reclaim(g, usage + margin - limit_bytes);
		usage = usage_of(c);
	}
	if (usage + margin <= limit_bytes) {
		*ret_stopped = stop(c);
		usage = usage_of(c);
		if (usage + margin <= limit_bytes)
			return 0;
		if (*ret_stopped)
			cage_go_on(c);
		*ret_stopped = false;
	}
	return cage_too_low(c, limit_bytes, e);
}
