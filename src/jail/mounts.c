#include "jail/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/path.h"
#include "sys/syscalls.h"

enum { PLAIN = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

int mounts_attach(int mount, int target, const char *label, struct err *e)
{
	if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "mount on %s", label);
	return 0;
}

int mounts_change(int mount, unsigned set, bool recursive, const char *label, struct err *e)
{
	struct mount_attr attributes = {.attr_set = set};

	if (mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes, sizeof attributes) ==
		0)
		return 0;
	if (errno == ENOSYS)
		return err_set(e, ENOSYS, "a jail needs mount_setattr(), which this kernel lacks (needs 5.12)");
	return err_sys(e, "set the attributes of the mount on %s", label);
}

int mounts_new(const char *type, const char *const *parameters, unsigned attributes, struct err *e)
{
	AUTO(fd_drop) int context = fsopen(type, FSOPEN_CLOEXEC);
	int mount;

	if (context < 0)
		return err_sys(e, "open file system %s", type);
	for (; *parameters; parameters += 2)
		if (fsconfig(context, parameters[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, parameters[0],
			    parameters[1], 0) < 0)
			return err_sys(e, "file system %s: option %s", type, parameters[0]);
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "make file system %s", type);
	mount = fsmount(context, FSMOUNT_CLOEXEC, attributes);
	return mount < 0 ? err_sys(e, "mount file system %s", type) : mount;
}

int mounts_new_tmpfs(const char *mode, uint64_t bytes, unsigned attributes, struct err *e)
{
	char size[24];
	const char *parameters[] = {"mode", mode, bytes ? "size" : NULL, size, NULL};

	snprintf(size, sizeof size, "%llu", (unsigned long long)bytes);
	return mounts_new("tmpfs", parameters, attributes, e);
}

/* ---- the root ---- */

int mounts_open_root(struct mounts *m, const char *root, dev_t device, ino_t inode, bool read_only, struct err *e)
{
	AUTO(fd_drop) int place = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO(fd_drop) int tree = -1;
	struct stat s;
	int r;

	/* Nothing that is done here may reach the host's own mounts, nor theirs this place. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make the mounts private");
	if (place < 0 || fstat(place, &s) < 0)
		return err_sys(e, "open %s", root);
	/* The supervisor's descriptor belongs to its own mount namespace and cannot be mounted here. */
	if (s.st_dev != device || s.st_ino != inode)
		return err_set(e, ESTALE, "%s has become another directory since it was prepared", root);
	tree = open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0)
		return err_sys(e, "copy the mounts below %s", root);
	r = mounts_change(tree, PLAIN | (read_only ? MOUNT_ATTR_RDONLY : 0), true, root, e);
	if (r == 0)
		r = mounts_attach(tree, place, root, e);
	if (r == 0)
		m->root = fd_take(&tree);
	return r;
}

/* The old root ends up on top of the new one; taking it away leaves only the new (pivot_root(2), NOTES). */
int mounts_pivot(const struct mounts *m, struct err *e)
{
	if (fchdir(m->root) < 0)
		return err_sys(e, "enter the root");
	if (sys_pivot_root(".", ".") < 0)
		return errno == EINVAL
			       ? err_set(e, EINVAL,
					 "pivot_root: the host's own root is an initial RAM disk, which cannot be "
					 "left behind: start virtualing below another root")
			       : err_sys(e, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "leave the host's mounts behind");
	return chdir("/") < 0 ? err_sys(e, "enter the new root") : 0;
}

/* ---- the rows ---- */

static int open_target(const struct mounts *m, const struct mount_row *row, const char *label, struct err *e)
{
	int kind = row->kind == MOUNT_BIND && !row->directory ? 0 : O_DIRECTORY;
	bool exact = row->kind == MOUNT_DEV || row->kind == MOUNT_PROC;
	int fd, r = 0;

	if (row->make)
		r = kind ? path_make_dir(m->root, row->path, 0755, e) : path_make_file(m->root, row->path, e);
	if (r < 0)
		return r;
	fd = exact ? path_open_exact(m->root, row->path, O_PATH | kind) : path_open(m->root, row->path, O_PATH | kind);
	if (fd >= 0)
		return fd;
	if (exact && (errno == ELOOP || errno == ENOTDIR))
		return err_set(e, errno, "%s in the root is a symbolic link or no directory: refused", label);
	return err_sys(e, "open %s in the jail", label);
}

static int make_bind(const struct mount_row *row, int target, const char *label, struct err *e)
{
	AUTO(fd_drop) int tree = open_tree(AT_FDCWD, row->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	int r;

	if (tree < 0)
		return err_sys(e, "bind %s", row->source);
	r = mounts_change(tree, PLAIN | (row->read_only ? MOUNT_ATTR_RDONLY : 0), true, label, e);
	if (r == 0)
		r = mounts_attach(tree, target, label, e);
	return r < 0 ? err_while(e, "bind %s", row->source) : 0;
}

/* var/lock leads to /run/lock, in a fresh /run as well. */
static int furnish(int tmpfs, const char *path, struct err *e)
{
	return strcmp(path, "run") == 0 ? path_make_dir(tmpfs, "lock", 01777, e) : 0;
}

static int make_tmpfs(const struct mount_row *row, int target, const char *label, struct err *e)
{
	const char *mode = strcmp(row->path, "run") == 0 ? "0755" : "1777";
	AUTO(fd_drop) int tmpfs = mounts_new_tmpfs(mode, row->bytes, PLAIN, e);
	int r;

	if (tmpfs < 0)
		return err_while(e, "tmpfs on %s", label);
	r = furnish(tmpfs, row->path, e);
	return r < 0 ? r : mounts_attach(tmpfs, target, label, e);
}

static int make_row(struct mounts *m, const struct mount_row *row, struct err *e)
{
	char label[PATH_MAX];
	int fd;

	snprintf(label, sizeof label, "/%s", row->path);
	fd = open_target(m, row, label, e);
	if (fd < 0)
		return fd;
	AUTO(fd_drop) int target = fd;

	switch (row->kind) {
	case MOUNT_BIND:
		return make_bind(row, target, label, e);
	case MOUNT_TMPFS:
		return make_tmpfs(row, target, label, e);
	case MOUNT_DEV:
		return special_dev(m, target, e);
	case MOUNT_PROC:
		return special_proc(m, target, e);
	}
	return err_set(e, EINVAL, "mount on %s", label);
}

int mounts_make(struct mounts *m, const struct plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->mount_count; i++)
		r = make_row(m, &p->mounts[i], e);
	return r;
}

int mounts_seal(const struct mounts *m, struct err *e)
{
	int r = m->proc >= 0 ? special_seal_proc(m, e) : 0;

	if (r == 0 && m->dev >= 0)
		r = mounts_change(m->dev, MOUNT_ATTR_RDONLY, false, "/dev", e);
	return r;
}
