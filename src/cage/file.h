/* Small kernel files below a directory descriptor: a control group's, or sysfs'. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum { FILE_TEXT = 4096 }; /* enough for every file of a limit, one device per line included */

/* The file's text without the last newline, cut at size - 1 bytes. Its length or -errno. */
ssize_t file_read(int dir, const char *name, char *text, size_t size);

/* 0 or -errno. The file must be there: nothing is created. */
int file_write(int dir, const char *name, const char *text);

/* Writes, then reads back through the same descriptor. 0 or -errno; *opened tells whether the file was there. */
int file_exchange(int dir, const char *name, const char *text, char *got, size_t size, int *opened);

/* The rest of the line of `text` that begins with `word` and a blank ("oom_kill" gives "3" of "oom_kill 3"), copied
 * into ret; word NULL: the first line. 0 or -ENOENT. */
int file_line(const char *text, const char *word, char *ret, size_t size);

/* A whole file of any length, owned by the caller (free_drop), or NULL with an error. */
char *file_slurp(const char *path, struct err *e);
