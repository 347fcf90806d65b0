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

int output_put(int fd, const char *name, const char *bytes, size_t size, struct err *e)
{
	int r = output_all(fd, bytes, size);

	errno = -r;
	return r < 0 ? err_sys(e, "write %s", name) : 0;
}

const char *output_name(const struct output *o)
{
	const char *slash = strrchr(o->path, '/');

	return slash ? slash + 1 : o->path;
}

int output_open(const char *path, struct output *ret, struct err *e)
{
	AUTO(output_drop) struct output o = {-1, strdup(path)};
	AUTO(free_drop) char *folder = NULL;

	if (!o.path || !(folder = strndup(path, (size_t)(output_name(&o) - o.path))))
		return err_set(e, ENOMEM, "out of memory");
	o.folder = open(*folder ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (o.folder < 0)
		return err_sys(e, "write %s", path);
	*ret = o;
	o = OUTPUT_NONE;
	return 0;
}

void output_drop(struct output *o)
{
	fd_drop(&o->folder);
	free_drop(&o->path);
}

static int check_kind(const struct output *o, struct err *e)
{
	struct stat st;

	if (fstatat(o->folder, output_name(o), &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISREG(st.st_mode))
		return 0;
	return err_set(e, EEXIST, "write %s: it is no regular file, and is not replaced", o->path);
}

/* beside: to be made with this name, where there are no files without one; ret_named: it was. */
static int open_new(const struct output *o, const char *beside, bool *ret_named)
{
	int fd = openat(o->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	fd = openat(o->folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	*ret_named = fd >= 0;
	return fd;
}

static int name_it(const struct output *o, int fd, const char *name)
{
	char self[32];

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, o->folder, name, AT_SYMLINK_FOLLOW);
}

/* A name can be given at once only where there is no such file; otherwise it takes a second one for a moment. */
static int publish(const struct output *o, int fd, const char *beside, bool *named)
{
	if (!*named && name_it(o, fd, output_name(o)) == 0)
		return 0;
	if (!*named && (errno != EEXIST || name_it(o, fd, beside) < 0))
		return -1;
	*named = true;
	if (renameat(o->folder, beside, o->folder, output_name(o)) < 0)
		return -1;
	*named = false;
	return 0;
}

int output_replace(const struct output *o, output_fill *fill, void *arg, struct err *e)
{
	AUTO(free_drop) char *beside = NULL;
	AUTO(fd_drop) int fd = -1;
	bool named = false;
	int r = check_kind(o, e);

	if (r < 0)
		return r;
	if (asprintf(&beside, "%s.%d", output_name(o), (int)getpid()) < 0)
		return err_set(e, ENOMEM, "out of memory");
	fd = open_new(o, beside, &named);
	if (fd < 0)
		return err_sys(e, "write %s", o->path);
	r = fill(fd, arg, e);
	if (r == 0 && publish(o, fd, beside, &named) < 0)
		r = err_sys(e, "write %s", o->path);
	if (named)
		unlinkat(o->folder, beside, 0);
	return r;
}
