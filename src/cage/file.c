#include "cage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

static ssize_t read_text(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	if (n < 0)
		return -errno;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = 0;
	return n;
}

static int write_text(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

ssize_t file_read(int dir, const char *name, char *text, size_t size)
{
	AUTO(fd_drop) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : read_text(fd, text, size);
}

int file_write(int dir, const char *name, const char *text)
{
	AUTO(fd_drop) int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : write_text(fd, text);
}

int file_exchange(int dir, const char *name, const char *text, char *got, size_t size, int *opened)
{
	/* O_NONBLOCK (Linux 6.17): a lower memory.max is taken at once, instead of reclaiming and killing in this call.
	 */
	AUTO(fd_drop) int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	*opened = fd >= 0;
	if (fd < 0)
		return -errno;
	n = write_text(fd, text);
	if (n == 0)
		n = read_text(fd, got, size);
	return n < 0 ? (int)n : 0;
}

int file_line(const char *text, const char *word, char *ret, size_t size)
{
	size_t length = word ? strlen(word) : 0;

	for (;;) {
		size_t end = strcspn(text, "\n");

		if (!word || (strncmp(text, word, length) == 0 && text[length] == ' ')) {
			const char *rest = word ? text + length + 1 : text;

			snprintf(ret, size, "%.*s", (int)(text + end - rest), rest);
			return 0;
		}
		if (!text[end])
			return -ENOENT;
		text += end + 1;
	}
}

char *file_slurp(const char *path, struct err *e)
{
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 16384, used = 0;
	AUTO(free_drop) char *text = malloc(size);
	ssize_t n = 0;

	if (fd < 0 || !text) {
		err_sys(e, "read %s", path);
		return NULL;
	}
	while ((n = read(fd, text + used, size - used - 1)) > 0) {
		used += (size_t)n;
		if (size - used < 4097) { /* the kernel hands out a page at a time */
			char *more = realloc(text, size *= 2);

			if (!more)
				break;
			text = more;
		}
	}
	if (n != 0) {
		err_sys(e, "read %s", path);
		return NULL;
	}
	text[used] = 0;
	char *taken = text;
	text = NULL;
	return taken;
}
