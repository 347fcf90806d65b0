#include "top/look.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "base/own.h"
#include "run/state.h"
#include "sys/proc.h"

/* A time stamp has the grain of a tick: what changes within it after our look does not move it. */
enum { SHOWN_TURNS = 4, OTHER_TURNS = 12, HOST_TURNS = 4, GRAIN_NS = 50 * 1000000 };

struct look {
	struct cage_host *host;
	struct timespec changed; /* the folder of folders, at the last scan */
	bool scanned, settled;	 /* settled: that was long enough before the scan */
	unsigned turn;
};

int look_open(struct look **ret, struct err *e)
{
	AUTO(look_drop) struct look *l = calloc(1, sizeof *l);
	int r;

	if (!l)
		return err_set(e, ENOMEM, "out of memory");
	r = cage_host_open("/proc/self/mountinfo", &l->host, e);
	if (r < 0)
		return r;
	*ret = l;
	l = NULL;
	return 0;
}

void look_drop(struct look **l)
{
	if (!*l)
		return;
	cage_host_drop(&(*l)->host);
	free(*l);
	*l = NULL;
}

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- who is there ---- */

/* The number may have been another one's before, and the name, too; not both of somebody who lives. */
static struct item *find_folder(const struct model *m, const char *name, uint64_t inode)
{
	for (size_t n = 0; n < m->count; n++) {
		struct item *i = m->items[n];

		if (i->inode == inode && i->state != ITEM_ENDED && strcmp(i->name, name) == 0)
			return i;
	}
	return NULL;
}

static void take_names(struct model *m, DIR *dir)
{
	struct dirent *d;

	while ((d = readdir(dir))) {
		struct item *i;

		if (d->d_name[0] == '.')
			continue;
		i = find_folder(m, d->d_name, d->d_ino);
		if (!i)
			i = model_add(m, d->d_name, d->d_ino);
		i->found = true;
	}
}

static void end(struct model *m, struct item *i, uint64_t watched)
{
	if (i->id != watched) {
		model_remove(m, i);
		return;
	}
	i->state = ITEM_ENDED;
	meter_drop(&i->meter);
	fd_drop(&i->supervisor_fd);
}

static void forget_ended(struct model *m, uint64_t watched)
{
	for (size_t i = m->count; i-- > 0;)
		if (m->items[i]->state == ITEM_ENDED && m->items[i]->id != watched)
			model_remove(m, m->items[i]);
}

static void scan(struct model *m, uint64_t watched)
{
	DIR *dir = opendir(STATE_PARENT);

	for (size_t i = 0; i < m->count; i++)
		m->items[i]->found = false;
	if (dir) {
		take_names(m, dir);
		closedir(dir);
	}
	for (size_t i = m->count; i-- > 0;)
		if (!m->items[i]->found)
			end(m, m->items[i], watched);
}

static bool is_older(const struct timespec *t, const struct timespec *now)
{
	return (now->tv_sec - t->tv_sec) * 1000000000LL + now->tv_nsec - t->tv_nsec > GRAIN_NS;
}

static void scan_if_changed(struct look *l, struct model *m, uint64_t watched)
{
	struct stat st = {0};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (stat(STATE_PARENT, &st) < 0)
		st = (struct stat){0};
	if (l->scanned && l->settled && st.st_mtim.tv_sec == l->changed.tv_sec &&
		st.st_mtim.tv_nsec == l->changed.tv_nsec)
		return;
	scan(m, watched);
	l->changed = st.st_mtim;
	l->scanned = true;
	l->settled = is_older(&st.st_mtim, &now);
}

/* ---- what it is ---- */

/* The one that state.json names, and not another process of its pid; -errno: -ESRCH if it has ended. */
static int hold_supervisor(const json_t *state)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(state, "supervisor"));
	uint64_t start = (uint64_t)json_integer_value(json_object_get(state, "supervisor_start"));
	AUTO(fd_drop) int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	uint64_t started;

	if (fd < 0)
		return pid > 0 ? -errno : -ESRCH;
	errno = 0;
	started = proc_start_time(pid);
	if (started == 0 && (errno == EMFILE || errno == ENFILE))
		return -errno;
	return started == start ? fd_take(&fd) : -ESRCH;
}

