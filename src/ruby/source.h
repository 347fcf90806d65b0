/* The Ruby file itself: opened once, judged by what was opened, read whole. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

enum { SOURCE_MAX = 1 << 20 }; /* bytes; the compiler counts lines in 16 bits anyway */

struct source {
	char *text; /* owned; ends in NUL; without a byte order mark */
	size_t length;
};

/* Who runs the file: its code will act with the rights of euid. */
struct source_caller {
	uid_t euid, uid; /* uid: who asked for it (under sudo: who called sudo) */
};

struct source_caller source_caller_now(void);

/* Whether what was opened may be run as code. When the caller is privileged, others must not be able to write to it:
 * it is owned by root or the caller, and writable at most by the owner and a group that nobody else is in.
 * 0 or -EACCES, -EISDIR, -EINVAL with a text that names the remedy, to be put after the file's name. */
int source_judge(const char *file, const struct stat *st, const struct source_caller *caller, struct err *e);

/* file: a path; "-" is standard input. 0 or -errno; the text is to be put after the file's name. */
int source_read(const char *file, const struct source_caller *caller, struct source *ret, struct err *e);
void source_drop(struct source *s);

/* The name of a virtual whose description has none: "/etc/web/httpd.rb" gives "httpd". Allocated. */
char *source_stem(const char *file);
