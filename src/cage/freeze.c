/* Stopping everything in a cage, for several who want it at the same time: it goes on when the last of them lets go. */
#include <errno.h>
#include <string.h>

#include "cage/file.h"
#include "cage/inner.h"

static const struct freezer {
	const char *file, *on, *off;
	const char *wanted; /* says "1" when it is to be frozen */
} freezers[CGROUP_VERSIONS] = {
	[CGROUP_V1] = {"freezer.state", "FROZEN", "THAWED", "freezer.self_freezing"},
	[CGROUP_V2] = {"cgroup.freeze", "1", "0", "cgroup.freeze"},
};

/* The group of the holder freezes all that is in it, whatever tree has its limits. */
static const struct cage_group *group_of(const struct cage *c)
{
	return &c->groups[c->count - 1];
}

static int write_state(const struct cage *c, bool frozen, struct err *e)
{
	const struct cage_group *g = group_of(c);
	const struct freezer *f = &freezers[g->tree->version];
	int r = file_write(g->fd, f->file, frozen ? f->on : f->off);

	if (r == -ENOENT)
		return err_set(e, EOPNOTSUPP,
			"this host cannot stop all of a cage: it has neither the v1 controller freezer nor a v2 tree "
			"with %s",
			freezers[CGROUP_V2].file);
	errno = -r;
	return r < 0 ? err_sys(e, "write %s/%s", g->path, f->file) : 0;
}

/* Written even if it is frozen already: a kill on v1 has thawed it (group_kill), or somebody by hand. */
int cage_freeze(struct cage *c, enum cage_freezer who, bool frozen, struct err *e)
{
	unsigned before = c->frozen_for, after = frozen ? before | 1U << who : before & ~(1U << who);
	int r = frozen || (before && !after) ? write_state(c, frozen, e) : 0;

	if (r == 0)
		c->frozen_for = after;
	return r;
}

bool cage_is_frozen_for(const struct cage *c, enum cage_freezer who)
{
	return c->frozen_for >> who & 1;
}

bool cage_is_frozen(const struct cage *c)
{
	const struct cage_group *g = group_of(c);
	char text[16];

	return file_read(g->fd, freezers[g->tree->version].wanted, text, sizeof text) >= 0 && strcmp(text, "1") == 0;
}

bool cage_is_frozen_by_others(const struct cage *c)
{
	return !c->frozen_for && cage_is_frozen(c);
}

/* v1 looks anew each time that it is asked. */
bool cage_stands_still(const struct cage *c)
{
	const struct cage_group *g = group_of(c);
	char text[256], word[8];

	if (g->tree->version == CGROUP_V1)
		return file_read(g->fd, "freezer.state", text, sizeof text) >= 0 && strcmp(text, "FROZEN") == 0;
	return file_read(g->fd, "cgroup.events", text, sizeof text) >= 0 &&
	       file_line(text, "frozen", word, sizeof word) == 0 && strcmp(word, "1") == 0;
}

bool cage_frozen_defer_kills(const struct cage *c)
{
	return group_of(c)->tree->version == CGROUP_V1;
}
