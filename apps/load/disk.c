#include "load/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "load/fill.h"

/* A block: what O_DIRECT wants as alignment of any disk that is in use. */
enum { BUFFER = 1 << 20, BLOCK = 4096 };

struct place {
	int directory; /* O_PATH */
	char name[NAME_MAX + 1];
};

static void place_drop(struct place *p)
{
	fd_drop(&p->directory);
}

static int open_directory(const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static int find_place(const char *path, struct place *p, struct err *e)
{
	const char *name = strrchr(path, '/');
	AUTO(free_drop) char *directory = NULL;

	if (*path != '/')
		return err_set(e, EINVAL, "path %s is not absolute: begin it with /", path);
	name++;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(
			e, EINVAL, "path %s names a directory: append the name of a file that is not there", path);
	if (strlen(name) > NAME_MAX)
		return err_set(
			e, ENAMETOOLONG, "the last name of path %.40s... is longer than %d bytes", path, NAME_MAX);
	directory = strndup(path, (size_t)(name - path)); /* with its "/", which is all there is of the root's */
	if (!directory)
		return err_sys(e, "open the directory of %s", path);
	p->directory = open_directory(directory);
	if (p->directory < 0 && errno == ELOOP)
		return err_set(e, ELOOP, "a symbolic link is in %s: give its real path", directory);
	if (p->directory < 0)
		return err_sys(e, "open directory %s", directory);
	memcpy(p->name, name, strlen(name) + 1);
	return 0;
}

/* A look beforehand only: the writes find out for themselves. */
static int check_room(const struct place *p, const char *path, uint64_t bytes, struct err *e)
{
	struct statvfs fs;
	char wanted[16], free[16];
	uint64_t room;

	if (fstatvfs(p->directory, &fs) < 0)
		return err_sys(e, "read the free space for %s", path);
	if (fs.f_blocks == 0) /* ramfs and the like do not count */
		return 0;
	if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &room) || room >= bytes)
		return 0;
	return err_set(e, ENOSPC, "no room for %s at %s: %s are free", print_size(wanted, sizeof wanted, bytes), path,
		print_size(free, sizeof free, room));
}

static int make_file(const struct place *p, const char *path, int *ret, struct err *e)
{
	AUTO(fd_drop)
	int fd = openat(p->directory, p->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_DSYNC | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return err_set(e, EEXIST, "%s is there already: name a file that is not", path);
	if (fd < 0)
		return err_sys(e, "make %s", path);
	if (unlinkat(p->directory, p->name, 0) < 0)
		return err_sys(e, "remove %s again", path);
	*ret = fd_take(&fd);
	return 0;
}

/* O_DIRECT only now: open() with it makes the file and then fails where the file system does not have it. */
static bool set_direct(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

static int write_range(int fd, const void *buffer, uint64_t at, uint64_t end, const atomic_bool *stop, struct err *e)
{
	while (at < end) {
		size_t piece = end - at < BUFFER ? (size_t)(end - at) : BUFFER;
		ssize_t written = pwrite(fd, buffer, piece, (off_t)at);

		if (written == 0)
			errno = ENOSPC;
		if (written == 0 || (written < 0 && errno != EINTR))
			return err_sys(e, "after %llu bytes", (unsigned long long)at);
		at += written > 0 ? (uint64_t)written : 0;
		if (atomic_load(stop))
			return err_set(e, ECANCELED, "the program is ending");
	}
	return 0;
}

static int write_all(int fd, const void *buffer, uint64_t bytes, const atomic_bool *stop, bool *direct, struct err *e)
{
	uint64_t whole = bytes - bytes % BLOCK;
	int r;

	*direct = set_direct(fd, true);
	r = write_range(fd, buffer, 0, whole, stop, e);
	if (r == -EINVAL && *direct) { /* this disk's blocks are larger, or a write in part ended within one */
		*direct = !set_direct(fd, false);
		r = write_range(fd, buffer, 0, whole, stop, e);
	}
	if (r == 0 && whole < bytes) {
		set_direct(fd, false);
		r = write_range(fd, buffer, whole, bytes, stop, e);
	}
	if (r == 0 && fsync(fd) < 0)
		r = err_sys(e, "bring it to the disk");
	return r;
}

struct buffer {
	void *bytes;
};

static void buffer_drop(struct buffer *b)
{
	if (b->bytes != MAP_FAILED)
		munmap(b->bytes, BUFFER);
}

static int buffer_fill(struct buffer *b, struct err *e)
{
	struct fill f;
	int r = fill_seed(&f, e);

	if (r < 0)
		return r;
	b->bytes = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->bytes == MAP_FAILED)
		return err_sys(e, "take 1M of memory to write from");
	fill_bytes(&f, b->bytes, BUFFER);
	return 0;
}

int disk_write(const char *path, uint64_t bytes, const atomic_bool *stop, bool *direct, struct err *e)
{
	AUTO(place_drop) struct place p = {.directory = -1};
	AUTO(buffer_drop) struct buffer buffer = {MAP_FAILED};
	AUTO(fd_drop) int fd = -1;
	int r;

	r = find_place(path, &p, e);
	if (r == 0)
		r = check_room(&p, path, bytes, e);
	if (r == 0)
		r = buffer_fill(&buffer, e);
	if (r == 0)
		r = make_file(&p, path, &fd, e);
	if (r < 0)
		return r;
	return write_all(fd, buffer.bytes, bytes, stop, direct, e) < 0 ? err_while(e, "write %s", path) : 0;
}
