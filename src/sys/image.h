/* A small program that is linked into this one as bytes, as a file that can be executed. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* A sealed file in memory, close-on-exec, for execveat(2) with AT_EMPTY_PATH; the caller's.  It may be executed any
 * number of times.  -errno: vm.memfd_noexec forbids it, or memory is short. */
int image_open(const char *name, const void *bytes, size_t size, struct err *e);
