/* The guard that holds with decoys (decoy.h): two in the cage and one beside it.  One unanswered decoy holds for two
 * seconds; while the owner thinks, fresh ones follow, so that a hold may last as long as it needs; but who is held
 * burns CPU time in the kernel, so after hold_ms the owner is told that it is late.
 *
 * Decoys are no processes of the program: they stand in the cage's memory group only (v1) or in a group of their own
 * beside the program's (v2), and are our children.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/guard/decoy.h"
#include "cage/guard/ops.h"
#include "cage/inner.h"

enum {
	INSIDE = 2, /* decoys in the cage */
	SPARES = 1,
	DECOYS_MAX = 24,  /* of a hold of 30 s some sixteen */
	START_MS = 20000, /* of a machine that has much else to do */
	INFLATE_LEAST_MIB = 64,
	INFLATE_DOUBLE_MIB = 512, /* up to this limit twice of it, beyond a quarter more */
	INFLATE_MAX_MIB = 16384,
	STAND_BACK_MS = 250,
	STAND_BACK_LOOKS = 8, /* then it is tried anew in any case */
	FALSE_ALARM_MS = 1000,
	TOO_LATE_MAX = 3,    /* decoys in a row that were chosen when the cage was not full */
	TOO_LATE_MS = 10000, /* from one to the next */
	SLICE_MS = 100,
};

enum decoys_state {
	DECOYS_ON,
	DECOYS_HOLDING, /* the owner is to answer */
	DECOYS_OFF,	/* the answer was no */
};

struct decoys {
	struct guard guard;
	enum decoys_state state;
	bool armed;	 /* the first are inside */
	bool letting_go; /* who is held goes as soon as another is inside */
	uint64_t ooms;	 /* the cage's own, when it was full last; UINT64_MAX: not known */
	uint64_t kills;	 /* of the program, when the guard stood back */
	unsigned looks;	 /* since then */
	unsigned too_late;
	uint64_t too_late_ms; /* the last of them */
	struct decoy_kit kit;
	struct decoy decoys[DECOYS_MAX];
	struct watch news_watch;
	struct alarm alarm; /* HOLDING: the answer is late; OFF: look again; ON: too few decoys could be had */
};

#define OWNER_OF(pointer, field) ((struct decoys *)((char *)(pointer)-offsetof(struct decoys, field)))

static uint64_t limit_mib(const struct decoys *g)
{
	struct cage_usage u;

	cage_memory(g->guard.cage, &u);
	return u.memory_limit_bytes >> 20;
}

/* Bigger than anybody inside can be, now and after some steps of growth. */
static unsigned wanted_mib(uint64_t limit)
{
	uint64_t mib = INFLATE_LEAST_MIB + (limit <= INFLATE_DOUBLE_MIB ? 2 * limit : limit + limit / 4);

	return mib < INFLATE_MAX_MIB ? (unsigned)mib : INFLATE_MAX_MIB;
}

/* Does it outweigh whoever may be inside? */
static bool is_big(const struct decoy *d, uint64_t limit)
{
	return d->mib >= INFLATE_MAX_MIB || d->mib >= limit + INFLATE_LEAST_MIB / 2;
}

/* least: in MiB, see is_big(); 0: of any size. */
static size_t count(const struct decoys *g, enum decoy_state first, enum decoy_state last, uint64_t least)
{
	size_t n = 0;

	for (size_t i = 0; i < DECOYS_MAX; i++) {
		const struct decoy *d = &g->decoys[i];

		n += d->state >= first && d->state <= last && (!least || is_big(d, least));
	}
	return n;
}

static struct decoy *find(struct decoys *g, enum decoy_state state, uint64_t least)
{
	for (size_t i = 0; i < DECOYS_MAX; i++)
		if (g->decoys[i].state == state && (!least || is_big(&g->decoys[i], least)))
			return &g->decoys[i];
	return NULL;
}

static void dismiss_small(struct decoys *g, uint64_t limit)
{
	for (size_t i = 0; i < DECOYS_MAX; i++) {
		struct decoy *d = &g->decoys[i];

		if ((d->state == DECOY_SPARE || d->state == DECOY_ARMED) && !is_big(d, limit))
			decoy_dismiss(d);
	}
}

/* How many there should be, of at least that size (0: any), and how big those that are started for it look. */
static int start_up_to(struct decoys *g, size_t wanted, uint64_t least, unsigned mib, struct err *e)
{
	struct decoy *d;
	int r = 0;

	g->kit.inflate_mib = mib;
	while (r == 0 && count(g, DECOY_STARTED, DECOY_ARMED, least) < wanted && (d = find(g, DECOY_NONE, 0)))
		r = decoy_start(&g->kit, d, e);
	return r;
}

