/* Scoped owners: what a variable holds is released when it goes out of scope.
 *
 *     AUTO(fd_drop) int fd = open(...);
 *     AUTO(free_drop) char *copy = strdup(...);
 *     ...
 *     *ret = fd_take(&fd);     handed to the caller; the scope no longer owns it
 */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(drop) __attribute__((cleanup(drop)))

/* errno survives, so that a failing function's errno is still there after its owners are gone. */
static inline void fd_drop(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* For any pointer from malloc. */
static inline void free_drop(void *pointer_to_pointer)
{
	void **p = pointer_to_pointer;

	free(*p);
	*p = NULL;
}
