/* The guards that freeze the cage shortly before it is full, where decoys cannot be: "pause" on v1, "wire" on v2.
 *
 * Both have a level below the limit, and a brake for what is faster than we are.  On v1 the brake is that nobody may be
 * killed (memory.oom_control): a page fault then waits at the limit, but a system call fails; the kernel tells us by an
 * eventfd, and the level is watched by reading.  On v2 it is memory.high at the level, where the kernel slows down who
 * allocates and says so through memory.events.
 *
 * Page cache alone is no alarm: the kernel takes that away by itself at the limit.
 *
 * Sources: Documentation/admin-guide/cgroup-v1/memory.rst (9, 10), Documentation/admin-guide/cgroup-v2.rst.
 */
#include <errno.h>
#include <stdio.h>

#include "base/own.h"
#include "cage/file.h"
#include "cage/gauge.h"
#include "cage/guard/ops.h"
#include "cage/inner.h"

enum {
	HEADROOM_LEAST = 16 << 20,
	HEADROOM_SHARE = 10, /* a tenth of the limit */
	STAND_BACK_MS = 1000,
	LOOK_AGAIN_MS = 100,
};

enum early_state {
	EARLY_ON,
	EARLY_HOLDING, /* frozen; the owner is to answer */
	EARLY_OFF,     /* the answer was no, or a limit is to be forced */
};

struct early {
	struct guard guard;
	struct gauge_owner gauge_owner;
	enum early_state state;
	const struct cage_group *group; /* of the brake: on v2 the program's, below the one that has the limits */
	struct gauge *gauge;		/* v1: the level is watched by reading; or NULL */
	int level;			/* its number there */
	int events;			/* where the brake tells; cage_open_kills() */
	bool braked;
	struct watch watch;
	struct alarm alarm; /* HOLDING: the answer is late; ON, OFF: look again */
};

#define OWNER_OF(pointer, field) ((struct early *)((char *)(pointer)-offsetof(struct early, field)))

/* ---- the level ---- */

static uint64_t level_bytes(const struct early *g)
{
	struct cage_usage u;
	uint64_t headroom;

	cage_memory(g->guard.cage, &u);
	if (u.memory_limit_bytes == UINT64_MAX)
		return UINT64_MAX;
	headroom = u.memory_limit_bytes / HEADROOM_SHARE;
	if (headroom < HEADROOM_LEAST)
		headroom = HEADROOM_LEAST;
	/* A small cage would be all headroom. */
	return u.memory_limit_bytes - (headroom < u.memory_limit_bytes / 2 ? headroom : u.memory_limit_bytes / 2);
}

/* Who is slowed down at the level stands a little below it; of a small cage, or with many CPUs, only a little. */
static bool is_full(const struct guard *guard)
{
	uint64_t used = cage_working_set(guard->cage), level = level_bytes((const struct early *)guard);
	uint64_t slack = cage_slack_bytes() < level / 8 ? cage_slack_bytes() : level / 8;

	return used != UINT64_MAX && used + slack >= level;
}

/* ---- the brake ---- */

static int write_number(const struct early *g, const char *file, uint64_t value, struct err *e)
{
	char text[24] = "max";
	int r;

	if (value != UINT64_MAX)
		snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	r = file_write(g->group->fd, file, text);
	errno = -r;
	return r < 0 ? err_sys(e, "write %s to %s/%s", text, g->group->path, file) : 0;
}

/* A memory.high of the description's own is that of the group above, and brakes as well. */
static int set_high(struct early *g, bool on, struct err *e)
{
	return write_number(g, "memory.high", on ? level_bytes(g) : UINT64_MAX, e);
}

static int set_kill_disabled(struct early *g, bool on, struct err *e)
{
	return write_number(g, "memory.oom_control", on, e);
}

static bool is_at_limit(const struct guard *guard)
{
	return cage_is_full(guard->cage);
}

static const struct brake {
	int (*set)(struct early *g, bool on, struct err *e);
	bool reads_level;			     /* it tells only of the limit itself */
	bool (*is_meant)(const struct guard *guard); /* when it tells: that it is for us */
} brakes[CGROUP_VERSIONS] = {
	[CGROUP_V1] = {set_kill_disabled, true, is_at_limit},
	[CGROUP_V2] = {set_high, false, is_full},
};

static int brake(struct early *g, bool on, struct err *e)
{
	int r = brakes[g->group->tree->version].set(g, on, e);

	if (r == 0)
		g->braked = on;
	return r;
}

/* ---- holding ---- */

/* A failure leaves the program running into its limit: the ordinary rules. */
static void arm(struct early *g)
{
	struct err ignored;

	brake(g, true, &ignored);
	if (g->gauge)
		gauge_move(g->gauge, g->level, level_bytes(g));
}

static void thaw(struct early *g)
{
	struct err ignored;

	cage_freeze(g->guard.cage, FREEZE_FOR_GUARD, false, &ignored);
}