/* As many inside and beside as there should be, as far as there are any.  To look big takes time (some 70 ms a GiB on a
 * slow machine), so those of the launch are small, which is enough but for a program that offers itself to the killer;
 * they are relieved by big ones as soon as there are any.  The same when rescues follow each other faster than big ones
 * get ready: whom the last one inside holds would else be killed when its time is over. */
static int top_up(struct decoys *g, uint64_t limit, struct err *e)
{
	struct decoy *d;
	size_t slow; /* that make themselves big still */
	int r = 0;

	while (count(g, DECOY_JOINING, DECOY_ARMED, limit) < INSIDE && (d = find(g, DECOY_SPARE, limit)))
		decoy_join(d);
	while (count(g, DECOY_JOINING, DECOY_ARMED, 0) < INSIDE && (d = find(g, DECOY_SPARE, 0)))
		decoy_join(d);
	if (count(g, DECOY_ARMED, DECOY_ARMED, limit) >= INSIDE)
		dismiss_small(g, limit);
	if (!g->armed)
		return start_up_to(g, INSIDE, 0, INFLATE_LEAST_MIB, e);
	slow = count(g, DECOY_STARTED, DECOY_STARTED, limit);
	if (count(g, DECOY_SPARE, DECOY_ARMED, 0) < INSIDE)
		r = start_up_to(g, INSIDE + slow, 0, INFLATE_LEAST_MIB, e);
	return r < 0 ? r : start_up_to(g, INSIDE + SPARES, limit, wanted_mib(limit), e);
}

static void take_news(struct decoys *g, const struct decoy_news *n)
{
	for (size_t i = 0; i < DECOYS_MAX; i++) {
		struct decoy *d = &g->decoys[i];

		if (d->pid != n->pid)
			continue;
		if (d->state == DECOY_STARTED && n->step == DECOY_INFLATED)
			d->state = DECOY_SPARE;
		else if (d->state == DECOY_JOINING && n->step == DECOY_JOINED)
			d->state = DECOY_ARMED;
	}
}

static void let_all_go(struct decoys *g)
{
	for (size_t i = 0; i < DECOYS_MAX; i++)
		if (g->decoys[i].state == DECOY_HELD)
			decoy_let_go(&g->decoys[i]);
}

/* None of that size is inside, and some are on their way. */
static bool is_awaited(const struct decoys *g, uint64_t least)
{
	return count(g, DECOY_ARMED, DECOY_ARMED, least) == 0 &&
	       count(g, DECOY_JOINING, DECOY_JOINING, least) + count(g, DECOY_STARTED, DECOY_SPARE, least) > 0;
}

/* There is room: nobody waits for those at the door any more, and they stay until another is inside, for else the next
 * to be chosen would be of the program.  A small one is not enough: a program that offers itself to the killer
 * (oom_score_adj 1000) would be chosen before it. */
static void let_go_guarded(struct decoys *g, uint64_t limit)
{
	g->letting_go = is_awaited(g, limit) || is_awaited(g, 0);
	if (!g->letting_go)
		let_all_go(g);
}

/* Too few are there or on their way, for want of memory or processes on the host: it is tried again, for the program
 * would be alone in its next full cage. */
static void retry_if_few(struct decoys *g)
{
	if (g->state == DECOYS_ON && g->armed && !g->alarm.due_ms && count(g, DECOY_STARTED, DECOY_ARMED, 0) < INSIDE)
		loop_set_alarm(g->guard.loop, &g->alarm, STAND_BACK_MS);
}

static void keep_up(struct decoys *g, uint64_t limit)
{
	struct err ignored; /* without another decoy those that are there must do */

	top_up(g, limit, &ignored);
	retry_if_few(g);
}

/* The same with as many inside as there should be. */
static void go_on(struct decoys *g)
{
	uint64_t limit = limit_mib(g);

	keep_up(g, limit);
	let_go_guarded(g, limit);
}

static void hear(struct decoys *g)
{
	struct decoy_news news;

	while (read(g->kit.news, &news, sizeof news) == sizeof news)
		take_news(g, &news);
	if (g->letting_go)
		let_go_guarded(g, limit_mib(g));
	if (g->state != DECOYS_OFF)
		keep_up(g, limit_mib(g));
}

