#include "run/init/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "init_image.h"

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_EXEC 0x10U
#endif

static int make_file(void)
{
	int fd = memfd_create("virtualing-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	return fd < 0 && errno == EINVAL ? memfd_create("virtualing-init", MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

int image_open(struct err *e)
{
	AUTO(fd_drop) int fd = make_file();

	if (fd < 0 && errno == EACCES)
		return err_sys(
			e, "make a file for init in memory (sysctl vm.memfd_noexec=2 forbids it; or use --no-init)");
	if (fd < 0 || write(fd, init_image, sizeof init_image) != (ssize_t)sizeof init_image ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_sys(e, "make a file for init in memory");
	return fd_take(&fd);
}
