/* The jail's mounts, made by the child in its own mount namespace.  Everything is held by descriptor from the moment it
 * is resolved; no path is walked twice. */
#pragma once

#include "base/err.h"
#include "jail/plan.h"

struct mounts {
	int root; /* the jail's root mount; -1 until then. All three are close-on-exec and belong to the child */
	int dev;  /* -1 without a /dev of its own */
	int proc; /* -1 without a /proc of its own */
};

/* A copy of the tree below `root` is attached on itself: a mount of its own, nosuid and nodev.  It must be the
 * directory that the supervisor prepared. */
int mounts_open_root(struct mounts *m, const char *root, dev_t device, ino_t inode, bool read_only, struct err *e);

/* The rows of the plan, in order. */
int mounts_make(struct mounts *m, const struct plan *p, struct err *e);

/* Afterwards: /dev read-only, the dangerous files of /proc read-only or masked. */
int mounts_seal(const struct mounts *m, struct err *e);

/* The jail's root becomes the root of the mount namespace and the old one is gone from it. */
int mounts_pivot(const struct mounts *m, struct err *e);

/* ---- shared by mounts.c and special.c ---- */

/* Attaches a detached mount on an open directory or file; label: for the error. */
int mounts_attach(int mount, int target, const char *label, struct err *e);
/* A new file system with parameters "key", "value", ..., NULL (value NULL: a switch). The mount, or -errno. */
int mounts_new(const char *type, const char *const *parameters, unsigned attributes, struct err *e);
/* Attributes of an attached or detached mount. */
int mounts_change(int mount, unsigned set, bool recursive, const char *label, struct err *e);
/* A tmpfs with a mode; bytes 0: the kernel's default size. */
int mounts_new_tmpfs(const char *mode, uint64_t bytes, unsigned attributes, struct err *e);

int special_dev(struct mounts *m, int target, struct err *e);
int special_proc(struct mounts *m, int target, struct err *e);
int special_seal_proc(const struct mounts *m, struct err *e);