static void open_meter(struct look *l, struct item *i, const json_t *state)
{
	const json_t *resource = json_object_get(json_object_get(state, "description"), "resource");
	const char *group = json_string_value(json_object_get(resource, "group"));
	struct err ignored;

	meter_drop(&i->meter);
	meter_open(l->host, group ? group : i->name, &i->meter, &ignored);
}

/* It writes its state a little after it has made its folder. */
static void learn(struct look *l, struct model *m, struct item *i)
{
	struct err e;
	json_t *state = state_read(i->name, &e);
	int supervisor = state ? hold_supervisor(state) : -e.code;

	/* Without a free descriptor nothing can be said of it; least of all that it has crashed. */
	i->silent = supervisor == -EMFILE || supervisor == -ENFILE;
	if (i->silent) {
		json_decref(state);
		return;
	}
	if (state && (supervisor >= 0 || !i->pid)) {
		fd_drop(&i->supervisor_fd);
		i->supervisor_fd = supervisor;
		item_take_state(i, state, m->boot_ms, (uint64_t)time(NULL));
		open_meter(l, i, state);
		i->said = i->meter ? ITEM_RUNNING : ITEM_STOPPING;
		i->ask_reason++;
	}
	if (supervisor >= 0)
		i->state = i->said;
	else if (i->supervisor_fd < 0 && (state || !state_is_held(i->name)))
		i->state = ITEM_CRASHED;
	json_decref(state);
}

/* One call for all of them. */
static void find_crashed(struct model *m)
{
	AUTO(free_drop) struct pollfd *polls = calloc(m->count + 1, sizeof *polls);

	if (!polls)
		return;
	for (size_t n = 0; n < m->count; n++)
		polls[n] = (struct pollfd){.fd = m->items[n]->supervisor_fd, .events = POLLIN};
	if (poll(polls, m->count, 0) <= 0)
		return;
	for (size_t n = 0; n < m->count; n++) {
		if (!polls[n].revents)
			continue;
		fd_drop(&m->items[n]->supervisor_fd);
		m->items[n]->state = ITEM_CRASHED;
	}
}

static void read_figures(struct item *i, const struct model *m, unsigned parts)
{
	if (!i->meter)
		return;
	meter_read(i->meter, parts, &i->figures);
	item_figured(i, m->now_ms, parts & METER_DEAR);
	if (meter_is_gone(i->meter) && i->state < ITEM_STOPPING)
		i->state = i->said = ITEM_STOPPING;
}

static void look_at_host(struct model *m)
{
	struct sysinfo host;

	m->host_available_bytes = proc_memory_available();
	m->host_bytes = m->host_available_bytes && sysinfo(&host) == 0 ? (uint64_t)host.totalram * host.mem_unit : 0;
}

/* The next of its name takes the folder of a crashed one over, or has the same number by chance. */
static bool is_doubtful(const struct item *i)
{
	return i->supervisor_fd < 0 || !i->meter || meter_is_gone(i->meter);
}

static unsigned parts_now(const struct look *l, const struct item *i, size_t place, const struct look_at *at)
{
	bool shown = place >= at->first && place < at->first + at->rows;
	unsigned turns = shown ? SHOWN_TURNS : OTHER_TURNS;

	if (at->all || i->id == at->watched)
		return METER_QUICK | METER_DEAR | METER_RARE;
	if (i->id % turns == l->turn % turns || i->history.recent_count < 2)
		return METER_QUICK | METER_DEAR;
	return shown ? METER_QUICK : 0;
}

void look_turn(struct look *l, struct model *m, const struct look_at *at)
{
	m->now_ms = clock_ms(CLOCK_MONOTONIC);
	m->boot_ms = clock_ms(CLOCK_BOOTTIME);
	forget_ended(m, at->watched);
	scan_if_changed(l, m, at->watched);
	if (at->all || l->turn % HOST_TURNS == 0)
		look_at_host(m);
	if (at->all || l->turn % SHOWN_TURNS == 0)
		find_crashed(m);
	for (size_t n = 0; n < m->count; n++) {
		struct item *i = m->items[n];
		unsigned parts = i->state == ITEM_ENDED ? 0 : parts_now(l, i, n, at);

		if (i->state != ITEM_ENDED && is_doubtful(i) && (!i->pid || parts & METER_DEAR))
			learn(l, m, i);
		if (parts)
			read_figures(i, m, parts);
	}
	l->turn++;
}
