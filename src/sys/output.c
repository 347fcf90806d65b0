#include "sys/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

int output_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

static int check_kind(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	return err_set(e, EEXIST, "write %s: it is no regular file, and is not replaced", path);
}

static int open_unnamed(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO(free_drop) char *folder = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
	int fd = folder ? open(*folder ? folder : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666) : -1;

	return fd < 0 ? -errno : fd;
}

/* beside: to be made with this name, where there are no files without one; ret_named: it was. */
static int open_new(const char *path, const char *beside, bool *ret_named)
{
	int fd = open_unnamed(path);

	if (fd != -EOPNOTSUPP && fd != -EISDIR)
		return fd;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	*ret_named = fd >= 0;
	return fd < 0 ? -errno : fd;
}

static int name_it(int fd, const char *name)
{
	char self[32];

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

/* A name can be given at once only where there is no such file; otherwise it takes a second one for a moment. */
static int publish(int fd, const char *path, const char *beside, bool *named)
{
	if (!*named && name_it(fd, path) == 0)
		return 0;
	if (!*named && (errno != EEXIST || name_it(fd, beside) < 0))
		return -1;
	*named = true;
	if (rename(beside, path) < 0)
		return -1;
	*named = false;
	return 0;
}

int output_replace(const char *path, output_fill *fill, void *arg, struct err *e)
{
	AUTO(free_drop) char *beside = NULL;
	AUTO(fd_drop) int fd = -1;
	bool named = false;
	int r = check_kind(path, e);

	if (r < 0)
		return r;
	if (asprintf(&beside, "%s.%d", path, (int)getpid()) < 0)
		return err_set(e, ENOMEM, "out of memory");
	fd = open_new(path, beside, &named);
	errno = -fd;
	if (fd < 0)
		return err_sys(e, "write %s", path);
	r = fill(fd, arg, e);
	if (r == 0 && publish(fd, path, beside, &named) < 0)
		r = err_sys(e, "write %s", path);
	if (named)
		unlink(beside);
	return r;
}
