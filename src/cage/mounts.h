/* The lines of /proc/PID/mountinfo (proc(5)). */
#pragma once

#include <stdint.h>

/* One mount. The texts lie in the buffer that was read; escapes like \040 are resolved. */
struct mount_line {
	uint64_t id;
	unsigned major, minor; /* st_dev of the file system; major 0: it has no device of its own */
	char *root;	       /* which part of the file system: "/" is all of it */
	char *point;	       /* where it is mounted */
	char *options;	       /* of this mount: "ro,nosuid" */
	char *type;	       /* "cgroup2" */
	char *source;	       /* "/dev/vda1", "tmpfs" */
	char *super;	       /* options of the file system: "rw,memory" */
};

/* Takes the next line out of *text (which it changes) and moves *text behind it. 1, or 0 at the end. Lines that
 * cannot be understood are passed over.  filter: only lines that contain it are looked at closely; or NULL. */
int mounts_next(char **text, const char *filter, struct mount_line *ret);

/* Is `word` one of the comma-separated words? */
int mounts_option(const char *options, const char *word);
