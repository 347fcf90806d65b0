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
	struct cage_homes *homes; /* of the first */
	struct cage_process *list;
	size_t count;
	int other; /* pidfd of one that has come later; or -1 */
};

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

static int add(struct attached *a, const struct cage_host *host, pid_t pid, struct err *e)
{
	AUTO(cage_homes_drop) struct cage_homes *homes = NULL;
	AUTO(fd_drop) int pidfd = -1;
	struct cage_process *more;
	int r;

	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].pid == pid)
			return 0;
	r = check_pid(pid, e);
	if (r < 0)
		return r;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return errno == ESRCH ? err_set(e, ESRCH, "process %d has ended meanwhile", (int)pid)
				      : err_sys(e, "hold process %d", (int)pid);
	r = cage_homes_read(host, pid, &homes, e);
	if (r == 0)
		r = check_cages(pid, homes, e);
	more = r < 0 ? NULL : reallocarray(a->list, a->count + 1, sizeof *more);
	if (!more)
		return r < 0 ? r : err_set(e, ENOMEM, "out of memory");
	a->list = more;
	more[a->count++] = (struct cage_process){pid, fd_take(&pidfd), proc_start_time(pid)};
	if (!a->homes) {
		a->homes = homes;
		homes = NULL;
	}
	return 0;
}

/* ---- descendants ---- */

static bool is_child_of_ours(const struct attached *a, pid_t pid)
{
	pid_t parent = proc_parent(pid);

	for (size_t i = 0; parent > 0 && i < a->count; i++)
		if (a->list[i].pid == parent)
			return true;
	return false;
}

/* One pass over /proc; whoever has ended meanwhile, or may not be attached, is passed over. */
static int add_children(struct attached *a, const struct cage_host *host, struct err *e)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return err_sys(e, "open /proc");
	while (r == 0 && (entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 1 || pid == getpid() || !is_child_of_ours(a, pid))
			continue;
		r = add(a, host, pid, e);
		if (r == -ESRCH || (r == -EINVAL && is_ours(pid)))
			r = 0;
	}
	closedir(dir);
	return r;
}

static int add_tree(struct attached *a, const struct cage_host *host, struct err *e)
{
	size_t before;
	int r;

	do {
		before = a->count;
		r = add_children(a, host, e);
	} while (r == 0 && a->count > before);
	return r;
}

int attached_look(
	const struct cage_host *host, const pid_t *pids, size_t count, bool tree, struct attached **ret, struct err *e)
{
	AUTO(attached_drop) struct attached *a = calloc(1, sizeof *a);
	int r = 0;

	if (!a)
		return err_set(e, ENOMEM, "out of memory");
	a->other = -1;
	for (size_t i = 0; i < count && r == 0; i++)
		r = add(a, host, pids[i], e);
	if (r == 0 && tree)
		r = add_tree(a, host, e);
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
		fd_drop(&a->list[i].pidfd);
	fd_drop(&a->other);
	cage_homes_drop(&a->homes);
	free(a->list);
	free(a);
	*attached = NULL;
}

/* ---- about them ---- */

static bool lives(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

const struct cage_homes *attached_homes(const struct attached *a)
{
	return a->homes;
}

pid_t attached_pid(const struct attached *a)
{
	return lives(a->list[0].pidfd) ? a->list[0].pid : 0;
}

int attached_pidfd(const struct attached *a)
{
	return a->list[0].pidfd;
}

size_t attached_count(const struct attached *a)
{
	return a->count;
}

uint64_t attached_bytes(const struct attached *a)
{
	uint64_t kib = 0;

	for (size_t i = 0; i < a->count; i++)
		kib += proc_status_number(a->list[i].pid, "RssAnon") + proc_status_number(a->list[i].pid, "RssShmem");
	return kib * 1024;
}

/* ---- in, and until the end ---- */

int attached_join(struct attached *a, const struct cage *c, struct undo *u, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < a->count && r == 0; i++)
		r = cage_adopt(c, &a->list[i], a->homes, u, e);
	return r;
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
