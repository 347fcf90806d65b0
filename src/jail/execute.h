/* Executing a command as execvp(3) does, and finding out why it could not be.
 *
 * On raw calls and without a function of libc, for the child of init does it, which has none (run/init/main.c); and the
 * child of the supervisor does it where there is no init.  What was found is put into words by jail_explain().
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h> /* not <limits.h>: without a libc that is the compiler's own, which knows no PATH_MAX */
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/raw.h"

enum execution_reason {
	EXECUTION_REFUSED,	  /* error says why */
	EXECUTION_NOWHERE,	  /* in no directory of PATH */
	EXECUTION_NO_INTERPRETER, /* the file is there; what its first line names is not */
	EXECUTION_NO_LOADER,	  /* the file is there; what it was linked for is not */
};

struct execution { /* that failed */
	int reason, error;
	char file[512]; /* which; cut short */
	char interpreter[128];
};

enum { EXECUTE_LINE = 128 };

static inline void execute_copy(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; from[i] && i + 1 < size; i++)
		to[i] = from[i];
	to[i] = '\0';
}

static inline bool execute_is_there(const char *path)
{
	return raw_call(SYS_faccessat2, AT_FDCWD, (long)path, F_OK, AT_SYMLINK_NOFOLLOW, 0) == 0;
}

/* The interpreter that a "#!" line names, or "" (then it is the ELF loader that is missing). */
static inline void execute_read_interpreter(const char *path, char ret[EXECUTE_LINE])
{
	char line[EXECUTE_LINE];
	long fd = raw_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0);
	long n = fd < 0 ? -1 : raw_call(SYS_read, fd, (long)line, sizeof line, 0, 0);
	long i = 2, used = 0;

	if (fd >= 0)
		raw_call(SYS_close, fd, 0, 0, 0, 0);
	if (n > 2 && line[0] == '#' && line[1] == '!') {
		while (i < n && (line[i] == ' ' || line[i] == '\t'))
			i++;
		while (i < n && line[i] != ' ' && line[i] != '\t' && line[i] != '\n' && used + 1 < EXECUTE_LINE)
			ret[used++] = line[i++];
	}
	ret[used] = '\0';
}

/* Returns only on failure: the errno.  A script without a first line of its own is the shell's, as for execvp(3). */
static inline int execute_file(const char *path, char **words, char *const *env)
{
	long r = raw_call(SYS_execve, (long)path, (long)(words + 1), (long)env, 0, 0);

	if (r == -ENOEXEC) {
		static char shell[] = "/bin/sh";
		char *name = words[1];

		words[0] = shell;
		words[1] = (char *)path;
		raw_call(SYS_execve, (long)shell, (long)words, (long)env, 0, 0);
		words[1] = name;
	}
	return (int)-r;
}

static inline void execute_explain(const char *path, int error, struct execution *ret)
{
	ret->reason = EXECUTION_REFUSED;
	ret->error = error;
	execute_copy(ret->file, sizeof ret->file, path);
	if ((error != ENOENT && error != ENOTDIR) || !execute_is_there(path))
		return;
	/* The file is there, yet the kernel says that something is not. */
	execute_read_interpreter(path, ret->interpreter);
	ret->reason = *ret->interpreter ? EXECUTION_NO_INTERPRETER : EXECUTION_NO_LOADER;
}

/* "DIRECTORY/NAME" of the element of PATH that begins at c; false: it is empty (the working directory, which may belong
 * to anybody) or too long. *ret_end: where it ends. */
static inline bool execute_join(const char *c, const char *name, char path[PATH_MAX], const char **ret_end)
{
	size_t used = 0;

	for (; c[used] && c[used] != ':'; used++)
		if (used + 1 < PATH_MAX)
			path[used] = c[used];
	*ret_end = c + used;
	if (used == 0 || used + 2 >= PATH_MAX)
		return false;
	path[used++] = '/';
	for (; *name && used + 1 < PATH_MAX; name++)
		path[used++] = *name;
	path[used] = '\0';
	return !*name;
}

/* EACCES is remembered, and so is a file that is there but lacks something: another directory may have one that can be
 * executed. */
static inline void execute_search(
	const char *search, const char *name, char **words, char *const *env, struct execution *ret)
{
	char path[PATH_MAX];
	const char *end;

	ret->reason = EXECUTION_NOWHERE;
	ret->error = ENOENT;
	for (const char *c = search; *c; c = *end ? end + 1 : end) {
		int error;

		if (!execute_join(c, name, path, &end))
			continue;
		error = execute_file(path, words, env);
		if (error != ENOENT && error != ENOTDIR) {
			execute_explain(path, error, ret);
			if (error == EACCES)
				continue;
			/* What has nothing to do with the file (no memory) is said before it is looked for. */
			if (!execute_is_there(path))
				execute_copy(ret->file, sizeof ret->file, name);
			return;
		} else if (ret->reason == EXECUTION_NOWHERE && execute_is_there(path)) {
			execute_explain(path, error, ret);
		}
	}
}

static inline const char *execute_find_path(char *const *env)
{
	for (; *env; env++)
		if ((*env)[0] == 'P' && (*env)[1] == 'A' && (*env)[2] == 'T' && (*env)[3] == 'H' && (*env)[4] == '=')
			return *env + 5;
	return "";
}

/* words: one free place, then the command, then NULL; they and their strings must be writable memory of the caller.
 * Returns only when nothing could be executed. */
static inline void execute(char **words, char *const *env, struct execution *ret)
{
	const char *name = words[1];

	for (const char *c = name; *c; c++)
		if (*c == '/') {
			execute_explain(name, execute_file(name, words, env), ret);
			return;
		}
	execute_search(execute_find_path(env), name, words, env, ret);
}
