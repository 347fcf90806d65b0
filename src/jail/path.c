#include "jail/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "sys/syscalls.h"

enum { ATTEMPTS = 64 };

int path_normal(const char *text, char ret[PATH_MAX])
{
	size_t used = 0;

	if (*text != '/')
		return -EINVAL;
	for (const char *c = text; *c;) {
		size_t length = strcspn(c, "/");
		bool dots = length == 2 && c[0] == '.' && c[1] == '.';

		if (dots)
			return -ELOOP;
		if (length && !(length == 1 && *c == '.')) {
			if (used + 1 + length >= PATH_MAX)
				return -ENAMETOOLONG;
			if (used)
				ret[used++] = '/';
			memcpy(ret + used, c, length);
			used += length;
		}
		c += length;
		c += *c == '/';
	}
	ret[used] = '\0';
	return 0;
}

const char *path_below(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	if (length == 0)
		return path;
	if (strncmp(path, prefix, length) != 0)
		return NULL;
	if (path[length] == '\0')
		return path + length;
	return path[length] == '/' ? path + length + 1 : NULL;
}

const char *path_split(const char *path, char parent[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (length >= PATH_MAX)
		length = PATH_MAX - 1;
	memcpy(parent, path, length);
	parent[length] = '\0';
	return slash ? slash + 1 : path;
}

/* A rename anywhere while ".." is walked makes the kernel give up with EAGAIN: it cannot tell whether the walk left
 * the root.  Trying again is what its manual page asks for.  EXDEV is the same seen later: a directory of the path was
 * moved out of the root meanwhile; without RESOLVE_NO_XDEV it means nothing else. */
static int open_how(int root, const char *path, struct open_how *how)
{
	int fd = -1;

	how->flags |= O_CLOEXEC;
	how->resolve |= RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	for (int i = 0; i < ATTEMPTS; i++) {
		fd = sys_openat2(root, *path ? path : ".", how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR && errno != EXDEV))
			break;
	}
	return fd;
}

int path_open(int root, const char *path, int flags)
{
	return open_how(root, path, &(struct open_how){.flags = (unsigned)flags});
}

int path_open_exact(int root, const char *path, int flags)
{
	return open_how(root, path, &(struct open_how){.flags = (unsigned)flags, .resolve = RESOLVE_NO_SYMLINKS});
}

/* One level; mkdirat() follows nothing in its last component, and the parent is held by descriptor. */
static int make_level(int root, const char *path, mode_t mode, struct err *e)
{
	char parent[PATH_MAX];
	const char *name = path_split(path, parent);
	AUTO(fd_drop) int up = path_open(root, parent, O_PATH | O_DIRECTORY);
	AUTO(fd_drop) int made = -1;

	if (up < 0)
		return err_sys(e, "open /%s in the jail", parent);
	if (mkdirat(up, name, mode) < 0)
		return errno == EEXIST ? 0 : err_sys(e, "make directory /%s in the jail", path);
	made = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (made < 0 || fchmod(made, mode) < 0)
		return err_sys(e, "set the mode of /%s in the jail", path);
	return 0;
}

int path_make_dir(int root, const char *path, mode_t mode, struct err *e)
{
	char prefix[PATH_MAX];
	AUTO(fd_drop) int there = path_open(root, path, O_PATH);
	size_t length = strlen(path);

	if (there >= 0 || length == 0)
		return 0;
	if (length >= sizeof prefix)
		return err_set(e, ENAMETOOLONG, "make directory /%s in the jail", path);
	for (size_t end = 1; end <= length; end++) {
		int r = 0;

		if (path[end] != '/' && path[end] != '\0')
			continue;
		memcpy(prefix, path, end);
		prefix[end] = '\0';
		r = make_level(root, prefix, end == length ? mode : 0755, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int path_make_file(int root, const char *path, struct err *e)
{
	char parent[PATH_MAX];
	const char *name = path_split(path, parent);
	AUTO(fd_drop) int there = path_open(root, path, O_PATH);
	AUTO(fd_drop) int up = -1;
	AUTO(fd_drop) int made = -1;
	int r;

	if (there >= 0)
		return 0;
	r = *parent ? path_make_dir(root, parent, 0755, e) : 0;
	if (r < 0)
		return r;
	up = path_open(root, parent, O_PATH | O_DIRECTORY);
	made = up < 0 ? -1 : openat(up, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return made < 0 && errno != EEXIST ? err_sys(e, "make file /%s in the jail", path) : 0;
}
