#include "cage/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/own.h"
#include "base/parse.h"
#include "cage/file.h"
#include "cage/mounts.h"

static void dir_drop(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Strictly "254:0". */
static bool parse_pair(const char *text, struct disk *ret)
{
	char copy[32];
	char *rest = copy, *word;
	uint64_t major, minor;

	if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
		return false;
	word = strsep(&rest, ":");
	if (!rest || parse_number(word, 4095, &major) < 0 || parse_number(rest, (1 << 20) - 1, &minor) < 0)
		return false;
	*ret = (struct disk){(unsigned)major, (unsigned)minor};
	return true;
}

static bool is_partition(int blocks, const char *number)
{
	char path[NAME_MAX + 16];

	snprintf(path, sizeof path, "%s/partition", number);
	return faccessat(blocks, path, F_OK, 0) == 0;
}

/* Unused loop devices and their like hold nothing. */
static bool is_empty(int blocks, const char *number)
{
	char path[NAME_MAX + 16], text[32];

	snprintf(path, sizeof path, "%s/size", number);
	return file_read(blocks, path, text, sizeof text) > 0 && strcmp(text, "0") == 0;
}

/* "vda 254:0, sr0 11:0": the whole disks, for a message. */
static void list_disks(int sys, char *text, size_t size)
{
	int blocks = openat(sys, "dev/block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(dir_drop) DIR *dir = blocks < 0 ? NULL : fdopendir(blocks);
	size_t used = 0, listed = 0;
	struct dirent *entry;
	char target[PATH_MAX];

	snprintf(text, size, "none");
	while (dir && (entry = readdir(dir)) && listed < 6) {
		ssize_t n = readlinkat(blocks, entry->d_name, target, sizeof target - 1);

		if (n < 0 || strlen(entry->d_name) > 20 || is_partition(blocks, entry->d_name) ||
			is_empty(blocks, entry->d_name))
			continue;
		target[n] = 0;
		const char *name = strrchr(target, '/');
		int written = snprintf(text + used, size - used, "%s%.24s %s", listed++ ? ", " : "",
			name ? name + 1 : target, entry->d_name);

		used += (size_t)written < size - used ? (size_t)written : size - used - 1;
	}
}

/* The disk itself, or the one that a partition is on. */
static int whole_disk(int sys, const char *name, struct disk found, struct disk *ret, struct err *e)
{
	char path[80], text[32], disks[200];
	int length = snprintf(path, sizeof path, "dev/block/%u:%u", found.major, found.minor);

	if (faccessat(sys, path, F_OK, 0) < 0) {
		list_disks(sys, disks, sizeof disks);
		return err_set(e, ENOENT, "%s: there is no block device %u:%u on this host; its disks are: %s", name,
			found.major, found.minor, disks);
	}
	snprintf(path + length, sizeof path - (size_t)length, "/partition");
	if (faccessat(sys, path, F_OK, 0) == 0) {
		/* The entry is a symbolic link into the directory of the disk. */
		snprintf(path + length, sizeof path - (size_t)length, "/../dev");
		if (file_read(sys, path, text, sizeof text) < 0 || !parse_pair(text, &found))
			return err_set(e, ENODEV, "%s: cannot find the disk of partition %u:%u in /sys/dev/block", name,
				found.major, found.minor);
	}
	*ret = found;
	return 0;
}

/* A file system without a device number of its own, such as btrfs, may still say what it was mounted from. */
static int by_mount(
	int sys, const char *mountinfo, const char *name, uint64_t mount_id, struct disk *ret, struct err *e)
{
	AUTO(free_drop) char *text = file_slurp(mountinfo, e);
	char *rest = text;
	struct mount_line line;
	struct stat st;

	if (!text)
		return -e->code;
	while (mounts_next(&rest, NULL, &line)) {
		if (line.id != mount_id)
			continue;
		if (line.source[0] == '/' && stat(line.source, &st) == 0 && S_ISBLK(st.st_mode))
			return whole_disk(sys, name, (struct disk){major(st.st_rdev), minor(st.st_rdev)}, ret, e);
		return err_set(e, ENODEV,
			"%s: it lies on %s, which has no disk of its own whose speed could be limited", name,
			line.type);
	}
	return err_set(e, ENODEV, "%s: its file system has no disk under it", name);
}

int disk_find(int sys, const char *mountinfo, const char *name, struct disk *ret, struct err *e)
{
	struct disk found;
	struct statx st;

	if (parse_pair(name, &found))
		return whole_disk(sys, name, found, ret, e);
	if (statx(AT_FDCWD, name, 0, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
		return err_sys(e, "%s", name);
	if (S_ISBLK(st.stx_mode))
		return whole_disk(sys, name, (struct disk){st.stx_rdev_major, st.stx_rdev_minor}, ret, e);
	if (S_ISCHR(st.stx_mode))
		return err_set(e, ENODEV, "%s: it is a character device, not a disk", name);
	if (st.stx_dev_major == 0)
		return by_mount(sys, mountinfo, name, st.stx_mnt_id, ret, e);
	return whole_disk(sys, name, (struct disk){st.stx_dev_major, st.stx_dev_minor}, ret, e);
}
