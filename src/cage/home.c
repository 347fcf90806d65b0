#include "cage/home.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/own.h"
#include "cage/file.h"
#include "cage/inner.h"
#include "sys/proc.h"

struct cage_homes {
	const struct cage_host *host;
	char *of[TREES_MAX]; /* absolute path for each tree of the host */
};

/* ---- where a process is ---- */

/* One line of /proc/PID/cgroup, "4:cpu,cpuacct:/path" or "0::/path": the tree that is meant, or -1. */
static int tree_of_line(const struct cage_host *host, char *controllers)
{
	unsigned wanted = controllers_parse(controllers, ",", CGROUP_V1);

	for (size_t i = 0; i < host->count; i++) {
		const struct cage_tree *tree = &host->trees[i];

		if (*controllers ? tree->version == CGROUP_V1 && (tree->controllers & wanted)
				 : tree->version == CGROUP_V2)
			return (int)i;
	}
	return -1;
}

static int take_line(struct cage_homes *h, pid_t pid, char *line, struct err *e)
{
	char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
	char word[256];
	int tree;

	if (!path)
		return 0;
	*path++ = '\0';
	snprintf(word, sizeof word, "%s", controllers + 1);
	tree = tree_of_line(h->host, word);
	if (tree < 0 || h->of[tree])
		return 0;
	if (!h->host->trees[tree].whole || strncmp(path, "/..", 3) == 0)
		return err_set(e, EXDEV,
			"process %d is in a control group that this place does not see all of (%s): attach it from the "
			"host",
			(int)pid, path);
	if (asprintf(&h->of[tree], "%s%s", h->host->trees[tree].mount, strcmp(path, "/") == 0 ? "" : path) < 0) {
		h->of[tree] = NULL;
		return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

int cage_homes_read(const struct cage_host *host, pid_t pid, struct cage_homes **ret, struct err *e)
{
	AUTO(cage_homes_drop) struct cage_homes *h = calloc(1, sizeof *h);
	AUTO(free_drop) char *text = NULL;
	char path[64], *rest, *line;
	int r = 0;

	if (!h)
		return err_set(e, ENOMEM, "out of memory");
	h->host = host;
	snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	text = file_slurp(path, e);
	if (!text)
		return e->code == ENOENT || e->code == ESRCH ? err_set(e, ESRCH, "process %d has ended", (int)pid)
							     : -e->code;
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n")))
		r = take_line(h, pid, line, e);
	if (r < 0)
		return r;
	*ret = h;
	h = NULL;
	return 0;
}

void cage_homes_drop(struct cage_homes **homes)
{
	for (size_t i = 0; *homes && i < TREES_MAX; i++)
		free((*homes)->of[i]);
	free(*homes);
	*homes = NULL;
}

/* In any tree; for a tree that the process is in no group of, its root. */
const char *home_of_tree(const struct cage_homes *h, const struct cage_tree *tree)
{
	const char *home = h->of[tree - h->host->trees];

	return home ? home : tree->mount;
}

/* path: a group, as the one that is at or below it. */
static bool is_below(const char *home, const char *path)
{
	size_t length = strlen(path);

	return strncmp(home, path, length) == 0 && (!home[length] || home[length] == '/');
}

bool cage_homes_in(const struct cage_homes *h, const char *group)
{
	AUTO(free_drop) char *below = plan_path(group);
	char path[PATH_MAX];

	for (size_t i = 0; below && i < h->host->count; i++) {
		const char *home = home_of_tree(h, &h->host->trees[i]);
		size_t length = (size_t)snprintf(path, sizeof path, "%s/%s", h->host->trees[i].mount, below);

		if (length < sizeof path && is_below(home, path))
			return true;
	}
	return false;
}

const char *cage_homes_main(const struct cage_homes *h)
{
	const struct cage_tree *tree = h->host->of[CTRL_MEMORY];

	return home_of_tree(h, tree ? tree : &h->host->trees[0]);
}

/* On v2 the program's processes are one group further down. */
static bool is_entrance(const struct cage *c, const struct cage_group *g)
{
	return g->tree->version == CGROUP_V1 || g == cage_find(c, g->tree, PLACE_WORK);
}

static bool is_in(const struct cage_homes *h, const struct cage_group *g)
{
	return is_below(home_of_tree(h, g->tree), g->path);
}

enum cage_part cage_homes_part(const struct cage_homes *h, const struct cage *c)
{
	size_t in = 0, all = 0;

	for (size_t i = 0; i < c->count; i++)
		if (is_entrance(c, &c->groups[i])) {
			all++;
			in += is_in(h, &c->groups[i]);
		}
	return in == all ? CAGE_ALL : in ? CAGE_SOME : CAGE_NOTHING;
}

int cage_homes_inherit(struct cage_homes *h, const struct cage *c, const struct cage_homes *parent, struct err *e)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct cage_group *g = &c->groups[i];
		char **home = &h->of[g->tree - h->host->trees];

		if (!is_entrance(c, g) || !is_in(h, g))
			continue;
		free(*home);
		*home = strdup(home_of_tree(parent, g->tree));
		if (!*home)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* ---- in ---- */

static int enter(int group, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof text, "%d", (int)pid);
	return file_write(group, "cgroup.procs", text); /* with all its threads, and not in the launch's haste */
}

static int refused(const struct cage_group *g, pid_t pid, int error, struct err *e)
{
	errno = error;
	if (error == ESRCH)
		return err_set(e, ESRCH, "process %d has ended meanwhile", (int)pid);
	if (error == EINVAL && g->controllers & 1U << CTRL_CPU)
		return err_set(e, EINVAL,
			"process %d is a real-time process, and %s does not take such: `chrt --other --pid 0 %d` makes "
			"it an ordinary one",
			(int)pid, g->path, (int)pid);
	return err_sys(e, "move process %d into %s", (int)pid, g->path);
}

static int note_homes(const struct cage *c, const struct cage_process *p, const struct cage_homes *now,
	const struct cage_homes *first, struct undo *u, struct err *e)
{
	char process[48];
	int r = 0;

	snprintf(process, sizeof process, "%d %" PRIu64, (int)p->pid, p->start);
	for (size_t i = 0; i < c->count && r == 0; i++) {
		const struct cage_group *g = &c->groups[i];
		const char *home = home_of_tree(is_in(now, g) ? p->homes : now, g->tree);

		if (is_entrance(c, g) && strcmp(home, home_of_tree(first, g->tree)) != 0)
			r = undo_note(u, UNDO_HOME, g->path, home, process, e);
	}
	return r;
}

/* The pid was free for a moment between our look and our write, and somebody else got it: he belongs where his parent
 * is, for that is where he was born. */
static void send_stranger_home(const struct cage *c, const struct cage_process *p)
{
	AUTO(cage_homes_drop) struct cage_homes *homes = NULL;
	AUTO(fd_drop) int stranger = pidfd_open(p->pid, 0);
	pid_t parent = stranger < 0 ? 0 : proc_parent(p->pid);
	struct err ignored;

	if (parent <= 0 || proc_start_time(p->pid) == p->start ||
		cage_homes_read(c->host, parent, &homes, &ignored) < 0)
		return;
	for (size_t i = 0; i < c->count; i++)
		if (is_entrance(c, &c->groups[i]))
			home_move(p->pid, home_of_tree(homes, c->groups[i].tree), &ignored);
}

int cage_adopt(const struct cage *c, const struct cage_process *p, const struct cage_homes *first, struct undo *u,
	struct err *e)
{
	AUTO(cage_homes_drop) struct cage_homes *now = NULL;
	int r = cage_homes_read(c->host, p->pid, &now, e);

	if (r == 0)
		r = note_homes(c, p, now, first, u, e);
	for (size_t i = 0; i < c->count && r == 0; i++) {
		const struct cage_group *g = &c->groups[i];

		if (is_entrance(c, g) && !is_in(now, g) && (r = enter(g->fd, p->pid)) < 0)
			return refused(g, p->pid, -r, e);
	}
	if (r == 0 && proc_pid_of(p->pidfd) != p->pid) {
		send_stranger_home(c, p);
		return err_set(e, ESRCH, "process %d has ended meanwhile", (int)p->pid);
	}
	if (r == 0 && proc_is_ending(p->pid)) /* the kernel takes its number, and moves nobody */
		return err_set(e, ESRCH, "process %d has ended meanwhile", (int)p->pid);
	return r;
}

/* ---- half in ---- */

struct pids {
	pid_t *list; /* owned */
	size_t count;
};

static void pids_drop(struct pids *p)
{
	free(p->list);
}

static int read_pids(const struct cage_group *g, struct pids *ret, struct err *e)
{
	for (size_t room = 256;; room = ret->count + ret->count / 2) {
		pid_t *more = reallocarray(ret->list, room, sizeof *more);
		ssize_t n;

		if (!more)
			return err_set(e, ENOMEM, "out of memory");
		ret->list = more;
		n = group_pids(g->fd, more, room);
		if (n < 0) {
			errno = (int)-n;
			return err_sys(e, "list the processes in %s", g->path);
		}
		ret->count = (size_t)n;
		if (ret->count <= room)
			return 0;
	}
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* All go through the groups in one order, and who is born on the way has those that were behind his parent.  So whoever
 * lacks any lacks the last and has the first.  The last is read first: who is born in between is no loss. */
int cage_torn(const struct cage *c, pid_t **ret, size_t *ret_count, struct err *e)
{
	AUTO(pids_drop) struct pids in = {0}, all = {0};
	const struct cage_group *first = NULL, *last = NULL;
	int r;

	for (size_t i = 0; i < c->count; i++)
		if (is_entrance(c, &c->groups[i])) {
			last = &c->groups[i];
			first = first ? first : last;
		}
	*ret = NULL;
	*ret_count = 0;
	if (first == last)
		return 0;
	r = read_pids(last, &all, e);
	if (r == 0)
		r = read_pids(first, &in, e);
	if (r < 0)
		return r;
	qsort(all.list, all.count, sizeof *all.list, by_number);
	for (size_t i = 0; i < in.count; i++)
		if (!bsearch(&in.list[i], all.list, all.count, sizeof *all.list, by_number))
			in.list[(*ret_count)++] = in.list[i];
	*ret = in.list;
	in.list = NULL;
	return 0;
}

/* ---- the way back ---- */

void cage_lift(const struct cage *c)
{
	/* Backwards: on v1 memory and swap together may not have less than memory alone. */
	for (size_t i = c->settings_count; i-- > 0;) {
		const struct cage_setting *s = &c->settings[i];
		bool v2 = s->group->tree->version == CGROUP_V2;

		if (limit_rows[s->which].controller == CTRL_MEMORY && limit_rows[s->which].type == LIMIT_IS_SIZE)
			file_write(s->group->fd, s->file, v2 ? "max" : "-1");
	}
}

int home_move(pid_t pid, const char *home, struct err *e)
{
	char path[PATH_MAX];
	int r = -ENOENT;

	snprintf(path, sizeof path, "%s", home);
	while (*path) {
		AUTO(fd_drop) int group = leftover_open(path);

		r = group < 0 ? group : enter(group, pid);
		if (r == 0 || r == -ESRCH)
			return 0;
		*strrchr(path, '/') = '\0';
	}
	errno = -r;
	return err_sys(e, "move process %d back to %s", (int)pid, home);
}

/* Pids are reused: as in group.c, one is held first, and then it must still be on the list. */
static int bring_back(int fd, const pid_t *pids, size_t count, const char *home, struct err *e)
{
	enum { SECOND_LOOK = 4096 };
	pid_t now[SECOND_LOOK];
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		AUTO(fd_drop) int held = pidfd_open(pids[i], 0);
		ssize_t n = held < 0 ? 0 : group_pids(fd, now, SECOND_LOOK);
		bool there = false;

		for (ssize_t k = 0; k < n && k < SECOND_LOOK && !there; k++)
			there = now[k] == pids[i];
		r = there ? home_move(pids[i], home, e) : 0;
	}
	return r;
}

int home_empty(int fd, const char *home, struct err *e)
{
	enum { BATCH = 1024 };
	pid_t pids[BATCH];
	ssize_t n = group_pids(fd, pids, BATCH);

	errno = n < 0 ? (int)-n : 0;
	return n < 0 ? err_sys(e, "list the processes to be moved to %s", home)
		     : bring_back(fd, pids, n < BATCH ? (size_t)n : BATCH, home, e);
}

int cage_undo_home(const char *path, const char *home, const char *process, struct err *e)
{
	char *rest;
	pid_t pid = (pid_t)strtol(process, &rest, 10);
	uint64_t start = strtoull(rest, NULL, 10);
	AUTO(fd_drop) int group = leftover_open(path);

	if (group < 0 || pid <= 0)
		return 0; /* the group is gone, and with it what was to be undone */
	return proc_start_time(pid) == start ? bring_back(group, &pid, 1, home, e) : 0;
}
