#include "sys/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

#define PREFIX ".lock-"

enum { WAIT_STEP_MS = 1 };

/* ---- one file ---- */

static struct flock whole(short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static bool set(int fd, short type)
{
	struct flock f = whole(type);

	return fcntl(fd, F_OFD_SETLK, &f) == 0;
}

/* A write lock is somebody's who takes something away; he is done in a moment. */
static bool is_shared(int fd)
{
	struct flock f = whole(F_WRLCK);

	return fcntl(fd, F_OFD_GETLK, &f) == 0 && f.l_type == F_RDLCK;
}

/* Its last owner removes a file while others may have it open already: then it is nobody's any more. */
static bool is_there(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && s.st_nlink > 0;
}

/* Alone with the file, so nobody relies on its name; afterwards nobody else will take this one. */
static void remove_if_alone(const char *folder, const char *name, int fd)
{
	char path[256];

	if (!set(fd, F_WRLCK) || !is_there(fd))
		return;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	unlink(path);
}

/* ---- taking ---- */

static bool may_not(int code)
{
	return code == EACCES || code == EPERM || code == EROFS;
}

/* 1: it is open; 0: the folder went away under us, try again; -errno. */
static int open_file(struct lock *l, struct err *e)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", l->folder, l->name);
	for (int i = 0; i < 2; i++) {
		l->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (l->fd >= 0)
			return 1;
		if (errno != ENOENT)
			return err_sys(e, "open %s", path);
		if (i == 0 && mkdir(l->folder, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make %s", l->folder);
	}
	return 0;
}

/* 1: it is ours; 0: somebody takes something away, or has just removed the file; -errno. */
static int try_lock(struct lock *l, short type, struct err *e)
{
	int r = open_file(l, e);

	if (r <= 0)
		return r;
	if (set(l->fd, type)) {
		if (is_there(l->fd))
			return 1;
	} else if (errno != EAGAIN && errno != EACCES) {
		r = err_sys(e, "lock %s/%s", l->folder, l->name);
		fd_drop(&l->fd);
		return r;
	} else if (type == F_WRLCK && is_shared(l->fd)) {
		fd_drop(&l->fd);
		return err_set(e, EWOULDBLOCK, "%s/%s is held by others", l->folder, l->name);
	}
	fd_drop(&l->fd);
	return 0;
}

static int take(const char *folder, int dir, short type, int wait_ms, struct lock *ret, struct err *e)
{
	struct stat s;
	int r = 0;

	*ret = (struct lock){.folder = folder, .fd = -1};
	if (fstat(dir, &s) < 0)
		return err_sys(e, "look at a directory");
	snprintf(ret->name, sizeof ret->name, PREFIX "%jx-%ju", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino);
	for (int waited = 0; r == 0 && waited <= wait_ms; waited += WAIT_STEP_MS) {
		r = try_lock(ret, type, e);
		if (r == 0)
			nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_MS * 1000000}, NULL);
	}
	if (r == 0)
		return err_set(e, EBUSY, "another virtualing holds %s/%s and does not go on", folder, ret->name);
	return r > 0 || may_not(-r) ? 0 : r;
}

int lock_share(const char *folder, int dir, struct lock *ret, struct err *e)
{
	return take(folder, dir, F_RDLCK, LOCK_WAIT_MS, ret, e);
}

/* Where there is no room for the file it is not there, so nobody holds it; and things must go on a full disk, too. */
int lock_alone(const char *folder, int dir, int wait_ms, struct lock *ret, struct err *e)
{
	int r = take(folder, dir, F_WRLCK, wait_ms, ret, e);

	return r == -ENOSPC || r == -EDQUOT ? 0 : r;
}

/* ---- letting go ---- */

/* Unlocks first: of two who let go at the same time, each sharing the lock, neither would get it alone. */
void lock_drop(struct lock *l)
{
	if (l->fd < 0)
		return;
	set(l->fd, F_UNLCK);
	remove_if_alone(l->folder, l->name, l->fd);
	fd_drop(&l->fd);
	rmdir(l->folder);
}

void lock_clear(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *d;

	if (!dir)
		return;
	while ((d = readdir(dir))) {
		AUTO(fd_drop) int fd = -1;

		if (strncmp(d->d_name, PREFIX, sizeof PREFIX - 1) != 0)
			continue;
		fd = openat(dirfd(dir), d->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			remove_if_alone(folder, d->d_name, fd);
	}
	closedir(dir);
}
