/* From what a user calls a disk to the whole disk that the kernel limits. */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct disk {
	unsigned major, minor;
};

/* name: a device node, "major:minor", or any path: then the disk under its file system.  A partition stands for its
 * whole disk, since the kernel limits nothing smaller.  sys: directory descriptor of a mounted sysfs.  mountinfo: a
 * path, read only when the file system has no device number of its own (btrfs).
 * 0; -ENOENT unknown device or path; -ENODEV no disk under it. */
int disk_find(int sys, const char *mountinfo, const char *name, struct disk *ret, struct err *e);
