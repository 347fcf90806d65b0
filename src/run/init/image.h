/* The program init, which is linked into this one as bytes, as a file that can be executed. */
#pragma once

#include "base/err.h"

/* A sealed file in memory, close-on-exec, for execveat(2) with AT_EMPTY_PATH; the caller's.  It serves any number of
 * virtuals. -errno: vm.memfd_noexec forbids it, or memory is short. */
int image_open(struct err *e);
