/* A walk through a file system that does not exist yet: the root, with the plan's things and mounts put over it in the
 * mind.  One component at a time, so that a link into a directory that will be mounted is followed into what will be
 * mounted there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/path.h"
#include "jail/plan.h"

enum { LINKS_MAX = 40 }; /* as the kernel's own limit */

struct node {
	int fd;
	mode_t mode;
	char link[PATH_MAX]; /* text of a symbolic link */
};

/* The topmost mount that a path lies in: a later one covers an earlier one. */
static const struct mount_row *covering(const struct view *v, const char *path)
{
	for (size_t i = v->mount_count; i-- > 0;)
		if (path_below(path, v->plan->mounts[i].path))
			return &v->plan->mounts[i];
	return NULL;
}

static int real(struct node *n, int fd)
{
	struct stat s;
	ssize_t length = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &s) < 0 || (S_ISLNK(s.st_mode) && (length = readlinkat(fd, "", n->link, PATH_MAX - 1)) < 0)) {
		fd_drop(&fd);
		return -errno;
	}
	n->link[length] = '\0';
	n->mode = s.st_mode;
	n->fd = fd;
	return 0;
}

static int imagined(struct node *n, mode_t mode, const char *link)
{
	n->mode = mode;
	snprintf(n->link, sizeof n->link, "%s", link);
	return 0;
}

static int look_bind(struct node *n, const struct mount_row *m, const char *rest)
{
	AUTO(fd_drop) int base = open(m->source, O_PATH | O_CLOEXEC);

	if (base < 0 || !*rest)
		return real(n, fd_take(&base));
	return real(n, path_open(base, rest, O_PATH | O_NOFOLLOW));
}

/* Empty but for the targets of later mounts. */
static int look_tmpfs(const struct view *v, struct node *n, const char *path, const char *rest)
{
	if (!*rest)
		return imagined(n, S_IFDIR | 01777, "");
	for (size_t i = 0; i < v->mount_count; i++)
		if (path_below(v->plan->mounts[i].path, path))
			return imagined(n, S_IFDIR | 0755, "");
	return -ENOENT;
}

static int look_thing(const struct view *v, struct node *n, const char *path)
{
	for (size_t i = 0; i < v->plan->thing_count; i++) {
		const struct thing *t = &v->plan->things[i];

		if (strcmp(t->path, path) != 0)
			continue;
		switch (t->kind) {
		case THING_DIR:
			return imagined(n, S_IFDIR | t->mode, "");
		case THING_LINK:
			return imagined(n, S_IFLNK | 0777, t->source);
		case THING_FILE:
			return imagined(n, S_IFREG | 0644, "");
		case THING_COPY:
			return real(n, open(t->source, O_PATH | O_CLOEXEC));
		case THING_KINDS:
			break;
		}
	}
	return -ENOENT;
}

/* path: every component but the last is a directory. -ENODATA: cannot be known. */
static int look_one(const struct view *v, const char *path, struct node *n)
{
	const struct mount_row *m = covering(v, path);
	const char *rest = m ? path_below(path, m->path) : NULL;
	int r = -ENOENT;

	n->fd = -1;
	memset(n->link, 0, 1);
	if (m)
		switch (m->kind) {
		case MOUNT_BIND:
			return look_bind(n, m, rest);
		case MOUNT_TMPFS:
			return look_tmpfs(v, n, path, rest);
		case MOUNT_DEV:
		case MOUNT_PROC:
			return *rest ? -ENODATA : imagined(n, S_IFDIR | 0755, "");
		}
	if (v->root >= 0)
		r = real(n, path_open(v->root, path, O_PATH | O_NOFOLLOW));
	else if (!*path)
		return imagined(n, S_IFDIR | 0755, "");
	return r == -ENOENT ? look_thing(v, n, path) : r;
}

/* Puts `first` before what is still to walk. */
static int prepend(char todo[PATH_MAX], const char *first)
{
	char rest[PATH_MAX];
	size_t a = strlen(first), b = strlen(todo);

	if (a + 1 + b >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(rest, todo, b + 1);
	memcpy(todo, first, a);
	todo[a] = '/';
	memcpy(todo + a + 1, rest, b + 1);
	return 0;
}

/* Takes the first component off todo and puts it on `path`; ".." takes the last off. false: nothing left. */
static bool advance(char todo[PATH_MAX], char path[PATH_MAX], int *error)
{
	size_t skip = strspn(todo, "/"), length = strcspn(todo + skip, "/"), used = strlen(path);
	const char *c = todo + skip;

	if (length == 0)
		return false;
	if (length == 2 && memcmp(c, "..", 2) == 0) {
		char *slash = strrchr(path, '/');

		*(slash ? slash : path) = '\0';
	} else if (!(length == 1 && *c == '.')) {
		if (used + 1 + length >= PATH_MAX) {
			*error = -ENAMETOOLONG;
			return false;
		}
		if (used)
			path[used++] = '/';
		memcpy(path + used, c, length);
		path[used + length] = '\0';
	}
	memmove(todo, c + length, strlen(c + length) + 1);
	return true;
}

/* What is missing keeps its whole name; one with ".." in the part that does not exist leads nowhere. */
static int missing(char todo[PATH_MAX], struct view_at *at)
{
	int error = 0;

	at->state = VIEW_MISSING;
	if (strcmp(todo, "..") == 0 || strstr(todo, "../"))
		return -ENOENT;
	while (advance(todo, at->path, &error))
		;
	return error;
}

static int follow(char todo[PATH_MAX], struct view_at *at, const struct node *n, int *links)
{
	char parent[PATH_MAX];

	if (++*links > LINKS_MAX)
		return -ELOOP;
	if (*n->link == '/')
		*at->path = '\0';
	else {
		path_split(at->path, parent);
		strcpy(at->path, parent);
	}
	return prepend(todo, n->link);
}

int view_look(const struct view *v, const char *path, struct view_at *at)
{
	char todo[PATH_MAX];
	struct node n = {.fd = -1};
	int links = 0, r = 0;

	*at = (struct view_at){.state = VIEW_FOUND, .fd = -1, .mode = S_IFDIR | 0755};
	if (strlen(path) >= sizeof todo)
		return -ENAMETOOLONG;
	strcpy(todo, path);
	while (advance(todo, at->path, &r)) {
		fd_drop(&at->fd);
		r = look_one(v, at->path, &n);
		at->mount = covering(v, at->path);
		if (r == -ENODATA) {
			at->state = VIEW_UNKNOWN;
			return 0;
		}
		if (r == -ENOENT)
			return missing(todo, at);
		if (r < 0)
			return r;
		at->fd = n.fd;
		at->mode = n.mode;
		if (S_ISLNK(n.mode))
			r = follow(todo, at, &n, &links);
		else if (!S_ISDIR(n.mode) && todo[strspn(todo, "/")])
			r = -ENOTDIR;
		if (r < 0) {
			fd_drop(&at->fd);
			return r;
		}
	}
	return r;
}
