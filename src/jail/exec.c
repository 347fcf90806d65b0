/* The last call of the child.  It allocates nothing, for it may run on the memory of its parent. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/path.h"
#include "jail/ready.h"

enum { LINE_MAX_READ = 256 };

/* The interpreter that a "#!" line names, or "" (then it is the ELF loader that is missing). */
static void read_interpreter(const char *path, char ret[LINE_MAX_READ])
{
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, LINE_MAX_READ - 1);
	size_t skip;

	ret[n > 0 ? n : 0] = '\0';
	if (n < 3 || memcmp(ret, "#!", 2) != 0) {
		*ret = '\0';
		return;
	}
	skip = 2 + strspn(ret + 2, " \t");
	memmove(ret, ret + skip, strlen(ret + skip) + 1);
	ret[strcspn(ret, " \t\n")] = '\0';
}

/* The file is there, yet the kernel says that something is not. */
static int explain_missing(const char *path, const char *where, struct err *e)
{
	char interpreter[LINE_MAX_READ];

	read_interpreter(path, interpreter);
	if (*interpreter)
		return err_set(e, ENOEXEC,
			"execute %s: it is there, but the interpreter of its first line, %s, is not%s", path,
			interpreter, where);
	return err_set(e, ENOEXEC,
		"execute %s: it is there, but the loader that it was linked for (or a library directory) is not%s",
		path, where);
}

/* A script without a first line of its own is the shell's, as for execvp(). */
static void run_by_shell(const struct jail_ready *r, const char *path)
{
	size_t i = 0;

	r->shell_argv[0] = (char *)"/bin/sh";
	r->shell_argv[1] = (char *)path;
	for (i = 1; r->argv[0] && r->argv[i]; i++)
		r->shell_argv[i + 1] = r->argv[i];
	r->shell_argv[i + 1] = NULL;
	execve("/bin/sh", r->shell_argv, r->env);
}

/* Returns only on failure, with errno. */
static void try_file(const struct jail_ready *r, const char *path)
{
	execve(path, r->argv, r->env);
	if (errno == ENOEXEC) {
		run_by_shell(r, path);
		errno = ENOEXEC;
	}
}

static int explain(const struct jail_ready *r, const char *path, int error, struct err *e)
{
	const char *where = r->mode == MODE_OPEN ? "" : " in the jail";

	errno = error;
	if ((error == ENOENT || error == ENOTDIR) && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return explain_missing(path, where, e);
	if (error == ENOENT || error == ENOTDIR)
		return err_set(e, ENOENT, "command not found%s: %s", where, path);
	errno = error;
	return err_sys(e, "execute %s%s", path, where);
}

/* EACCES is remembered: another directory may have one that can be executed. Returns the errno to report, with the file
 * that it is about in `file`; ENOENT when there is none. */
static int search(const struct jail_ready *r, const char *name, char file[PATH_MAX])
{
	char path[PATH_MAX];
	int result = ENOENT;

	for (const char *c = r->path ? r->path : ""; *c; c += *c == ':') {
		size_t length = strcspn(c, ":");

		/* An empty element would be the working directory, which may belong to anybody. */
		if (length && length + 1 + strlen(name) < sizeof path) {
			snprintf(path, sizeof path, "%.*s/%s", (int)length, c, name);
			try_file(r, path);
			if (errno != ENOENT && errno != ENOTDIR) {
				strcpy(file, path);
				result = errno;
				if (errno != EACCES)
					return result;
			} else if (result == ENOENT && !*file &&
				   faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
				strcpy(file, path);
			}
		}
		c += length;
	}
	return result;
}

int jail_exec(const struct jail_ready *r, struct err *e)
{
	const char *name = r->argv[0];
	char file[PATH_MAX] = "";
	int error;

	if (!name || !*name)
		return err_set(e, ENOENT, "the command is empty");
	if (strchr(name, '/')) {
		try_file(r, name);
		return explain(r, name, errno, e);
	}
	error = search(r, name, file);
	if (*file)
		return explain(r, file, error, e);
	return err_set(e, ENOENT, "command not found%s: %s (searched %s)", r->mode == MODE_OPEN ? "" : " in the jail",
		name, r->path ? r->path : "nowhere: PATH is not set");
}
