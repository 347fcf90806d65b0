#include "run/attached.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "base/own.h"
#include "run/state.h"
#include "sys/proc.h"

struct attached {
	const struct cage_host *host;
	struct cage_process *list;
	size_t count, named; /* those that were named come first */
	size_t moved;
	bool tree;
	int other; /* pidfd of one that has come later; or -1 */
};

static bool lives(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

/* Only of those that live: another's number may be somebody else's by now. */
static const struct cage_process *find(const struct attached *a, pid_t pid)
{
	for (size_t i = 0; pid > 0 && i < a->count; i++)
		if (a->list[i].pid == pid && lives(a->list[i].pidfd))
			return &a->list[i];
	return NULL;
}

/* ---- may it be? ---- */

static bool is_same_file(const char *path, const struct stat *other)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == other->st_dev && st.st_ino == other->st_ino;
}

/* A supervisor, its script host, the keeper of an address: they watch over others and must not wait with them. */
static bool is_ours(pid_t pid)
{
	static const char *const helpers[] = {"virtualing-ruby", "virtualing-vip"};
	char path[64], helper[PATH_MAX];
	struct stat st;
	struct err e;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	if (stat(path, &st) < 0)
		return false;
	if (is_same_file("/proc/self/exe", &st))
		return true;
	for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++)
		if (proc_find_program(helpers[i], helper, &e) == 0 && is_same_file(helper, &st))
			return true;
	return false;
}

/* What can be said of a pid before it is held. */
static int check_pid(pid_t pid, struct err *e)
{
	pid_t leader = (pid_t)proc_status_number(pid, "Tgid");

	if (pid == 1)
		return err_set(e, EINVAL, "process 1 is the host's init: attach the processes that are meant");
	if (!leader)
		return err_set(e, ESRCH, "there is no process %d", (int)pid);
	if (leader != pid)
		return err_set(e, EINVAL,
			"%d is a thread of process %d: attach that one, with all its threads (they share their memory)",
			(int)pid, (int)leader);
	if (proc_is_kernel_thread(pid))
		return err_set(e, EINVAL, "%d is a thread of the kernel, and stays outside of cages", (int)pid);
	if (proc_is_zombie(pid))
		return err_set(e, ESRCH, "process %d has ended (a zombie that its parent, %d, has not waited for)",
			(int)pid, (int)proc_parent(pid));
	if (is_ours(pid))
		return err_set(e, EINVAL, "process %d is virtualing itself, which watches over others", (int)pid);
	return 0;
}

/* Those with a group of their own choice stand anywhere, so all that run are asked. */
static int check_cages(pid_t pid, const struct cage_homes *homes, struct err *e)
{
	char **names;
	ssize_t count = state_names(&names, e);
	int r = count < 0 ? (int)count : 0;

	for (ssize_t i = 0; i < count; i++) {
		struct err ignored;
		json_t *state = r == 0 ? state_read(names[i], &ignored) : NULL;
		json_t *resource = json_object_get(json_object_get(state, "description"), "resource");
		const char *group = json_string_value(json_object_get(resource, "group"));

		if (r == 0 && cage_homes_in(homes, group ? group : names[i]))
			r = err_set(e, EBUSY,
				"process %d is in the cage of %s: one cage at a time (`virtualing show %s`)", (int)pid,
				names[i], names[i]);
		json_decref(state);
		free(names[i]);
	}
	free(names);
	return r;
}

/* ---- holding them ---- */

static void process_drop(struct cage_process *p)
{
	fd_drop(&p->pidfd);
	cage_homes_drop(&p->homes);
}

/* Everything is read while it is held; had it ended meanwhile, it could be of another with its number. */
static int hold_one(const struct attached *a, pid_t pid, struct cage_process *ret, struct err *e)
{
	int r = check_pid(pid, e);

	if (r < 0)
		return r;
	ret->pid = pid;
	ret->pidfd = pidfd_open(pid, 0);
	if (ret->pidfd < 0)
		return errno == ESRCH ? err_set(e, ESRCH, "process %d has ended meanwhile", (int)pid)
				      : err_sys(e, "hold process %d", (int)pid);
	ret->start = proc_start_time(pid);
	r = cage_homes_read(a->host, pid, &ret->homes, e);
	if (r == 0 && (proc_is_ending(pid) || !lives(ret->pidfd)))
		return err_set(e, ESRCH, "process %d has ended meanwhile", (int)pid);
	return r;
}