static void news_ready(struct watch *w, uint32_t events)
{
	hear(OWNER_OF(w, news_watch));
}

/* ---- a full cage ---- */

static void stand_back(struct decoys *g)
{
	g->state = DECOYS_OFF;
	g->kills = cage_oom_kills(g->guard.cage);
	g->looks = 0;
	/* Those inside go first: the next one to be chosen shall be of the program. */
	for (size_t i = 0; i < DECOYS_MAX; i++)
		if (g->decoys[i].state == DECOY_JOINING || g->decoys[i].state == DECOY_ARMED)
			decoy_kill(&g->decoys[i]);
	let_all_go(g);
	loop_set_alarm(g->guard.loop, &g->alarm, STAND_BACK_MS);
}

static void release(struct guard *guard, bool room)
{
	struct decoys *g = (struct decoys *)guard;

	loop_clear_alarm(g->guard.loop, &g->alarm);
	if (!room) {
		stand_back(g);
		return;
	}
	g->state = DECOYS_ON;
	go_on(g);
}

/* Somebody has been killed, or there is room, or it has been long enough. */
static bool may_return(struct decoys *g)
{
	return cage_oom_kills(g->guard.cage) > g->kills || !cage_is_full(g->guard.cage) ||
	       ++g->looks >= STAND_BACK_LOOKS;
}

static void alarm_rings(struct alarm *a)
{
	struct decoys *g = OWNER_OF(a, alarm);

	if (g->state == DECOYS_HOLDING) {
		g->guard.owner->late(g->guard.owner);
		if (g->state == DECOYS_HOLDING) /* he holds on */
			loop_set_alarm(g->guard.loop, &g->alarm, g->guard.hold_ms);
	} else if (g->state == DECOYS_OFF && !may_return(g)) {
		loop_set_alarm(g->guard.loop, &g->alarm, STAND_BACK_MS);
	} else {
		if (g->state == DECOYS_OFF)
			g->ooms = cage_ooms(g->guard.cage);
		g->state = DECOYS_ON;
		keep_up(g, limit_mib(g));
	}
}

/* The host has run out, or a group above: they shall have their victim, and not another decoy at once. */
static void stand_aside(struct decoys *g)
{
	g->state = DECOYS_OFF;
	g->kills = UINT64_MAX;
	g->looks = STAND_BACK_LOOKS;
	let_all_go(g);
	loop_set_alarm(g->guard.loop, &g->alarm, FALSE_ALARM_MS);
}

/* Since then the kernel has taken the memory of those who were chosen before: they hold nobody any more. */
static void let_older_go(struct decoys *g, const struct decoy *latest)
{
	for (size_t i = 0; i < DECOYS_MAX; i++)
		if (g->decoys[i].state == DECOY_HELD && &g->decoys[i] != latest)
			decoy_let_go(&g->decoys[i]);
}

/* Somebody who was about to choose has not seen that room was made.  That comes now and then after a hold; again and
 * again without one it is somebody else's want, of the host or of a group above, where our own failures are not
 * counted. */
static bool is_too_late_again(struct decoys *g)
{
	uint64_t now = loop_now_ms();

	g->too_late = now - g->too_late_ms <= TOO_LATE_MS ? g->too_late + 1 : 1;
	g->too_late_ms = now;
	return g->too_late >= TOO_LATE_MAX;
}

static void chosen(struct decoys *g, const struct decoy *d)
{
	uint64_t ooms = cage_ooms(g->guard.cage);

	g->guard.cage->decoy_kills++;
	if (g->state == DECOYS_HOLDING) {
		let_older_go(g, d);
		keep_up(g, limit_mib(g));
	} else if (g->state == DECOYS_OFF || !g->armed) {
		let_all_go(g);
	} else if (ooms != UINT64_MAX && ooms == g->ooms) {
		stand_aside(g);
	} else if (!cage_is_full(g->guard.cage)) {
		g->ooms = ooms;
		if (ooms == UINT64_MAX && is_too_late_again(g))
			stand_aside(g);
		else
			go_on(g);
	} else {
		g->ooms = ooms;
		g->too_late = 0;
		g->state = DECOYS_HOLDING;
		g->letting_go = false;
		loop_set_alarm(g->guard.loop, &g->alarm, g->guard.hold_ms);
		keep_up(g, limit_mib(g));
		g->guard.owner->full(g->guard.owner);
	}
}

