#include "run/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "run/target.h"

void log_check(const char *path, struct faults *f)
{
	if (path)
		target_check(path, "log", true, f);
}

int log_open(const char *path, struct err *e)
{
	/* Non-blocking until its kind is known: it may have become a pipe since it was looked at. */
	AUTO(fd_drop)
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) < 0)
		return err_sys(e, "open the log %s", path);
	if (target_wrong_kind(s.st_mode, true))
		return err_set(e, EINVAL, "open the log %s: it %s", path, target_wrong_kind(s.st_mode, true));
	return fcntl(fd, F_SETFL, O_APPEND) < 0 ? err_sys(e, "open the log %s", path) : fd_take(&fd);
}
