#include "cage/guard/guard.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "cage/guard/ops.h"
#include "cage/inner.h"

static const struct guard_ops *const ops_of[GUARD_KINDS] = {
	[GUARD_DECOY] = &guard_decoys,
	[GUARD_PAUSE] = &guard_early,
	[GUARD_WIRE] = &guard_early,
};

bool guard_suits(const struct cage_host *host, enum guard_kind kind)
{
	const struct cage_tree *tree = host->of[CTRL_MEMORY];

	return tree && guard_kinds[kind].on[tree->version];
}

void guard_check(const struct cage_host *host, enum guard_kind kind, struct faults *f)
{
	const struct cage_tree *tree = host->of[CTRL_MEMORY];

	if (tree && !guard_suits(host, kind))
		faults_add(f, "resource", "guard", "cgroup v%d, which this host has for memory, has nothing for \"%s\"",
			tree->version == CGROUP_V1 ? 1 : 2, guard_kinds[kind].name);
}

int guard_start(struct loop *l, struct cage *c, enum guard_kind kind, unsigned hold_ms, struct guard_owner *o,
	struct guard **ret, struct err *e)
{
	const struct guard_ops *ops = ops_of[kind];
	AUTO(guard_drop) struct guard *g = NULL;
	int r;

	if (!guard_suits(c->host, kind))
		return err_set(
			e, EOPNOTSUPP, "this host's control groups have nothing for \"%s\"", guard_kinds[kind].name);
	g = calloc(1, ops->size);
	if (!g)
		return err_set(e, ENOMEM, "out of memory");
	*g = (struct guard){.ops = ops, .kind = kind, .loop = l, .cage = c, .owner = o, .hold_ms = hold_ms};
	r = ops->start(g, e);
	if (r < 0)
		return r;
	*ret = g;
	g = NULL;
	return 0;
}

void guard_release(struct guard *g, bool room)
{
	if (guard_holds(g))
		g->ops->release(g, room);
}

void guard_pause(struct guard *g)
{
	g->ops->pause(g);
}

void guard_look(struct guard *g)
{
	if (g->ops->look)
		g->ops->look(g);
}

void guard_move(struct guard *g)
{
	if (g->ops->move)
		g->ops->move(g);
}

bool guard_holds(const struct guard *g)
{
	return g->ops->holds(g);
}

bool guard_is_full(const struct guard *g)
{
	return g->ops->is_full(g);
}

bool guard_freezes(const struct guard *g)
{
	return g->ops->freezes;
}

enum guard_kind guard_kind(const struct guard *g)
{
	return g->kind;
}

void guard_drop(struct guard **g)
{
	if (!*g)
		return;
	(*g)->ops->drop(*g);
	free(*g);
	*g = NULL;
}
