#include "cage/gauge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/inner.h"

/* Seen of one CPU, with huge pages: 10 GiB/s taken, for they must be cleared, and 200 given back. */
enum { TAKEN_PER_MS = 16 << 20, GIVEN_PER_MS = 128 << 20, PAUSE_MAX_MS = 100, LEAST_SLACK = 1 << 20 };

struct level {
	uint64_t bytes;
	uint64_t known_peak; /* that is no news */
	bool above;
};

struct gauge {
	struct loop *loop;
	struct gauge_owner *owner;
	struct cage *cage;
	int usage, peak; /* files; peak: -1 where the kernel has none */
	bool forgets;	 /* the peak can be made to begin anew */
	bool is_private; /* and then it is so for us only */
	unsigned cpus;
	uint64_t cpu_slack; /* what the kernel charges ahead */
	struct level *levels;
	size_t count;
	struct alarm alarm;
};

unsigned gauge_pause_ms(uint64_t distance_bytes, bool down, unsigned cpus)
{
	uint64_t ms = distance_bytes / (down ? (uint64_t)GIVEN_PER_MS : (uint64_t)TAKEN_PER_MS * cpus);

	return ms < 1 ? 1 : ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : (unsigned)ms;
}

static uint64_t read_bytes(int fd)
{
	char text[32];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strtoull(text, NULL, 10);
}

static uint64_t slack(const struct gauge *g, uint64_t bytes)
{
	uint64_t most = bytes / 100 > g->cpu_slack ? bytes / 100 : g->cpu_slack;

	return most > LEAST_SLACK ? most : LEAST_SLACK;
}

/* Where it is crossed next. */
static uint64_t turning_point(const struct gauge *g, const struct level *l)
{
	uint64_t below = slack(g, l->bytes);

	return !l->above ? l->bytes : l->bytes > below ? l->bytes - below : 0;
}

/* Whether its owner has been told something. */
static bool look_at(struct gauge *g, int i, uint64_t usage, uint64_t peak)
{
	struct level *l = &g->levels[i];
	bool spike = peak > l->known_peak && peak >= l->bytes;

	l->known_peak = peak;
	if (!l->above && usage >= l->bytes) {
		l->above = true;
		g->owner->crossed(g->owner, i, true, usage);
	} else if (l->above && usage < turning_point(g, l)) {
		l->above = false;
		g->owner->crossed(g->owner, i, false, usage);
	} else if (!l->above && spike) {
		g->owner->crossed(g->owner, i, true, peak);
		g->owner->crossed(g->owner, i, false, usage);
	} else {
		return false;
	}
	return true;
}

/* The kernel's peak only rises: the next spike would not be seen if it is not higher.  So the peak begins anew when it
 * hides one; v1 has but one for everybody, and what it was is kept for who asks the cage. */
static void forget_peak(struct gauge *g, uint64_t peak)
{
	bool hides = false;

	for (size_t i = 0; i < g->count; i++)
		hides |= !g->levels[i].above && peak >= g->levels[i].bytes;
	if (!g->forgets || !hides)
		return;
	if (!g->is_private && peak > g->cage->peak_bytes)
		g->cage->peak_bytes = peak;
	if (pwrite(g->peak, "0", 1, 0) != 1)
		return;
	for (size_t i = 0; i < g->count; i++)
		g->levels[i].known_peak = 0;
}

static void look_later(struct gauge *g, uint64_t usage)
{
	unsigned soonest = PAUSE_MAX_MS;

	for (size_t i = 0; i < g->count; i++) {
		uint64_t at = turning_point(g, &g->levels[i]);
		unsigned pause = gauge_pause_ms(at > usage ? at - usage : usage - at, g->levels[i].above, g->cpus);

		if (pause < soonest)
			soonest = pause;
	}
	loop_set_alarm(g->loop, &g->alarm, soonest);
}

/* The peak is read first: what comes after it is seen in the usage, and not as a spike that is over. */
static void look(struct alarm *a)
{
	struct gauge *g = (struct gauge *)((char *)a - offsetof(struct gauge, alarm));
	uint64_t peak = read_bytes(g->peak), usage = read_bytes(g->usage);
	bool told = false;

	for (size_t i = 0; i < g->count; i++)
		told |= look_at(g, (int)i, usage, peak);
	forget_peak(g, peak);
	look_later(g, told ? read_bytes(g->usage) : usage);
}

/* v2 can forget since Linux 6.12, and for this descriptor only. */
static void open_peak(struct gauge *g, const struct cage_group *group, const char *file)
{
	g->is_private = group->tree->version == CGROUP_V2;
	g->peak = openat(group->fd, file, O_RDWR | O_CLOEXEC);
	g->forgets = g->peak >= 0 && (!g->is_private || pwrite(g->peak, "0", 1, 0) == 1);
	if (g->peak < 0)
		g->peak = openat(group->fd, file, O_RDONLY | O_CLOEXEC);
}

int gauge_open(struct loop *l, struct cage *c, struct gauge_owner *o, struct gauge **ret, struct err *e)
{
	static const char *const files[CGROUP_VERSIONS][2] = {
		{"memory.usage_in_bytes", "memory.max_usage_in_bytes"}, {"memory.current", "memory.peak"}};
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *group = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;
	AUTO(gauge_drop) struct gauge *g = calloc(1, sizeof *g);

	if (!g)
		return err_set(e, ENOMEM, "out of memory");
	*g = (struct gauge){.loop = l, .owner = o, .cage = c, .usage = -1, .peak = -1, .alarm.ring = look};
	if (!group)
		return err_set(e, EOPNOTSUPP, "this host has no memory controller");
	g->usage = openat(group->fd, files[tree->version][0], O_RDONLY | O_CLOEXEC);
	open_peak(g, group, files[tree->version][1]);
	if (g->usage < 0)
		return err_sys(e, "open %s/%s", group->path, files[tree->version][0]);
	g->cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	g->cpu_slack = g->cpus * 64 * (uint64_t)sysconf(_SC_PAGESIZE);
	*ret = g;
	g = NULL;
	return 0;
}

int gauge_add(struct gauge *g, uint64_t bytes)
{
	struct level *more = reallocarray(g->levels, g->count + 1, sizeof *more);

	if (!more)
		return -ENOMEM;
	g->levels = more;
	g->levels[g->count] = (struct level){.bytes = bytes, .known_peak = read_bytes(g->peak)};
	loop_set_alarm(g->loop, &g->alarm, 1);
	return (int)g->count++;
}

void gauge_move(struct gauge *g, int level, uint64_t bytes)
{
	g->levels[level] = (struct level){.bytes = bytes, .known_peak = read_bytes(g->peak)};
	loop_set_alarm(g->loop, &g->alarm, 1);
}

void gauge_drop(struct gauge **gauge)
{
	struct gauge *g = *gauge;

	if (!g)
		return;
	if (g->count > 0)
		look(&g->alarm);
	loop_clear_alarm(g->loop, &g->alarm);
	fd_drop(&g->usage);
	fd_drop(&g->peak);
	free(g->levels);
	free(g);
	*gauge = NULL;
}