/* Takes it, if it is in no other cage. */
static int keep(struct attached *a, struct cage_process *p, struct err *e)
{
	int r = check_cages(p->pid, p->homes, e);
	struct cage_process *more = r < 0 ? NULL : reallocarray(a->list, a->count + 1, sizeof *more);

	if (!more)
		return r < 0 ? r : err_set(e, ENOMEM, "out of memory");
	a->list = more;
	more[a->count++] = *p;
	*p = (struct cage_process){.pidfd = -1};
	return 0;
}

static int add_named(struct attached *a, pid_t pid, struct err *e)
{
	AUTO(process_drop) struct cage_process p = {.pidfd = -1};
	int r = find(a, pid) ? 1 : hold_one(a, pid, &p, e);

	if (r == 0)
		r = keep(a, &p, e);
	a->named = a->count;
	return r < 0 ? r : 0;
}

/* Whoever is of their tree, or in a part of the cage (NULL: there is none yet). The guard's decoys are children of
 * ours. -ESRCH: has ended meanwhile. */
static int add_found(struct attached *a, const struct cage *c, pid_t pid, struct err *e)
{
	AUTO(process_drop) struct cage_process p = {.pidfd = -1};
	const struct cage_process *parent;
	enum cage_part part;
	int r = find(a, pid) ? 1 : hold_one(a, pid, &p, e);

	if (r != 0)
		return r == 1 || (r == -EINVAL && is_ours(pid)) ? 0 : r;
	part = c ? cage_homes_part(p.homes, c) : CAGE_NOTHING;
	parent = find(a, proc_parent(pid));
	if (part == CAGE_ALL || proc_parent(pid) == getpid() || (part == CAGE_NOTHING && !(a->tree && parent)))
		return 0;
	if (part == CAGE_SOME)
		r = cage_homes_inherit(p.homes, c, parent ? parent->homes : a->list[0].homes, e);
	return r < 0 ? r : keep(a, &p, e);
}

static int pass_over(int r, bool *ended)
{
	*ended |= r == -ESRCH;
	return r == -ESRCH ? 0 : r;
}

/* ---- descendants ---- */

/* One pass over /proc; zombies, and whoever may not be attached, are passed over.  ended: somebody has before he could
 * be held; who was born of him may be another's child by now. */
static int add_children(struct attached *a, const struct cage *c, bool *ended, struct err *e)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return err_sys(e, "open /proc");
	while (r == 0 && (entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 1 || pid == getpid() || !find(a, proc_parent(pid)) || proc_is_zombie(pid))
			continue;
		r = pass_over(add_found(a, c, pid, e), ended);
	}
	closedir(dir);
	return r;
}

static int add_tree(struct attached *a, const struct cage *c, bool *ended, struct err *e)
{
	size_t before;
	int r;

	do {
		before = a->count;
		r = add_children(a, c, ended, e);
	} while (r == 0 && a->count > before);
	return r;
}

int attached_look(
	const struct cage_host *host, const pid_t *pids, size_t count, bool tree, struct attached **ret, struct err *e)
{
	AUTO(attached_drop) struct attached *a = calloc(1, sizeof *a);
	bool ended = false; /* attached_join looks again */
	int r = 0;

	if (!a)
		return err_set(e, ENOMEM, "out of memory");
	a->other = -1;
	a->host = host;
	a->tree = tree;
	for (size_t i = 0; i < count && r == 0; i++)
		r = add_named(a, pids[i], e);
	if (r == 0 && tree)
		r = add_tree(a, NULL, &ended, e);
	if (r < 0)
		return r;
	*ret = a;
	a = NULL;
	return 0;
}

void attached_drop(struct attached **attached)
{
	struct attached *a = *attached;

	if (!a)
		return;
	for (size_t i = 0; i < a->count; i++)
		process_drop(&a->list[i]);
	fd_drop(&a->other);
	free(a->list);
	free(a);
	*attached = NULL;
}

/* ---- about them ---- */

const struct cage_homes *attached_homes(const struct attached *a)
{
	return a->list[0].homes;
}

pid_t attached_pid(const struct attached *a)
{
	return a->list[0].pid;
}

bool attached_first_lives(const struct attached *a)
{
	return lives(a->list[0].pidfd);
}

