/* A result for a file of the user's: there whole or not at all, and nothing is left beside it, whenever we are killed.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* Writes the result to fd. 0, or -errno with its text. */
typedef int output_fill(int fd, void *arg, struct err *e);

/* Makes the file, or replaces the one that is there; another kind of thing (a device, a link, a pipe) never. It is made
 * without a name (O_TMPFILE, open(2)) where the file system can do that, and otherwise as PATH.PID.  Mode 0666 less the
 * umask. */
int output_replace(const char *path, output_fill *fill, void *arg, struct err *e);

/* All of it, whatever it takes. 0 or -errno. */
int output_all(int fd, const char *bytes, size_t size);
