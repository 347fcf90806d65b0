#include "run/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

/* A pipe would make us wait for its reader, and a disk could be read by whoever gets the descriptor. */
static const char *wrong_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFCHR:
		return NULL;
	case S_IFDIR:
		return "is a directory";
	case S_IFLNK:
		return "is a symbolic link, which is not followed: give the file that it leads to";
	default:
		return "is neither a file nor a character device";
	}
}

static void check_parent(const char *path, struct faults *f)
{
	char parent[PATH_MAX];
	char *slash;

	snprintf(parent, sizeof parent, "%s", path);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	if (access(parent, F_OK) < 0)
		faults_add(f, "", "log", "cannot make %s: %s: %s", path, parent, strerrordesc_np(errno));
	else if (access(parent, W_OK) < 0)
		faults_add(f, "", "log", "cannot make %s: %s", path, strerrordesc_np(errno));
}

void log_check(const char *path, struct faults *f)
{
	const char *wrong;
	struct stat s;

	if (!path)
		return;
	if (lstat(path, &s) < 0 && errno == ENOENT) {
		check_parent(path, f);
		return;
	}
	wrong = lstat(path, &s) < 0 ? NULL : wrong_kind(s.st_mode);
	if (wrong)
		faults_add(f, "", "log", "%s %s", path, wrong);
	else if (access(path, W_OK) < 0)
		faults_add(f, "", "log", "cannot append to %s: %s", path, strerrordesc_np(errno));
}

int log_open(const char *path, struct err *e)
{
	/* Non-blocking until its kind is known: it may have become a pipe since it was looked at. */
	AUTO(fd_drop)
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) < 0)
		return err_sys(e, "open the log %s", path);
	if (wrong_kind(s.st_mode))
		return err_set(e, EINVAL, "open the log %s: it %s", path, wrong_kind(s.st_mode));
	return fcntl(fd, F_SETFL, O_APPEND) < 0 ? err_sys(e, "open the log %s", path) : fd_take(&fd);
}
