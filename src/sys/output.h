/* A result for a file of the user's: there whole or not at all, and nothing is left beside it, whenever we are killed.
 *
 * The folder may be somebody else's, who changes what lies in it and what the path leads to.  So it is opened when it
 * is trusted, and held; in it no link is followed.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct output {
	int folder;
	char *path; /* for errors; its last part is the name in the folder */
};
#define OUTPUT_NONE ((struct output){.folder = -1})

int output_open(const char *path, struct output *ret, struct err *e);
void output_drop(struct output *o);
const char *output_name(const struct output *o); /* in the folder; borrowed */

/* Writes the result to fd. 0, or -errno with its text. */
typedef int output_fill(int fd, void *arg, struct err *e);

/* Makes the file, or replaces the one that is there; another kind of thing (a device, a link, a pipe) never. It is made
 * without a name (O_TMPFILE, open(2)) where the file system can do that, and otherwise as NAME.PID.  Mode 0666 less the
 * umask. */
int output_replace(const struct output *o, output_fill *fill, void *arg, struct err *e);

/* All of it, whatever it takes. 0 or -errno. */
int output_all(int fd, const char *bytes, size_t size);
/* The same with the text of an error. name: what it calls the file. */
int output_put(int fd, const char *name, const char *bytes, size_t size, struct err *e);
