/* Paths inside a root: the one place that walks names which a hostile program may have made.
 *
 * A root is a descriptor of a directory (O_PATH will do).  A path inside it is relative and in normal form: "etc/ssl",
 * "" for the root itself.  Symbolic links are followed as if the root were "/" (RESOLVE_IN_ROOT), those of /proc never
 * (RESOLVE_NO_MAGICLINKS), so that no call leaves the root whatever is swapped meanwhile.  Nothing here allocates: the
 * child of a clone calls it too.  Source: openat2(2).
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Writes the normal form of an absolute path: "/a//b/./c/" becomes "a/b/c".  0; -EINVAL: not absolute; -ELOOP: it has
 * ".."; -ENAMETOOLONG. */
int path_normal(const char *text, char ret[PATH_MAX]);

/* Is `path` equal to `prefix` or below it? Returns what follows ("" when equal, without a leading slash), or NULL. */
const char *path_below(const char *path, const char *prefix);

/* Copies all but the last component to parent ("" when there is only one) and returns the last, inside path. */
const char *path_split(const char *path, char parent[PATH_MAX]);

/* Opens a path inside the root, close-on-exec. Returns a descriptor (owned by the caller) or -1 with errno; EAGAIN
 * and EXDEV (somebody renames all the time) only after many attempts. */
int path_open(int root, const char *path, int flags);
int path_open_exact(int root, const char *path, int flags); /* ELOOP if a component is a symbolic link */

/* Makes a directory and its missing parents (0755) below a root that nobody else can reach yet. */
int path_make_dir(int root, const char *path, mode_t mode, struct err *e);
/* The same for an empty file. Both: fine when it is there already. */
int path_make_file(int root, const char *path, struct err *e);
