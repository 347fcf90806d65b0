/* One directory of control groups and what is below it: who is in it, killing them, removing it.
 *
 * Pids are reused, so a number that was read is not yet a process: a pidfd is opened for it, the list is read again,
 * and only who is still on it gets the signal.  A pidfd that was opened for a stranger stands for somebody who is
 * not on the second list, or who is dead.
 *
 * Nothing here uses malloc: an undertaker does this on the heap of a supervisor that was killed in the middle of
 * anything.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <time.h>

#include "base/own.h"
#include "cage/file.h"
#include "cage/inner.h"

enum { DEPTH_MAX = 64, BATCH = 128 };

/* ---- reading who is there ---- */

struct pid_list {
	pid_t *pids;
	size_t max;
	size_t count; /* all that there are; only max of them are kept */
};

static void list_add(struct pid_list *list, pid_t pid)
{
	if (pid == 0)
		return; /* of another pid namespace */
	if (list->count < list->max)
		list->pids[list->count] = pid;
	list->count++;
}

/* Adds the processes of this one group. Threaded v2 groups cannot say; the group above them lists their processes. */
static int read_procs(int dir, struct pid_list *list)
{
	AUTO(fd_drop) int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[FILE_TEXT];
	pid_t pid = 0;
	ssize_t n = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((n = read(fd, text, sizeof text)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] != '\n') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			list_add(list, pid);
			pid = 0;
		}
	return n < 0 && errno != EOPNOTSUPP && errno != ENODEV ? -errno : 0;
}

struct listing { /* of the groups below one */
	int fd;
	ssize_t length, at;
	_Alignas(struct dirent64) char entries[2048];
};

static void listing_drop(struct listing *l)
{
	fd_drop(&l->fd);
}

static void listing_open(struct listing *l, int fd)
{
	l->fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->length = l->at = 0;
}

/* The next group below, or NULL. Good until the next call. */
static const char *next_group(struct listing *l)
{
	for (;;) {
		const struct dirent64 *entry;

		if (l->at >= l->length) {
			l->length = l->fd < 0 ? 0 : getdents64(l->fd, l->entries, sizeof l->entries);
			l->at = 0;
		}
		if (l->length <= 0)
			return NULL;
		entry = (const struct dirent64 *)(l->entries + l->at);
		l->at += entry->d_reclen;
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return entry->d_name;
	}
}

