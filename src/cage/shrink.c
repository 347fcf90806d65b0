/* Lowering the memory limit of a running cage without a kill.  v1 refuses by itself what cannot be (EBUSY); v2 takes
 * any limit, and kills until usage is below it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "cage/file.h"
#include "cage/inner.h"

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

int cage_make_room(const struct cage *c, uint64_t limit_bytes, struct err *e)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *g = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;
	uint64_t margin = cage_slack_bytes(), usage, before;
	char is[16], was[16], wanted[16], least[16];

	if (!g || tree->version == CGROUP_V1)
		return 0;
	before = usage = usage_of(c);
	if (usage == UINT64_MAX)
		return err_set(e, EIO, "the usage of memory cannot be read");
	if (usage + margin > limit_bytes) {
		reclaim(g, usage + margin - limit_bytes);
		usage = usage_of(c);
	}
	if (usage + margin <= limit_bytes)
		return 0;
	return err_set(e, EBUSY,
		"the program uses %s (%s before reclaim): a limit of %s would make the kernel kill; at least %s is "
		"possible",
		print_size(is, sizeof is, usage), print_size(was, sizeof was, before),
		print_size(wanted, sizeof wanted, limit_bytes), print_size(least, sizeof least, usage + margin));
}
