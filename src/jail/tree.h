/* What is made on disk under a jail's root, and taken away again.
 *
 * Several virtuals may stand in one root.  Removing the empty directory that another one has mounted something on would
 * take that mount away from it (rmdir() succeeds and detaches the mounts of other namespaces), so every user of a root
 * shares its lock (sys/lock.h) while it runs, and tree_undo() removes nothing while anybody does.  So that the
 * last one takes away what others made, everything made is listed first, in attributes of the root,
 * "trusted.virtualing.HASH"; one attribute holds one list and is never changed, so that starts at the same time need
 * not wait for each other.  On a file system without such attributes what a maker cannot remove itself stays.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/undo.h"
#include "sys/lock.h"

struct tree {
	int fd;		   /* the root, O_RDONLY; owned */
	const char *root;  /* its absolute path, for the undo; borrowed */
	struct undo *undo; /* borrowed; NULL: nothing is noted */
	struct lock lock;  /* that it is in use; owned */
};
#define TREE_NONE                           \
	{                                   \
		.fd = -1, .lock = LOCK_NONE \
	}

enum thing_kind {
	THING_DIR,  /* a directory with `mode` */
	THING_LINK, /* a symbolic link to `source` */
	THING_COPY, /* a copy of the host's file `source`, with its owner, mode and time */
	THING_FILE, /* an empty file, to bind another on */
	THING_KINDS
};

struct thing {
	enum thing_kind kind;
	char *path; /* inside the root, normal form */
	char *source;
	mode_t mode;
	bool there; /* it was seen under the lock, so it stays */
};

/* Opens the root and locks it, until tree_drop or the end of the process; makes it, and its parents, if missing and
 * `make`.  root: borrowed until tree_drop. */
int tree_open(struct tree *t, const char *root, bool make, struct undo *u, struct err *e);
int tree_look(struct tree *t, const char *root, struct err *e); /* the same without a lock: only to be looked at */
void tree_drop(struct tree *t);

/* For a root that was opened without `make`: when another virtual has made it, its undo is noted for us too, for we may
 * be the last to stand in it. Needs t->undo. */
int tree_adopt(const struct tree *t, struct err *e);

/* Could tree_make() do its work? Looks only, and marks what is there; what is marked already is not looked at. */
int tree_check(const struct tree *t, struct thing *list, size_t count, struct err *e);

/* Makes what is missing, in order: parents come before their children.  Never changes what is there. */
int tree_make(const struct tree *t, const struct thing *list, size_t count, struct err *e);

/* jail_undo() says what is removed. UNDO_DIR with the path "" removes all that is
 * listed, and the lists. */
int tree_undo(enum undo_kind kind, const char *root, const char *path, const char *detail, struct err *e);
