/* What a supervisor that died has left behind. Paths come from a journal, so each is proved to be a control group. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/own.h"
#include "cage/home.h"
#include "cage/inner.h"

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_group(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC);
}

static bool is_root(int fd)
{
	struct stat here, above;

	return fstat(fd, &here) < 0 || fstatat(fd, "..", &above, 0) < 0 || here.st_dev != above.st_dev;
}

static bool climbs(const char *path)
{
	for (const char *part = path; part; part = strchr(part + 1, '/'))
		if (strncmp(part, "/..", 3) == 0 && (part[3] == '/' || !part[3]))
			return true;
	return false;
}

/* A descriptor of the group; -ENOENT when it is gone; -EINVAL when it is none. */
static int open_group(const char *path, struct err *e)
{
	AUTO(fd_drop) int fd = -1;

	if (path[0] != '/' || climbs(path))
		return err_set(e, EINVAL, "%s is not the absolute path of a control group", path);
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open group %s", path);
	if (!is_group(fd))
		return err_set(e, EINVAL, "%s is not a control group; it is left alone", path);
	return fd_take(&fd);
}

/* The same; -EINVAL also when it may not be touched. */
static int open_proved(const char *path, struct err *e)
{
	AUTO(fd_drop) int fd = open_group(path, e);

	if (fd < 0)
		return fd;
	if (is_root(fd))
		return err_set(e, EINVAL, "%s is the root of a control group tree; it is left alone", path);
	return fd_take(&fd);
}

/* "…/virtualing", directly below the root of a tree, goes with the last group in it. */
static void remove_shared(const char *path)
{
	char parent[PATH_MAX];
	char *slash;

	if ((size_t)snprintf(parent, sizeof parent, "%s", path) >= sizeof parent || !(slash = strrchr(parent, '/')))
		return;
	*slash = 0;
	slash = strrchr(parent, '/');
	if (!slash || strcmp(slash + 1, SHARED_PARENT) != 0)
		return;

	/* rmdir() first would take a "virtualing" that somebody else has made further down. */
	*slash = 0;
	AUTO(fd_drop) int above = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';

	if (above >= 0 && is_group(above) && is_root(above))
		rmdir(parent);
}

/* Whoever made them has ended while we were in there. */
static void remove_marked(const char *path)
{
	char above[PATH_MAX];
	struct err ignored;
	char *slash;

	if ((size_t)snprintf(above, sizeof above, "%s", path) >= sizeof above)
		return;
	while ((slash = strrchr(above, '/')) && slash != above) {
		AUTO(fd_drop) int fd = -1;

		*slash = 0;
		fd = open_proved(above, &ignored);
		if (fd < 0 || lgetxattr(above, PARENT_MARK, NULL, 0) < 0 || rmdir(above) < 0)
			return;
	}
}

static void remove_parents(const char *path)
{
	remove_shared(path);
	remove_marked(path);
}

static int kill_and_remove(int fd, const char *path, int timeout_ms, struct err *e)
{
	int64_t end = now_ms() + timeout_ms;
	struct timespec pause = {.tv_nsec = 200000};

	if (group_holds_us(fd) == 1)
		return err_set(e, EINVAL, "this process itself is in %s; it is left alone", path);
	for (;;) {
		int r = group_kill(fd, path, e);

		if (r == 0)
			r = group_remove(path, e);
		if (r != -EBUSY)
			return r;
		if (now_ms() >= end)
			return err_while(e, "after %d ms", timeout_ms);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 10000000)
			pause.tv_nsec *= 2;
	}
}

int cage_undo_group(const char *path, int timeout_ms, struct err *e)
{
	AUTO(fd_drop) int fd = open_proved(path, e);
	int r = fd;

	/* Nearly always there is nobody in it any more, and nothing to be killed. */
	if (fd >= 0 && rmdir(path) < 0 && errno != ENOENT)
		r = kill_and_remove(fd, path, timeout_ms, e);
	if (r < 0 && r != -ENOENT)
		return r;
	remove_parents(path);
	return 0;
}

/* Without a lock: the kernel removes no group that has processes or groups in it, and whoever finds it gone while he
 * makes his own below it begins again (cage.c). */
int cage_undo_parent(const char *path, struct err *e)
{
	AUTO(fd_drop) int fd = open_proved(path, e);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (rmdir(path) == 0 || errno == ENOENT || errno == EBUSY || errno == ENOTEMPTY)
		return 0;
	return err_sys(e, "remove group %s", path);
}

/* Whoever forks while he is moved leaves a child behind: so again, until the group can go. */
int cage_undo_released(const char *path, const char *home, int timeout_ms, struct err *e)
{
	AUTO(fd_drop) int fd = open_proved(path, e);
	int64_t end = now_ms() + timeout_ms;
	int r = fd;

	while (fd >= 0) {
		r = home_empty(fd, home, e);
		if (r == 0)
			r = group_remove(path, e);
		if (r != -EBUSY || now_ms() >= end)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	remove_parents(path);
	return 0;
}

int leftover_open(const char *path)
{
	struct err ignored;

	return open_group(path, &ignored);
}

bool cage_group_is_populated(const char *path)
{
	struct err ignored;
	AUTO(fd_drop) int fd = open_proved(path, &ignored);
	pid_t pid;

	return fd >= 0 && group_pids(fd, &pid, 1) > 0;
}

/* ---- finding them ---- */

static int each_in_tree(const struct cage_tree *tree, void (*each)(void *arg, const char *path, const char *name),
	void *arg, struct err *e)
{
	char parent[PATH_MAX], path[PATH_MAX + 256];
	struct dirent *entry;
	DIR *dir;

	snprintf(parent, sizeof parent, "%s/" SHARED_PARENT, tree->mount);
	dir = opendir(parent);
	if (!dir)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", parent);
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
		each(arg, path, entry->d_name);
	}
	closedir(dir);
	return 0;
}

int cage_host_each_group(const struct cage_host *host, void (*each)(void *arg, const char *path, const char *name),
	void *arg, struct err *e)
{
	for (size_t i = 0; i < host->count; i++) {
		int r = each_in_tree(&host->trees[i], each, arg, e);

		if (r < 0)
			return r;
	}
	return 0;
}

void cage_host_tidy(const struct cage_host *host)
{
	char parent[PATH_MAX];

	for (size_t i = 0; i < host->count; i++) {
		snprintf(parent, sizeof parent, "%s/" SHARED_PARENT, host->trees[i].mount);
		rmdir(parent); /* not empty: virtuals are running */
	}
}
