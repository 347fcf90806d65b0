/* How the memory limit of a virtual rises and falls by itself: :grow and :give_back. */
#include "base/parse.h"
#include "cage/cage.h"
#include "run/memory_private.h"
#include "run/say.h"
#include "sys/proc.h"

enum { LOOKS = 10, AGAIN_MS = 1000, MIB = 1 << 20, RECLAIM_MOST = 1 << 30 };

/* ---- growing ---- */

static uint64_t level_of(const struct memory *m)
{
	return memory_limit(m) / 100 * m->spec->grow.at_percent;
}

static void say_end(struct memory *m, enum grow_verdict verdict)
{
	char limit[16], reserve[16];

	if (m->said_end || m->spec->quiet)
		return;
	m->said_end = true;
	print_size(limit, sizeof limit, memory_limit(m));
	print_size(reserve, sizeof reserve, m->spec->grow.reserve_bytes);
	if (verdict == GROW_AT_CEILING)
		say(m->spec->name, "memory is short and its limit, %s, is at the ceiling", limit);
	else
		say(m->spec->name,
			"memory is short and its limit, %s, cannot rise: the host would keep less than its reserve of "
			"%s",
			limit, reserve);
}

static void say_step(const struct memory *m, uint64_t before, bool full)
{
	char from[16], to[16];

	if (m->spec->quiet)
		return;
	say(m->spec->name, "memory: limit %s raised to %s%s", print_size(from, sizeof from, before),
		print_size(to, sizeof to, memory_limit(m)), full ? " while the full cage was held" : "");
}

/* What a stopped program was lent is in use, and a limit below that would kill: it grows from there. */
static uint64_t lent_limit(const struct memory *m)
{
	struct cage_usage u;

	if (!m->lent)
		return memory_limit(m);
	cage_memory(m->cage, &u);
	return u.memory_limit_bytes != UINT64_MAX && u.memory_limit_bytes > memory_limit(m) ? u.memory_limit_bytes
											    : memory_limit(m);
}

/* True: there is room now. */
bool memory_grow(struct memory *m, bool full)
{
	uint64_t now = loop_now_ms(), before = memory_limit(m), limit;
	struct grow_situation s = {.limit_bytes = lent_limit(m),
		.usage_bytes = memory_usage(m),
		.available_bytes = proc_memory_available(),
		.since_ms = m->stepped_ms ? now - m->stepped_ms : UINT64_MAX,
		.full = full};
	enum grow_verdict verdict = grow_decide(&m->spec->grow, &s, &limit);
	struct err e;

	if (verdict == GROW_AT_CEILING || verdict == GROW_NO_RESERVE)
		say_end(m, verdict);
	if (verdict != GROW_BY_STEP)
		return false;
	if (memory_change_limit(m, limit, &e) < 0) {
		say(m->spec->name, "memory: %s", e.text);
		return false;
	}
	m->stepped_ms = now;
	say_step(m, before, full);
	memory_record(m, "grew");
	return true;
}

/* What nobody has touched for long is page cache that the kernel takes away by itself. */
static bool is_at_level(const struct memory *m)
{
	uint64_t used = cage_working_set(m->cage);

	return used != UINT64_MAX && used >= level_of(m);
}

/* The level tells of a crossing once: what could not be then is tried until usage is below it. */
void memory_grow_at_level(struct memory *m)
{
	const struct grow *g = &m->spec->grow;

	if (is_at_level(m) && memory_grow(m, false))
		return;
	if (memory_limit(m) < g->ceiling_bytes)
		loop_set_alarm(m->loop, &m->again, g->cooldown_ms > AGAIN_MS ? g->cooldown_ms : AGAIN_MS);
}

static void again(struct alarm *a)
{
	struct memory *m = OWNER_OF(a, again);

	if (memory_usage(m) >= level_of(m))
		memory_grow_at_level(m);
}

static void stalled(struct stall_owner *o)
{
	struct memory *m = OWNER_OF(o, stall_owner);

	if (!m->rests && !(m->guard && guard_holds(m->guard)))
		memory_grow(m, false);
}

/* ---- giving back ---- */

/* The kernel reclaims while we wait, and others of ours may be full meanwhile: much of it is done by and by. */
static uint64_t near_target(const struct memory *m, uint64_t target)
{
	uint64_t usage = memory_usage(m);

	if (usage == UINT64_MAX || usage <= target + RECLAIM_MOST)
		return target;
	return (usage - RECLAIM_MOST + MIB - 1) / MIB * MIB;
}

static void give_back(struct memory *m)
{
	uint64_t before = memory_limit(m), goal = give_back_decide(&m->spec->give_back, before, m->used_bytes),
		 target = near_target(m, goal);
	char from[16], to[16];
	bool stopped;
	struct err e;
	int r;

	if (target >= before || cage_make_room(m->cage, target, &stopped, &e) < 0)
		return;
	r = memory_change_limit(m, target, &e);
	if (stopped)
		cage_go_on(m->cage);
	if (r < 0)
		return;
	/* What came between the reading and the writing waits at the door: then it was too early. */
	if (cage_is_full(m->cage)) {
		memory_change_limit(m, before, &e);
		return;
	}
	if (!m->spec->quiet)
		say(m->spec->name, "memory: limit %s lowered to %s", print_size(from, sizeof from, before),
			print_size(to, sizeof to, target));
	memory_record(m, "gave_back");
	if (target > goal)
		m->looks = LOOKS - 1; /* the next look goes on */
}

static void look(struct alarm *a)
{
	struct memory *m = OWNER_OF(a, window);
	uint64_t used = cage_working_set(m->cage);

	if (used != UINT64_MAX && used > m->used_bytes)
		m->used_bytes = used;
	if (++m->looks >= LOOKS) {
		m->looks = 0;
		if (!m->rests)
			give_back(m);
		if (m->looks == 0)
			m->used_bytes = 0;
	}
	loop_set_alarm(m->loop, &m->window, m->spec->give_back.after_ms / LOOKS + 1);
}

/* ---- beginning and end ---- */

int memory_growth_start(struct memory *m, struct err *e)
{
	const struct grow *g = &m->spec->grow;
	int r = 0;

	m->stall_owner.stalled = stalled;
	m->again.ring = again;
	m->window.ring = look;
	if (g->given && g->at_percent < 100)
		r = m->at = memory_level_share(m, g->at_percent, e);
	if (r >= 0 && g->given && g->stall_percent)
		r = stall_open(m->loop, m->cage, g->stall_percent, &m->stall_owner, &m->stall, e);
	if (r >= 0 && m->spec->give_back.given)
		loop_set_alarm(m->loop, &m->window, m->spec->give_back.after_ms / LOOKS + 1);
	return r < 0 ? r : 0;
}

void memory_growth_end(struct memory *m)
{
	loop_clear_alarm(m->loop, &m->window);
	loop_clear_alarm(m->loop, &m->again);
	stall_drop(&m->stall);
}
