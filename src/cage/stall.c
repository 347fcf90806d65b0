#include "cage/stall.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/own.h"
#include "cage/file.h"
#include "cage/inner.h"

enum { LOOK_MS = 1000, REFAULT_US = 100 };

struct stall {
	struct loop *loop;
	struct stall_owner *owner;
	const struct cage *cage;
	unsigned percent;
	uint64_t refaults; /* at the last look */
	uint64_t look_ms;
	int pressure; /* a trigger; -1: refaults are counted */
	struct watch watch;
	struct alarm alarm;
};

#define OWNER_OF(pointer, field) ((struct stall *)((char *)(pointer)-offsetof(struct stall, field)))

/* Pages that the program wanted back soon after they had been taken away. Where that cannot be read: none more. */
static uint64_t count_refaults(const struct stall *s)
{
	static const char *const words[CGROUP_VERSIONS][2] = {
		{"total_workingset_refault_anon", "total_workingset_refault_file"},
		{"workingset_refault_anon", "workingset_refault_file"}};
	const struct cage_tree *tree = s->cage->host->of[CTRL_MEMORY];
	const struct cage_group *g = cage_find(s->cage, tree, PLACE_CAGE);
	char text[FILE_TEXT], line[24];
	uint64_t sum = 0;

	if (!g || file_read(g->fd, "memory.stat", text, sizeof text) < 0)
		return s->refaults;
	for (int i = 0; i < 2; i++)
		if (file_line(text, words[tree->version][i], line, sizeof line) == 0)
			sum += strtoull(line, NULL, 10);
	return sum;
}

static void pressure_ready(struct watch *w, uint32_t events)
{
	struct stall *s = OWNER_OF(w, watch);
	uint64_t before = s->refaults;

	if (events & EPOLLERR) { /* the group goes */
		loop_unwatch(s->loop, w);
		return;
	}
	s->refaults = count_refaults(s);
	if (s->refaults > before)
		s->owner->stalled(s->owner);
}

static void look(struct alarm *a)
{
	struct stall *s = OWNER_OF(a, alarm);
	uint64_t before = s->refaults, then = s->look_ms;

	s->refaults = count_refaults(s);
	s->look_ms = loop_now_ms();
	loop_set_alarm(s->loop, a, LOOK_MS);
	/* us of stall against a percentage of ms: both a thousandth of the other, times a hundred */
	if ((s->refaults - before) * REFAULT_US * 100 >= (s->look_ms - then) * 1000 * s->percent)
		s->owner->stalled(s->owner);
}

int stall_open(struct loop *l, const struct cage *c, unsigned percent, struct stall_owner *o, struct stall **ret,
	struct err *e)
{
	AUTO(stall_drop) struct stall *s = calloc(1, sizeof *s);
	int r = 0;

	if (!s)
		return err_set(e, ENOMEM, "out of memory");
	*s = (struct stall){.loop = l,
		.owner = o,
		.cage = c,
		.percent = percent,
		.look_ms = loop_now_ms(),
		.pressure = -1,
		.watch = {-1, pressure_ready},
		.alarm.ring = look};
	if (!c->host->of[CTRL_MEMORY])
		return err_set(e, EOPNOTSUPP, "this host has no memory controller");
	s->pressure = cage_open_pressure(c, percent, e);
	if (s->pressure >= 0)
		r = loop_watch(l, &s->watch, s->pressure, EPOLLPRI, e);
	else
		loop_set_alarm(l, &s->alarm, LOOK_MS);
	if (r < 0)
		return r;
	*ret = s;
	s = NULL;
	return 0;
}

void stall_drop(struct stall **stall)
{
	struct stall *s = *stall;

	if (!s)
		return;
	loop_unwatch(s->loop, &s->watch);
	loop_clear_alarm(s->loop, &s->alarm);
	fd_drop(&s->pressure);
	free(s);
	*stall = NULL;
}