static void look(struct guard *guard)
{
	struct decoys *g = (struct decoys *)guard;

	for (size_t i = 0; i < DECOYS_MAX; i++)
		if (decoy_look(&g->decoys[i]))
			chosen(g, &g->decoys[i]);
	if (g->letting_go) /* who was awaited may have died */
		let_go_guarded(g, limit_mib(g));
	retry_if_few(g);
}

static void wait_for_end(struct decoy *d)
{
	while (d->state != DECOY_NONE) {
		siginfo_t info;

		if (waitid(P_PID, (id_t)d->pid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0 && errno != EINTR)
			return;
		decoy_look(d);
	}
}

/* Waits until they are gone. */
static void pause_all(struct guard *guard)
{
	struct decoys *g = (struct decoys *)guard;

	stand_back(g);
	for (size_t i = 0; i < DECOYS_MAX; i++)
		if (g->decoys[i].state == DECOY_LEAVING)
			wait_for_end(&g->decoys[i]);
}

static void move(struct guard *guard)
{
	struct decoys *g = (struct decoys *)guard;

	if (g->state != DECOYS_OFF)
		keep_up(g, limit_mib(g));
}

static bool holds(const struct guard *g)
{
	return ((const struct decoys *)g)->state == DECOYS_HOLDING;
}

static bool is_full(const struct guard *g)
{
	return cage_is_full(g->cage);
}

/* ---- beginning and end ---- */

static int wait_until_armed(struct decoys *g, struct err *e)
{
	uint64_t end = loop_now_ms() + START_MS;

	while (count(g, DECOY_ARMED, DECOY_ARMED, 0) < INSIDE) {
		struct pollfd p = {.fd = g->kit.news, .events = POLLIN};
		uint64_t now = loop_now_ms();

		if (now >= end)
			return err_set(e, ETIMEDOUT, "the decoys are not ready within %d s", START_MS / 1000);
		poll(&p, 1, SLICE_MS); /* what dies says nothing here */
		hear(g);
		look(&g->guard);
		if (count(g, DECOY_STARTED, DECOY_ARMED, 0) == 0)
			return err_set(e, ECHILD, "the decoys do not live (is /proc/self/oom_score_adj writable?)");
	}
	return 0;
}

/* What a kernel would do with a decoy that is not what we want of it. */
static int check_host(struct err *e)
{
	AUTO(fd_drop) int fd = open("/proc/sys/vm/panic_on_oom", O_RDONLY | O_CLOEXEC);
	struct utsname u;
	unsigned major = 0, minor = 0;
	char value = '0';

	if (fd >= 0 && read(fd, &value, 1) == 1 && value == '2')
		return err_set(e, EPERM, "vm.panic_on_oom is 2: a full cage would panic the kernel");
	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	if (major < 5 || (major == 5 && minor < 18))
		return err_set(e, EOPNOTSUPP, "Linux %s takes a victim's memory at once; a hold needs 5.18", u.release);
	return 0;
}

static int start(struct guard *guard, struct err *e)
{
	struct decoys *g = (struct decoys *)guard;
	struct err later; /* what stands inside must do then */
	int r;

	g->kit = DECOY_KIT_NONE;
	g->news_watch = (struct watch){-1, news_ready};
	g->alarm.ring = alarm_rings;
	r = check_host(e);
	if (r == 0)
		r = decoy_kit_open(&g->kit, guard->cage, e);
	if (r == 0)
		r = top_up(g, limit_mib(g), e);
	if (r == 0)
		r = wait_until_armed(g, e);
	g->armed = true;
	g->ooms = cage_ooms(guard->cage);
	if (r == 0)
		r = loop_watch(guard->loop, &g->news_watch, g->kit.news, EPOLLIN, e);
	if (r == 0)
		top_up(g, limit_mib(g), &later);
	return r;
}

static void drop(struct guard *guard)
{
	struct decoys *g = (struct decoys *)guard;

	loop_unwatch(guard->loop, &g->news_watch);
	loop_clear_alarm(guard->loop, &g->alarm);
	for (size_t i = 0; i < DECOYS_MAX; i++)
		if (g->decoys[i].state != DECOY_NONE)
			decoy_kill(&g->decoys[i]);
	for (size_t i = 0; i < DECOYS_MAX; i++)
		wait_for_end(&g->decoys[i]);
	decoy_kit_drop(&g->kit);
}

const struct guard_ops guard_decoys = {
	.size = sizeof(struct decoys),
	.start = start,
	.release = release,
	.pause = pause_all,
	.look = look,
	.move = move,
	.holds = holds,
	.is_full = is_full,
	.drop = drop,
};
