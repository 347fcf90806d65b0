/* What is passed from jail_prepare, across the clone, to the steps of jail_enter. */
#pragma once

#include <linux/filter.h>

#include "jail/execute.h"
#include "jail/ids.h"
#include "jail/jail.h"
#include "jail/plan.h"
#include "jail/tree.h"

enum jail_mode { MODE_OPEN, MODE_CHROOT, MODE_JAIL }; /* no jail, a plain chroot, all the walls */

struct jail_look {
	struct tree tree; /* fd -1: there is no root yet */
	struct plan plan;
};

struct jail_ready {
	enum jail_mode mode;
	char *root;	   /* owned, like all below unless said otherwise */
	struct tree tree;  /* keeps the root locked until the drop */
	dev_t root_device; /* which directory it is, for the child opens it anew */
	ino_t root_inode;
	struct plan plan;
	uint64_t clone_flags; /* of the jail's namespaces */
	int join;	      /* a pidfd of somebody in them, borrowed; -1: they are to be made */
	bool init, read_only;
	char *hostname;
	char *workdir; /* NULL: "/" in a jail, as called without */
	struct ids ids;
	char **env;
	const char *path; /* PATH's value in env */
	char **words;	  /* a free place, then the command (its strings are borrowed), for execute() */
	struct jail_rlimit *rlimits;
	size_t rlimit_count;
	uint64_t caps;
	int last_cap;
	bool ambient;			  /* see caps_shed() */
	const struct sock_filter *filter; /* NULL: none; points to static data or own_filter */
	size_t filter_count;
	struct sock_filter *own_filter;
};

enum jail_mode jail_mode_of(const struct jail *j);

/* Looks the user up as the child will see the files. v: over the whole plan. */
int jail_find_user(const struct jail *j, const struct view *v, struct ids *ret, struct err *e);