static void trip(struct early *g)
{
	struct err ignored;

	if (g->state != EARLY_ON)
		return;
	if (cage_is_frozen(g->guard.cage)) { /* by somebody else, who will want it so: look again */
		loop_set_alarm(g->guard.loop, &g->alarm, LOOK_AGAIN_MS);
		return;
	}
	cage_freeze(g->guard.cage, FREEZE_FOR_GUARD, true, &ignored);
	g->state = EARLY_HOLDING;
	loop_set_alarm(g->guard.loop, &g->alarm, g->guard.hold_ms);
	g->guard.owner->full(g->guard.owner);
}

static void crossed(struct gauge_owner *o, int level, bool up, uint64_t usage_bytes)
{
	struct early *g = OWNER_OF(o, gauge_owner);

	if (up && is_full(&g->guard))
		trip(g);
	else if (up && g->state == EARLY_ON) /* page cache: look again */
		loop_set_alarm(g->guard.loop, &g->alarm, LOOK_AGAIN_MS);
}

static void brake_tells(struct watch *w, uint32_t events)
{
	struct early *g = OWNER_OF(w, watch);

	if (cage_heard_kill(w->fd) < 0)
		loop_unwatch(g->guard.loop, w); /* the group goes */
	else if (brakes[g->group->tree->version].is_meant(&g->guard))
		trip(g);
}

static void stand_back(struct early *g)
{
	struct err ignored;

	g->state = EARLY_OFF;
	brake(g, false, &ignored);
	loop_set_alarm(g->guard.loop, &g->alarm, STAND_BACK_MS);
}

static void release(struct guard *guard, bool room)
{
	struct early *g = (struct early *)guard;

	loop_clear_alarm(guard->loop, &g->alarm);
	if (room) {
		g->state = EARLY_ON;
		arm(g);
	} else {
		stand_back(g);
	}
	thaw(g);
}

static void pause_brake(struct guard *guard)
{
	struct early *g = (struct early *)guard;

	if (g->state == EARLY_HOLDING)
		release(guard, false);
	else
		stand_back(g);
}

static void move(struct guard *guard)
{
	struct early *g = (struct early *)guard;

	if (g->state == EARLY_ON)
		arm(g);
}

static void alarm_rings(struct alarm *a)
{
	struct early *g = OWNER_OF(a, alarm);

	switch (g->state) {
	case EARLY_HOLDING:
		g->guard.owner->late(g->guard.owner);
		if (g->state == EARLY_HOLDING) /* he holds on */
			loop_set_alarm(g->guard.loop, a, g->guard.hold_ms);
		return;
	case EARLY_OFF:
		if (is_full(&g->guard)) {
			loop_set_alarm(g->guard.loop, a, STAND_BACK_MS);
			return;
		}
		g->state = EARLY_ON;
		arm(g);
		return;
	case EARLY_ON:
		if (is_full(&g->guard))
			trip(g);
		else if (g->gauge)
			gauge_move(g->gauge, g->level, level_bytes(g));
		return;
	}
}

static bool holds(const struct guard *guard)
{
	return ((const struct early *)guard)->state == EARLY_HOLDING;
}

/* ---- beginning and end ---- */

static int start(struct guard *guard, struct err *e)
{
	struct early *g = (struct early *)guard;
	const struct cage_tree *tree = guard->cage->host->of[CTRL_MEMORY];
	const struct brake *b = &brakes[tree->version];
	uint32_t events;
	int r;

	g->gauge_owner.crossed = crossed;
	g->events = -1;
	g->watch = (struct watch){-1, brake_tells};
	g->alarm.ring = alarm_rings;
	g->group = cage_find(guard->cage, tree, PLACE_WORK);
	if (!g->group)
		return err_set(e, ENOENT, "the cage was made without a group in %s", tree->mount);
	r = g->events = cage_open_kills(guard->cage, &events, e);
	if (r >= 0)
		r = brake(g, true, e);
	if (r == 0)
		r = loop_watch(guard->loop, &g->watch, g->events, events, e);
	if (r == 0 && b->reads_level)
		r = gauge_open(guard->loop, guard->cage, &g->gauge_owner, &g->gauge, e);
	if (r == 0 && b->reads_level)
		r = g->level = gauge_add(g->gauge, level_bytes(g));
	return r < 0 ? r : 0;
}

static void drop(struct guard *guard)
{
	struct early *g = (struct early *)guard;
	bool held = g->state == EARLY_HOLDING;
	struct err ignored;

	g->state = EARLY_OFF; /* the gauge's last look is no alarm */
	loop_unwatch(guard->loop, &g->watch);
	loop_clear_alarm(guard->loop, &g->alarm);
	if (g->braked)
		brake(g, false, &ignored);
	if (held)
		thaw(g);
	gauge_drop(&g->gauge);
	fd_drop(&g->events);
}

const struct guard_ops guard_early = {
	.size = sizeof(struct early),
	.freezes = true,
	.start = start,
	.release = release,
	.pause = pause_brake,
	.move = move,
	.holds = holds,
	.is_full = is_full,
	.drop = drop,
};