/* Visits the group and those below it. Groups that vanish meanwhile are no error. */
static int walk(int fd, int depth, int (*visit)(int fd, void *arg), void *arg)
{
	AUTO(listing_drop) struct listing below = {.fd = -1};
	const char *name;
	int r = visit(fd, arg);

	if (r < 0)
		return r;
	if (depth == 0)
		return -ELOOP;
	listing_open(&below, fd);
	while ((name = next_group(&below))) {
		AUTO(fd_drop) int child = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		r = child < 0 ? 0 : walk(child, depth - 1, visit, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

static int visit_collect(int fd, void *arg)
{
	return read_procs(fd, arg);
}

ssize_t group_pids(int fd, pid_t *pids, size_t max)
{
	struct pid_list list = {pids, max, 0};
	int r = walk(fd, DEPTH_MAX, visit_collect, &list);

	return r < 0 ? r : (ssize_t)list.count;
}

static int visit_find_us(int fd, void *arg)
{
	pid_t pids[4096];
	struct pid_list list = {pids, sizeof pids / sizeof *pids, 0};
	int r = read_procs(fd, &list);

	for (size_t i = 0; i < list.count && i < list.max; i++)
		if (pids[i] == getpid())
			return -EALREADY;
	return r;
}

int group_holds_us(int fd)
{
	int r = walk(fd, DEPTH_MAX, visit_find_us, NULL);

	return r == -EALREADY ? 1 : r;
}

/* ---- killing ---- */

static void pids_drop(struct pid_list *list)
{
	if (list->pids)
		munmap(list->pids, list->max * sizeof *list->pids);
}

/* A comb sort: qsort() may allocate. The kernel's lists are sorted already, or nearly so. */
static void sort(pid_t *pids, size_t count)
{
	bool swapped = true;

	for (size_t gap = count; gap > 1 || swapped;) {
		gap = gap * 10 / 13;
		if (gap < 1)
			gap = 1;
		swapped = false;
		for (size_t i = 0; i + gap < count; i++) {
			pid_t first = pids[i];

			if (first <= pids[i + gap])
				continue;
			pids[i] = pids[i + gap];
			pids[i + gap] = first;
			swapped = true;
		}
	}
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The sorted list of who is there now. */
static int list_now(int fd, struct pid_list *list)
{
	struct pid_list all = {NULL, 0, 0};
	int r = read_procs(fd, &all);

	if (r < 0)
		return r;
	*list = (struct pid_list){.max = all.count + 64}; /* who comes in between is met in the next round */
	list->pids =
		mmap(NULL, list->max * sizeof *list->pids, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (list->pids == MAP_FAILED) {
		list->pids = NULL;
		return -ENOMEM;
	}
	r = read_procs(fd, list);
	if (list->count > list->max)
		list->count = list->max;
	sort(list->pids, list->count);
	return r;
}

static int kill_batch(int fd, const pid_t *pids, size_t count)
{
	AUTO(pids_drop) struct pid_list after = {NULL, 0, 0};
	int pidfds[BATCH];
	int r;

	for (size_t i = 0; i < count; i++)
		pidfds[i] = pidfd_open(pids[i], 0);
	r = list_now(fd, &after);
	for (size_t i = 0; i < count; i++) {
		if (pidfds[i] < 0)
			continue;
		if (r == 0 && bsearch(&pids[i], after.pids, after.count, sizeof *pids, by_number))
			pidfd_send_signal(pidfds[i], SIGKILL, NULL, 0);
		close(pidfds[i]);
	}
	return r;
}

static int visit_kill(int fd, void *arg)
{
	AUTO(pids_drop) struct pid_list before = {NULL, 0, 0};
	int r = list_now(fd, &before);

	for (size_t i = 0; i < before.count && r == 0; i += BATCH)
		r = kill_batch(fd, before.pids + i, before.count - i < BATCH ? before.count - i : BATCH);
	return r;
}

/* Freezes a v1 freezer group, so that nobody in it forks while the others are being killed. Tasks freeze when they
 * run next; those that have not done so in a moment are met in the next round. */
static bool freeze(int fd)
{
	struct timespec pause = {.tv_nsec = 200000};
	char state[16];

	if (file_write(fd, "freezer.state", "FROZEN") < 0)
		return false;
	for (int i = 0; i < 50; i++) {
		if (file_read(fd, "freezer.state", state, sizeof state) < 0 || strcmp(state, "FROZEN") == 0)
			break;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* v2 does it at one stroke. The v1 freezer keeps a group from forking away under our hands, but what is frozen does
 * not act on SIGKILL until it is thawed. Elsewhere whoever is listed is killed, and the caller comes again. */
int group_kill(int fd, const char *path, struct err *e)
{
	int r = file_write(fd, "cgroup.kill", "1");
	bool frozen;

	if (r == 0)
		return 0;
	if (r != -ENOENT && r != -EOPNOTSUPP && r != -ENODEV) {
		errno = -r;
		return err_sys(e, "kill all in %s", path);
	}
	frozen = freeze(fd);
	r = walk(fd, DEPTH_MAX, visit_kill, NULL);
	if (frozen)
		file_write(fd, "freezer.state", "THAWED");
	if (r == 0)
		return 0;
	errno = -r;
	return err_sys(e, "kill all in %s", path);
}

/* ---- removing ---- */

/* Removes one group that has none below it; 1 when it did, 0 when there was none left, or -errno. */
static int remove_leaf(int top)
{
	AUTO(fd_drop) int dir = openat(top, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[256] = "";
	AUTO(fd_drop) int parent = -1;

	for (;;) {
		AUTO(listing_drop) struct listing list = {.fd = -1};
		const char *below;

		if (dir >= 0)
			listing_open(&list, dir);
		below = next_group(&list);
		if (!below)
			break;
		snprintf(name, sizeof name, "%s", below);
		fd_drop(&parent);
		parent = fd_take(&dir);
		dir = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (parent < 0)
		return 0;
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 1;
}

static int busy(int fd, const char *path, struct err *e)
{
	pid_t pid;

	if (group_pids(fd, &pid, 1) > 0)
		return err_set(e, EBUSY, "remove group %s: process %d is still in it", path, (int)pid);
	return err_set(e, EBUSY, "remove group %s: it is still in use", path);
}

int group_remove(const char *path, struct err *e)
{
	AUTO(fd_drop) int fd = -1;
	int r;

	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return err_sys(e, "remove group %s", path);
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open group %s", path);
	do
		r = remove_leaf(fd);
	while (r > 0);
	if (r == -EBUSY || (r == 0 && rmdir(path) < 0 && errno == EBUSY))
		return busy(fd, path, e);
	if (r < 0)
		errno = -r;
	return r < 0 || (faccessat(AT_FDCWD, path, F_OK, 0) == 0) ? err_sys(e, "remove group %s", path) : 0;
}
