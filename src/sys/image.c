#include "sys/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_EXEC 0x10U
#endif

static int make_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

int image_open(const char *name, const void *bytes, size_t size, struct err *e)
{
	AUTO(fd_drop) int fd = make_file(name);

	if (fd < 0 && errno == EACCES)
		return err_sys(e, "make the program %s in memory (sysctl vm.memfd_noexec=2 forbids it)", name);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_sys(e, "make the program %s in memory", name);
	return fd_take(&fd);
}
