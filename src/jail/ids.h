/* Who the command runs as. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct ids {
	bool given; /* false: nothing changes */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary, owned */
	size_t group_count;
	char *name, *home; /* for USER, LOGNAME and HOME; owned */
};

/* text: "NAME", "UID", "UID:GID", "NAME:GROUP" or a mixture; digits are always a number.  Names are looked up in the
 * contents of the passwd and group files ("" where there is none), strictly: a line that is not whole is no line.
 * - NAME: the groups that list it come along as supplementary ones; with a number there are none.
 * - Without a group: that of the passwd line; a number without such a line has the group of the same number (never 0
 *   by accident).
 * 0, -EINVAL (the text makes no sense) or -ENOENT (no such user or group). */
int ids_find(const char *text, const char *passwd, const char *group, struct ids *ret, struct err *e);
int ids_copy(const struct ids *from, struct ids *ret, struct err *e);
void ids_drop(struct ids *i);
