#include "jail/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "filter_default.h"

const struct sock_filter *filter_standard(size_t *ret_count)
{
	*ret_count = sizeof filter_default / sizeof *filter_default;
	return filter_default;
}

int filter_read(const char *path, struct sock_filter **ret, size_t *ret_count, struct err *e)
{
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO(free_drop) struct sock_filter *code = NULL;
	struct stat s;
	size_t bytes;

	if (fd < 0 || fstat(fd, &s) < 0)
		return err_sys(e, "filter %s", path);
	if (!S_ISREG(s.st_mode))
		return err_set(e, EINVAL, "filter %s is not a file", path);
	if (s.st_size == 0 || s.st_size % (off_t)sizeof *code || s.st_size > (off_t)(BPF_MAXINSNS * sizeof *code))
		return err_set(e, EINVAL,
			"filter %s has %jd bytes: expected compiled BPF, 8 bytes for each of at most %d instructions",
			path, (intmax_t)s.st_size, BPF_MAXINSNS);
	bytes = (size_t)s.st_size;
	code = malloc(bytes);
	if (!code)
		return err_set(e, ENOMEM, "filter %s", path);
	if (read(fd, code, bytes) != (ssize_t)bytes)
		return err_set(e, EIO, "filter %s changed while it was read", path);
	*ret = code;
	*ret_count = bytes / sizeof *code;
	code = NULL;
	return 0;
}

int filter_install(const struct sock_filter *code, size_t count, struct err *e)
{
	struct sock_fprog program = {(unsigned short)count, (struct sock_filter *)(uintptr_t)code};

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 0;
	return errno == EINVAL ? err_set(e, EINVAL, "the kernel refuses the filter's %zu instructions", count)
			       : err_sys(e, "install a filter of %zu instructions", count);
}
