#include "cage/gauge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/inner.h"

enum { BYTES_PER_MS = 4 << 20, PAUSE_MAX_MS = 100, LEAST_SLACK = 1 << 20 };

struct level {
	uint64_t bytes;
	bool above;
};

struct gauge {
	struct loop *loop;
	struct gauge_owner *owner;
	int usage, peak;     /* files; peak: -1 where the kernel has none */
	uint64_t peak_bytes; /* of the last look */
	uint64_t cpu_slack;  /* what the kernel charges ahead */
	struct level levels[GAUGE_LEVELS_MAX];
	size_t count;
	struct alarm alarm;
};

unsigned gauge_pause_ms(uint64_t distance_bytes)
{
	uint64_t ms = distance_bytes / BYTES_PER_MS;

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

static void look_at(struct gauge *g, int i, uint64_t usage, uint64_t spike)
{
	struct level *l = &g->levels[i];

	if (!l->above && usage >= l->bytes) {
		l->above = true;
		g->owner->crossed(g->owner, i, true, usage);
	} else if (l->above && usage < turning_point(g, l)) {
		l->above = false;
		g->owner->crossed(g->owner, i, false, usage);
	} else if (!l->above && spike >= l->bytes) {
		g->owner->crossed(g->owner, i, true, spike);
		g->owner->crossed(g->owner, i, false, usage);
	}
}

static void look_later(struct gauge *g, uint64_t usage)
{
	uint64_t nearest = UINT64_MAX;

	for (size_t i = 0; i < g->count; i++) {
		uint64_t at = turning_point(g, &g->levels[i]);
		uint64_t distance = at > usage ? at - usage : usage - at;

		if (distance < nearest)
			nearest = distance;
	}
	loop_set_alarm(g->loop, &g->alarm, gauge_pause_ms(nearest));
}

static void look(struct alarm *a)
{
	struct gauge *g = (struct gauge *)((char *)a - offsetof(struct gauge, alarm));
	uint64_t usage = read_bytes(g->usage), peak = read_bytes(g->peak), spike = peak > g->peak_bytes ? peak : 0;

	g->peak_bytes = peak;
	for (size_t i = 0; i < g->count; i++)
		look_at(g, (int)i, usage, spike);
	look_later(g, read_bytes(g->usage));
}

int gauge_open(struct loop *l, const struct cage *c, struct gauge_owner *o, struct gauge **ret, struct err *e)
{
	static const char *const files[CGROUP_VERSIONS][2] = {
		{"memory.usage_in_bytes", "memory.max_usage_in_bytes"}, {"memory.current", "memory.peak"}};
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *group = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;
	AUTO(gauge_drop) struct gauge *g = calloc(1, sizeof *g);

	if (!g)
		return err_set(e, ENOMEM, "out of memory");
	*g = (struct gauge){.loop = l, .owner = o, .usage = -1, .peak = -1, .alarm.ring = look};
	if (!group)
		return err_set(e, EOPNOTSUPP, "this host has no memory controller");
	g->usage = openat(group->fd, files[tree->version][0], O_RDONLY | O_CLOEXEC);
	g->peak = openat(group->fd, files[tree->version][1], O_RDONLY | O_CLOEXEC);
	if (g->usage < 0)
		return err_sys(e, "open %s/%s", group->path, files[tree->version][0]);
	g->peak_bytes = read_bytes(g->peak);
	g->cpu_slack = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) * 64 * (uint64_t)sysconf(_SC_PAGESIZE);
	*ret = g;
	g = NULL;
	return 0;
}

int gauge_add(struct gauge *g, uint64_t bytes)
{
	if (g->count == GAUGE_LEVELS_MAX)
		return -ENOSPC;
	g->levels[g->count] = (struct level){.bytes = bytes};
	loop_set_alarm(g->loop, &g->alarm, 1);
	return (int)g->count++;
}

void gauge_move(struct gauge *g, int level, uint64_t bytes)
{
	g->levels[level] = (struct level){.bytes = bytes};
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
	free(g);
	*gauge = NULL;
}
