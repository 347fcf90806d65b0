/* A cage from its making to its removal. Every group is noted for undoing before it is made. */
#include "cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/own.h"
#include "cage/file.h"
#include "cage/home.h"
#include "cage/inner.h"

enum {
	HOLDER_STEP_MS = 5,
	RETRIES = 16
}; /* another supervisor may remove the shared parent between our finding it and using it */

/* The way from the root of one tree down to the cage's group. */
struct walk {
	struct cage *cage;
	const struct cage_tree *tree;
	unsigned controllers;		/* of this tree, that the cage wants */
	const struct cage_homes *homes; /* of who is already running and comes in; or NULL */
	struct undo *undo;
	bool shared; /* the parent is the shared one, which goes by itself when it is empty */
	bool noted;
	char path[PATH_MAX]; /* where we are */
	size_t length;
};

const struct cage_group *cage_find(const struct cage *c, const struct cage_tree *tree, enum limit_place place)
{
	const struct cage_group *found = NULL;

	for (size_t i = 0; i < c->count; i++)
		if (c->groups[i].tree == tree && (!found || c->groups[i].place == place))
			found = &c->groups[i];
	return found;
}

/* ---- making ---- */

static int keep_parent(struct walk *w, struct err *e)
{
	struct cage *c = w->cage;
	char **more = reallocarray(c->parents, c->parents_count + 1, sizeof *more);

	if (!more)
		return err_set(e, ENOMEM, "out of memory");
	c->parents = more;
	c->parents[c->parents_count] = strdup(w->path);
	if (!c->parents[c->parents_count])
		return err_set(e, ENOMEM, "out of memory");
	c->parents_count++;
	return 0;
}

static int keep_group(struct walk *w, enum limit_place place, struct err *e)
{
	struct cage *c = w->cage;
	char *path = strdup(w->path);

	if (!path)
		return err_set(e, ENOMEM, "out of memory");
	c->groups[c->count++] = (struct cage_group){
		.tree = w->tree, .controllers = w->controllers, .path = path, .fd = -1, .place = place};
	return 0;
}

static int make_directory(const struct walk *w, int dir, const char *name, struct err *e)
{
	if (mkdirat(dir, name, 0755) == 0)
		return 0;
	if (errno == EROFS)
		return err_set(e, EROFS, "control group tree %s is mounted read-only", w->tree->mount);
	if (errno == EACCES || errno == EPERM)
		return err_sys(e, "make group %s (needs full root)", w->path);
	return err_sys(e, "make group %s", w->path);
}

static int open_directory(const struct walk *w, int dir, const char *name, struct err *e)
{
	int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open group %s", w->path) : fd;
}

/* A group on the way. Returns its descriptor. */
static int enter_parent(struct walk *w, int dir, const char *name, struct err *e)
{
	int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd >= 0)
		return fd;
	if (!w->shared) {
		r = undo_note(w->undo, UNDO_PARENT, w->path, NULL, NULL, e);
		if (r < 0)
			return r;
	}
	r = make_directory(w, dir, name, e);
	if (r == 0 && !w->shared) {
		setxattr(w->path, PARENT_MARK, "", 0, 0); /* others may come to stand in it, and stay longer */
		r = keep_parent(w, e);
	}
	if (r < 0 && r != -EEXIST)
		return r;
	return open_directory(w, dir, name, e);
}

static int note_own(struct walk *w, struct err *e)
{
	if (w->homes)
		return undo_note(w->undo, UNDO_RELEASED, w->path, home_of_tree(w->homes, w->tree), NULL, e);
	return undo_note(w->undo, UNDO_GROUP, w->path, NULL, NULL, e);
}

/* The cage's own group, which may not be there yet: what we did not make we must not kill and remove. */
static int enter_own(struct walk *w, int dir, const char *name, struct err *e)
{
	int r;

	if (!w->noted && faccessat(dir, name, F_OK, 0) == 0)
		return err_set(e, EEXIST,
			"group %s is there already: a virtual of this name is running, or was left behind (virtualing "
			"gc "
			"removes it), or the group belongs to somebody else",
			w->path);
	if (!w->noted && (r = note_own(w, e)) < 0)
		return r;
	w->noted = true;
	r = make_directory(w, dir, name, e);
	if (r == -EEXIST) { /* since we looked */
		undo_forget(w->undo);
		w->noted = false;
	}
	if (r == 0)
		r = keep_group(w, PLACE_CAGE, e);
	if (r < 0)
		return r;
	r = open_directory(w, dir, name, e);
	if (r >= 0)
		w->cage->groups[w->cage->count - 1].fd = r;
	return r;
}

