/* The jail's own /dev and /proc. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/mounts.h"

static const struct {
	const char *name;
	unsigned major, minor;
} devices[] = {
	{"null", 1, 3},
	{"zero", 1, 5},
	{"full", 1, 7},
	{"random", 1, 8},
	{"urandom", 1, 9},
	{"tty", 5, 0},
};

static const struct {
	const char *name, *text;
} links[] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
};

/* The jailed root is the host's root to these files, whatever capabilities it lacks: writing them would reach the whole
 * machine (core_pattern in sys starts a program on the host; a letter to sysrq-trigger stops it).  What can be written
 * in net (xt_recent, rpc) cannot be covered: it is below each process, also of those to come.  README tells of it. */
static const char *const read_only_files[] = {
	"sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "asound", "driver", "dynamic_debug"};

/* Reading these tells about the machine and its other users: memory, keys, timers with the commands that set them. */
static const char *const masked_files[] = {
	"kcore", "keys", "timer_list", "sched_debug", "latency_stats", "kpagecount", "kpageflags", "kpagecgroup"};

static int fill_dev(int dev, struct err *e)
{
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		if (mknodat(dev, devices[i].name, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) < 0)
			return err_sys(e, "make device /dev/%s", devices[i].name);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlinkat(links[i].text, dev, links[i].name) < 0)
			return err_sys(e, "make symbolic link /dev/%s", links[i].name);
	if (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 0755) < 0)
		return err_sys(e, "make directories in /dev");
	return 0;
}

static int attach_below(int mount, int dir, const char *name, const char *label, struct err *e)
{
	AUTO(fd_drop) int target = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return target < 0 ? err_sys(e, "open %s", label) : mounts_attach(mount, target, label, e);
}

/* An instance of its own: the jail neither sees the host's terminals nor takes a number from them.  Group 5 is tty on
 * every distribution. */
static int add_pts(int dev, struct err *e)
{
	static const char *const parameters[] = {
		"newinstance", NULL, "ptmxmode", "0666", "mode", "0620", "gid", "5", NULL};
	AUTO(fd_drop) int pts = mounts_new("devpts", parameters, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);

	return pts < 0 ? -e->code : attach_below(pts, dev, "pts", "/dev/pts", e);
}

static int add_shm(int dev, struct err *e)
{
	AUTO(fd_drop)
	int shm = mounts_new_tmpfs("1777", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);

	return shm < 0 ? -e->code : attach_below(shm, dev, "shm", "/dev/shm", e);
}

int special_dev(struct mounts *m, int target, struct err *e)
{
	AUTO(fd_drop) int dev = mounts_new_tmpfs("0755", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
	mode_t old = umask(0);
	int r = dev < 0 ? -e->code : fill_dev(dev, e);

	umask(old);
	if (r == 0)
		r = mounts_attach(dev, target, "/dev", e);
	if (r == 0)
		r = add_pts(dev, e);
	if (r == 0)
		r = add_shm(dev, e);
	if (r == 0)
		m->dev = fd_take(&dev);
	return r;
}

/* ---- /proc ---- */

int special_proc(struct mounts *m, int target, struct err *e)
{
	static const char *const parameters[] = {"hidepid", "invisible", NULL};
	AUTO(fd_drop)
	int proc = mounts_new("proc", parameters, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
	int r = proc < 0 ? -e->code : mounts_attach(proc, target, "/proc", e);

	if (r == 0)
		m->proc = fd_take(&proc);
	return r;
}

/* What the kernel does not have needs no cover.  By name, for in procfs nobody but the kernel makes names. */
static int cover(const struct mounts *m, int mount, const char *name, struct err *e)
{
	if (move_mount(mount, "", m->proc, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 && errno != ENOENT)
		return err_sys(e, "cover /proc/%s", name);
	return 0;
}

/* A copy of its own mount on top of it. */
static int make_read_only(const struct mounts *m, const char *name, struct err *e)
{
	AUTO(fd_drop) int copy = open_tree(m->proc, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	int r;

	if (copy < 0)
		return errno == ENOENT ? 0 : err_sys(e, "cover /proc/%s", name);
	r = mounts_change(copy, MOUNT_ATTR_RDONLY, false, name, e);
	return r < 0 ? r : cover(m, copy, name, e);
}

static int mask(const struct mounts *m, int null, const char *name, struct err *e)
{
	AUTO(fd_drop) int copy = open_tree(null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	return copy < 0 ? err_sys(e, "copy the null device") : cover(m, copy, name, e);
}

/* The null device to mask with: the jail's own, else the host's.  Checked, for everything rests on it being what it
 * seems. */
static int open_null(const struct mounts *m, struct err *e)
{
	AUTO(fd_drop)
	int fd = m->dev < 0 ? open("/dev/null", O_PATH | O_CLOEXEC)
			    : openat(m->dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) < 0)
		return err_sys(e, "open the null device");
	if (!S_ISCHR(s.st_mode) || s.st_rdev != makedev(1, 3))
		return err_set(e, EINVAL, "/dev/null is not the null device");
	return fd_take(&fd);
}

int special_seal_proc(const struct mounts *m, struct err *e)
{
	AUTO(fd_drop) int null = open_null(m, e);
	struct statfs s;

	if (null < 0)
		return -e->code;
	if (fstatfs(m->proc, &s) < 0 || s.f_type != PROC_SUPER_MAGIC)
		return err_set(e, EINVAL, "/proc is not the proc file system");
	for (size_t i = 0; i < sizeof read_only_files / sizeof *read_only_files; i++)
		if (make_read_only(m, read_only_files[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < sizeof masked_files / sizeof *masked_files; i++)
		if (mask(m, null, masked_files[i], e) < 0)
			return -e->code;
	return 0;
}