int attached_pidfd(const struct attached *a)
{
	return a->list[0].pidfd;
}

size_t attached_count(const struct attached *a)
{
	return a->moved;
}

uint64_t attached_bytes(const struct attached *a)
{
	uint64_t kib = 0;

	for (size_t i = 0; i < a->count; i++)
		if (lives(a->list[i].pidfd))
			kib += proc_status_number(a->list[i].pid, "RssAnon") +
			       proc_status_number(a->list[i].pid, "RssShmem");
	return kib * 1024;
}

/* ---- in, and until the end ---- */

/* Only who was named must not have ended. */
static int move_in(struct attached *a, const struct cage *c, size_t from, struct undo *u, struct err *e)
{
	for (size_t i = from; i < a->count; i++) {
		int r = cage_adopt(c, &a->list[i], a->list[0].homes, u, e);

		if (r < 0 && (r != -ESRCH || i < a->named))
			return r;
		a->moved += r == 0;
	}
	return 0;
}

static int add_torn(struct attached *a, const struct cage *c, bool *ended, struct err *e)
{
	AUTO(free_drop) pid_t *pids = NULL;
	size_t count;
	int r = cage_torn(c, &pids, &count, e);

	for (size_t i = 0; i < count && r == 0; i++)
		r = pass_over(add_found(a, c, pids[i], e), ended);
	return r;
}

/* Each may start others until he is in: these are outside, or in those groups that he was in. Theirs are not. */
int attached_join(struct attached *a, const struct cage *c, struct undo *u, struct err *e)
{
	enum { ROUNDS = 32 };
	size_t done = 0;

	for (int i = 0; i < ROUNDS; i++) {
		bool ended = false;
		int r = move_in(a, c, done, u, e);

		done = a->count;
		if (r == 0 && a->tree)
			r = add_tree(a, c, &ended, e);
		if (r == 0)
			r = add_torn(a, c, &ended, e);
		if (r < 0 || (a->count == done && !ended))
			return r;
	}
	return err_set(e, EAGAIN,
		"processes are started faster than they can be moved: after %d rounds there are some outside of the "
		"limits still; stop who starts them until it is done (`kill -STOP`, `kill -CONT`)",
		ROUNDS);
}

enum { LOOKED_AT = 256 };

/* A pidfd of somebody listed in the cage, or -1. Held first, and then he must still be on the list. */
static int hold(const struct cage *c, pid_t pid)
{
	AUTO(fd_drop) int held = pidfd_open(pid, 0);
	pid_t again[LOOKED_AT];
	ssize_t now = held >= 0 && lives(held) ? cage_pids(c, again, LOOKED_AT) : 0;

	for (ssize_t k = 0; k < now && k < LOOKED_AT; k++)
		if (again[k] == pid)
			return fd_take(&held);
	return -1;
}

/* Somebody whom one of them has started. */
static int hold_other(struct attached *a, const struct cage *c)
{
	pid_t pids[LOOKED_AT];
	ssize_t n = cage_pids(c, pids, LOOKED_AT), count = n < LOOKED_AT ? n : LOOKED_AT;

	for (ssize_t i = 0; i < count; i++) {
		a->other = hold(c, pids[i]);
		if (a->other >= 0)
			return a->other;
	}
	return n == 0 ? -ESRCH : -EAGAIN;
}

int attached_next(struct attached *a, const struct cage *c)
{
	for (size_t i = 0; i < a->count; i++)
		if (lives(a->list[i].pidfd))
			return a->list[i].pidfd;
	fd_drop(&a->other);
	return hold_other(a, c);
}

static void signal_all(const struct cage *c, int signal)
{
	pid_t pids[LOOKED_AT];
	ssize_t n = cage_pids(c, pids, LOOKED_AT);
	struct err ignored;

	for (ssize_t i = 0; i < n && i < LOOKED_AT; i++) {
		AUTO(fd_drop) int held = hold(c, pids[i]);

		if (held >= 0)
			proc_signal(held, signal, &ignored);
	}
}

void attached_signal(const struct attached *a, const struct cage *c, int signal)
{
	struct err ignored;
	size_t living = 0;

	for (size_t i = 0; i < a->count; i++)
		if (lives(a->list[i].pidfd)) {
			living++;
			proc_signal(a->list[i].pidfd, signal, &ignored);
		}
	if (living == 0)
		signal_all(c, signal);
}
