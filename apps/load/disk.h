/* Writes a file so that limits on I/O act, and leaves nothing of it.
 *
 * Each write goes to the disk before the next one: O_DSYNC, and O_DIRECT where the file system has it (cgroup v1
 * throttles no others).  The file must not be there before.  Its name is taken away as soon as it is made, so that it
 * is gone with its descriptor, however the program ends.  No symbolic link is followed, in no part of the path: a
 * stranger's link could have it made, for a moment, where it does harm.  Sources: open(2), openat2(2).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* path: absolute; its directory must be there.  *direct: whether all but a last piece of less than a block bypassed
 * the page cache.
 * -ENOSPC: the disk is full, or would be; -ECANCELED: *stop became true; -EEXIST, -ELOOP, ...: the path is not good. */
int disk_write(const char *path, uint64_t bytes, const atomic_bool *stop, bool *direct, struct err *e);
