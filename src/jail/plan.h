/* What a jail's file system consists of: things to make on disk, in order, and mounts, in order.  Computed once, on
 * the supervisor's side, from the description, the host and the root; jail_check looks at it, jail_prepare makes the
 * things, the child makes the mounts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/faults.h"
#include "jail/jail.h"
#include "jail/tree.h"

enum mount_kind { MOUNT_BIND, MOUNT_TMPFS, MOUNT_DEV, MOUNT_PROC };

struct mount_row {
	enum mount_kind kind;
	char *path;	/* where in the jail, normal form, symbolic links resolved */
	char *source;	/* MOUNT_BIND: on the host */
	uint64_t bytes; /* MOUNT_TMPFS; 0: the kernel's default */
	bool read_only;
	bool directory; /* of MOUNT_BIND's source */
	bool make;	/* the target lies below a tmpfs: the child makes it */
};

struct plan {
	struct thing *things; /* parents before children; owned */
	size_t thing_count, thing_room;
	struct mount_row *mounts; /* owned */
	size_t mount_count, mount_room;
};

/* root: descriptor of the root, or -1 while there is none. Every fault goes to f, section "jail". */
void plan_build(struct plan *p, const struct jail *j, int root, struct faults *f);
void plan_drop(struct plan *p);

/* ---- the jail as its child will see it, before anything is made or mounted ---- */

struct view {
	int root; /* or -1 */
	const struct plan *plan;
	size_t mount_count; /* how many of the plan's mounts are there */
};

enum view_state {
	VIEW_FOUND,
	VIEW_MISSING,
	VIEW_UNKNOWN, /* inside /dev or /proc, which only the child makes */
};

struct view_at {
	enum view_state state;
	char path[4096];	       /* with symbolic links resolved; also of what is missing */
	mode_t mode;		       /* when found */
	const struct mount_row *mount; /* the one that it lies in; NULL: the root itself */
	int fd;			       /* O_PATH, owned; -1 when it is not there yet, or not found */
};

/* path: normal form, or absolute. 0, or -errno (ELOOP, ENOTDIR, EACCES ...). Close at->fd. */
int view_look(const struct view *v, const char *path, struct view_at *at);