static int step(struct walk *w, int dir, const char *name, bool last, struct err *e)
{
	const struct tree_ops *ops = &tree_ops[w->tree->version];
	int fd, r = 0;

	if (ops->open_up && w->controllers)
		r = ops->open_up(dir, w->path, w->controllers, e);
	if (r < 0)
		return r;
	w->length += (size_t)snprintf(w->path + w->length, sizeof w->path - w->length, "/%s", name);
	if (w->length >= sizeof w->path)
		return err_set(e, ENAMETOOLONG, "group %s: the path is too long", w->path);
	fd = last ? enter_own(w, dir, name, e) : enter_parent(w, dir, name, e);
	if (fd >= 0 && ops->settle)
		r = ops->settle(dir, fd, w->path, w->controllers, e);
	if (r == 0)
		return fd;
	if (!last)
		close(fd);
	return r;
}

/* One try from the root of the tree to the group. */
static int descend(struct walk *w, const char *path, struct err *e)
{
	AUTO(fd_drop) int dir = open(w->tree->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO(free_drop) char *copy = strdup(path);
	char *rest = copy, *name;

	w->length = (size_t)snprintf(w->path, sizeof w->path, "%s", w->tree->mount);
	if (dir < 0 || !copy)
		return err_sys(e, "open control group tree %s", w->tree->mount);
	while ((name = strsep(&rest, "/"))) {
		int next = step(w, dir, name, !rest, e);

		if (next < 0)
			return next;
		if (!rest)
			return 0; /* the group keeps this descriptor */
		close(dir);
		dir = next;
	}
	return 0;
}

static int make_inner(struct walk *w, struct err *e)
{
	const struct tree_ops *ops = &tree_ops[w->tree->version];
	struct cage *c = w->cage;
	int dir = c->groups[c->count - 1].fd, r;

	if (!ops->inner || !(w->controllers & 1U << CTRL_MEMORY))
		return 0;
	r = ops->open_up(dir, w->path, w->controllers, e);
	if (r < 0)
		return r;
	snprintf(w->path + w->length, sizeof w->path - w->length, "/%s", ops->inner);
	r = make_directory(w, dir, ops->inner, e);
	if (r == 0)
		r = keep_group(w, PLACE_WORK, e);
	if (r < 0)
		return r;
	r = open_directory(w, dir, ops->inner, e);
	if (r < 0)
		return r;
	c->groups[c->count - 1].fd = r;
	return 0;
}

/* what: all that is the same in each tree. */
static int make_in_tree(
	const struct walk *what, const struct cage_tree *tree, unsigned wanted, const char *path, struct err *e)
{
	struct walk w = *what;
	int r = -ENOENT;

	w.tree = tree;
	w.controllers = wanted & tree->controllers;
	for (int i = 0; i < RETRIES && (r == -ENOENT || r == -ENODEV); i++)
		r = descend(&w, path, e);
	return r < 0 ? r : make_inner(&w, e);
}

/* The tree that can kill comes last: undoing goes backwards, and so it kills everything at one stroke first. */
static int make_groups(const struct walk *what, const struct limits *l, const char *path, struct err *e)
{
	const struct cage *c = what->cage;
	const struct cage_tree *holder = plan_holder(c->host);
	unsigned wanted = plan_controllers(c->host, l);

	for (size_t i = 0; i < c->host->count; i++) {
		const struct cage_tree *tree = &c->host->trees[i];
		int r;

		if (tree == holder || !(tree->controllers & wanted))
			continue;
		r = make_in_tree(what, tree, wanted, path, e);
		if (r < 0)
			return r;
	}
	return make_in_tree(what, holder, wanted, path, e);
}

int cage_create_round(const struct cage_host *host, const char *group, const struct limits *l,
	const struct cage_homes *homes, struct undo *u, struct cage **ret, struct err *e)
{
	AUTO(cage_drop) struct cage *c = calloc(1, sizeof *c);
	AUTO(free_drop) char *path = plan_path(group);
	const char *fault = plan_name_fault(group);
	struct walk what = {.cage = c, .homes = homes, .undo = u, .shared = group[0] != '/'};
	struct err ignored;

	if (!c || !path)
		return err_set(e, ENOMEM, "out of memory");
	if (fault)
		return err_set(e, EINVAL, "group \"%s\" %s", group, fault);
	c->host = host;
	if (make_groups(&what, l, path, e) < 0) {
		cage_remove(c, &ignored);
		return -e->code;
	}
	*ret = c;
	c = NULL;
	return 0;
}

int cage_create(const struct cage_host *host, const char *group, const struct limits *l, struct undo *u,
	struct cage **ret, struct err *e)
{
	return cage_create_round(host, group, l, NULL, u, ret, e);
}

/* ---- use ---- */

int cage_open_air(const struct cage *c, struct err *e)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *g = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;
	AUTO(fd_drop) int dir = -1;
	const char *air;
	int fd;

	if (!g)
		return err_set(e, EOPNOTSUPP, "this host has no memory controller");
	air = tree_ops[tree->version].air;
	if (air && mkdirat(g->fd, air, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make group %s/%s", g->path, air);
	dir = openat(g->fd, air ? air : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = dir < 0 ? -1 : openat(dir, tree_ops[tree->version].join, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open the decoys' group below %s", g->path) : fd;
}

static const struct cage_group *inside_of(const struct cage *c)
{
	return c->host->unified ? cage_find(c, c->host->unified, PLACE_WORK) : NULL;
}

void cage_each_gate(const struct cage *c, void (*each)(void *arg, const char *path, bool into), void *arg)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct cage_group *g = &c->groups[i];

		if (g == inside_of(c) || g->tree->version == CGROUP_V1)
			each(arg, g->path, g == inside_of(c));
	}
}

int cage_gate_add(struct cage_gate *g, const char *path, bool into, struct err *e)
{
	AUTO(fd_drop) int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd;

	if (dir < 0)
		return err_sys(e, "open group %s", path);
	if (into) {
		fd_drop(&g->into);
		g->into = fd_take(&dir);
		return 0;
	}
	if (g->tasks_count == CAGE_TASKS_MAX)
		return err_set(e, E2BIG, "more than %d groups", CAGE_TASKS_MAX);
	fd = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open %s/tasks", path);
	g->tasks[g->tasks_count++] = fd;
	return 0;
}

void cage_gate_drop(struct cage_gate *g)
{
	fd_drop(&g->into);
	while (g->tasks_count)
		close(g->tasks[--g->tasks_count]);
}

static int open_tasks(struct cage *c, struct err *e)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct cage_group *g = &c->groups[i];
		int fd;

		if (g->tree->version == CGROUP_V2)
			continue;
		fd = openat(g->fd, "tasks", O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open %s/tasks", g->path);
		c->tasks[c->tasks_count++] = fd;
	}
	c->gate_open = true;
	return 0;
}

int cage_gate(struct cage *c, struct cage_gate *ret, struct err *e)
{
	const struct cage_group *inside = inside_of(c);
	int r = c->gate_open ? 0 : open_tasks(c, e);

	if (r < 0) {
		cage_close_gate(c);
		return r;
	}
	*ret = (struct cage_gate){.into = inside ? inside->fd : -1, .tasks_count = c->tasks_count};
	memcpy(ret->tasks, c->tasks, sizeof c->tasks);
	return 0;
}

void cage_close_gate(struct cage *c)
{
	while (c->tasks_count)
		close(c->tasks[--c->tasks_count]);
	c->gate_open = false;
}

ssize_t cage_pids(const struct cage *c, pid_t *pids, size_t max)
{
	return group_pids(c->groups[c->count - 1].fd, pids, max);
}

/* v2 says it in one word, for the whole subtree (cgroup.events). */
static bool populated(int fd)
{
	char text[FILE_TEXT], word[8];
	pid_t pid;

	if (file_read(fd, "cgroup.events", text, sizeof text) >= 0 &&
		file_line(text, "populated", word, sizeof word) == 0)
		return strcmp(word, "0") != 0;
	return group_pids(fd, &pid, 1) != 0;
}

int cage_holder(const struct cage *c)
{
	return c->groups[c->count - 1].fd;
}

bool cage_is_populated(const struct cage *c)
{
	return populated(cage_holder(c));
}

void cage_kill_holder(int group, int timeout_ms)
{
	struct err ignored;

	for (int waited = 0; populated(group) && waited < timeout_ms; waited += HOLDER_STEP_MS) {
		group_kill(group, "of the cage", &ignored);
		nanosleep(&(struct timespec){.tv_nsec = HOLDER_STEP_MS * 1000000L}, NULL);
	}
}

/* Windows of two seconds need no CAP_SYS_RESOURCE. */
int cage_open_pressure(const struct cage *c, unsigned percent, struct err *e)
{
	enum { WINDOW_US = 2000000 };
	const struct cage_group *g = &c->groups[c->count - 1];
	AUTO(fd_drop) int fd = openat(g->fd, "memory.pressure", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	char text[48];

	if (fd < 0)
		return errno == ENOENT ? err_set(e, EOPNOTSUPP,
						 "this host tells no pressure of a group: it needs a cgroup v2 tree, "
						 "CONFIG_PSI, and psi=1 at boot")
				       : err_sys(e, "open %s/memory.pressure", g->path);
	snprintf(text, sizeof text, "some %u %d", percent * (WINDOW_US / 100), WINDOW_US);
	if (write(fd, text, strlen(text) + 1) < 0)
		return err_sys(e, "write \"%s\" to %s/memory.pressure", text, g->path);
	return fd_take(&fd);
}

static int open_kills_v1(const struct cage_group *g, struct err *e)
{
	AUTO(fd_drop) int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	AUTO(fd_drop) int what = openat(g->fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	char text[32];
	int r;

	if (bell < 0 || what < 0)
		return err_sys(e, "watch %s/memory.oom_control", g->path);
	snprintf(text, sizeof text, "%d %d", bell, what);
	r = file_write(g->fd, "cgroup.event_control", text);
	errno = -r;
	return r < 0 ? err_sys(e, "write \"%s\" to %s/cgroup.event_control", text, g->path) : fd_take(&bell);
}

/* Here the program's group, and not the one above: that is woken by each charge that meets the limit, too. */
static int open_kills_v2(const struct cage_group *g, struct err *e)
{
	AUTO(fd_drop) int fd = openat(g->fd, "memory.events", O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : cage_heard_kill(fd); /* it wakes only who has read it before */

	errno = -r;
	return r < 0 ? err_sys(e, "watch %s/memory.events", g->path) : fd_take(&fd);
}

int cage_open_kills(const struct cage *c, uint32_t *ret_events, struct err *e)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	bool v1 = tree && tree->version == CGROUP_V1;
	const struct cage_group *g = tree ? cage_find(c, tree, v1 ? PLACE_CAGE : PLACE_WORK) : NULL;

	if (!g)
		return err_set(e, EOPNOTSUPP, "this host has no memory controller");
	*ret_events = v1 ? EPOLLIN : EPOLLPRI;
	return v1 ? open_kills_v1(g, e) : open_kills_v2(g, e);
}

int cage_heard_kill(int fd)
{
	char text[256];

	if (pread(fd, text, sizeof text, 0) >= 0)
		return 0;
	if (errno == ESPIPE && (read(fd, text, sizeof text) >= 0 || errno == EAGAIN)) /* an eventfd */
		return 0;
	return -errno;
}

/* ---- the end ---- */

/* The last group holds everybody; the others are asked too, for who has left it without leaving the cage. */
int cage_kill(struct cage *c, struct err *e)
{
	for (size_t i = c->count; i-- > 0;) {
		int r = group_kill(c->groups[i].fd, c->groups[i].path, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static void remove_shared(const struct cage_group *g)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%s/" SHARED_PARENT "/", g->tree->mount);

	if (strncmp(g->path, path, (size_t)length) != 0)
		return;
	path[length - 1] = 0;
	rmdir(path); /* fails while there are other virtuals, as it should */
}

int cage_remove(struct cage *c, struct err *e)
{
	for (size_t i = c->count; i-- > 0;) {
		int r = group_remove(c->groups[i].path, e);

		if (r < 0)
			return r;
		if (c->groups[i].place == PLACE_CAGE)
			remove_shared(&c->groups[i]);
	}
	for (size_t i = c->parents_count; i-- > 0;)
		rmdir(c->parents[i]); /* others may use it by now */
	return 0;
}

void cage_drop(struct cage **cage)
{
	struct cage *c = *cage;

	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		fd_drop(&c->groups[i].fd);
		free(c->groups[i].path);
	}
	cage_close_gate(c);
	for (size_t i = 0; i < c->parents_count; i++)
		free(c->parents[i]);
	free(c->parents);
	free(c->settings);
	free(c);
	*cage = NULL;
}
