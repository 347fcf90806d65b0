/* The file that a virtual's output is appended to: what the command writes, and what there is to say about it.
 *
 * Appended to by the kernel (O_APPEND), so that several may write, and whoever rotates it may copy and truncate it.  A
 * symbolic link is not followed, for the directory may belong to the program, whose link would lead us anywhere.
 */
#pragma once

#include "base/err.h"
#include "base/faults.h"

/* What is wrong with it as far as can be seen without making it: faults with the key "log". path: absolute; or NULL. */
void log_check(const char *path, struct faults *f);

/* A descriptor to append with, the caller's; or -errno. Made with mode 0600. */
int log_open(const char *path, struct err *e);
