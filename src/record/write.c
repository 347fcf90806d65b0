/* A recording as it is written: an unnamed file until the virtual runs, so that a start that fails leaves nothing.
 *
 * A part of the file is mapped at a time, for the supervisor's memory is locked.  Entries come there through a pipe:
 * where the file has been cut short (`> FILE`) the kernel then says EFAULT, and a store of our own would be SIGBUS, the
 * end of the supervisor and of all that it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "record/format.h"
#include "sys/output.h"

enum { PUBLISH_TRIES = 8, WINDOW_BYTES = 1 << 16 };

/* The part of the file that is mapped for one kind of entry. */
struct window {
	char *bytes; /* NULL: none yet */
	uint64_t from;
};

struct record {
	struct output place; /* its folder may be the program's: it is held */
	char *beside;	     /* its name in there meanwhile; owned; NULL: it has none yet, or its own */
	int fd;
	bool published;
	uint64_t sample_capacity, event_capacity;
	uint64_t samples, events; /* written so far */
	struct window sample_window, event_window, mark_window;
	int pipe[2];
	uint64_t began_us; /* CLOCK_BOOTTIME: a host that sleeps goes on */
};

static uint64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- what is there already ---- */

/* A lock of the open file, which readers can ask for without taking it. */
static int lock(int fd, const char *path, struct err *e)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(e, EBUSY, "%s is being written for another virtual: choose another file", path);
	return err_sys(e, "lock %s", path);
}

static int look_at(int fd, const char *path, struct err *e)
{
	char magic[8];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EEXIST, "%s is not a file: choose another name", path);
	if (pread(fd, magic, sizeof magic, 0) != (ssize_t)sizeof magic || memcmp(magic, FORMAT_MAGIC, 8) != 0)
		return err_set(e, EEXIST,
			"%s is there and is no recording, so it is not replaced: choose another name, or remove it",
			path);
	return lock(fd, path, e);
}

/* The older recording at its place, locked, or -1: nothing is there. */
static int open_older(const struct output *place, int *ret_fd, struct err *e)
{
	const char *path = place->path;
	AUTO(fd_drop)
	int fd = openat(place->folder, output_name(place), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	int r;

	*ret_fd = -1;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return err_set(e, ELOOP, "%s is a symbolic link: give the file that is meant", path);
	if (fd < 0 && (errno == EISDIR || errno == ENXIO))
		return err_set(e, EEXIST, "%s is not a file: choose another name", path);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	r = look_at(fd, path, e);
	if (r == 0)
		*ret_fd = fd_take(&fd);
	return r;
}

/* ---- making it ---- */

/* -EOPNOTSUPP, -EISDIR: there are none. */
static int open_unnamed(const struct output *place, struct err *e)
{
	int fd = openat(place->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, "make the recording %s", place->path) : fd;
}

static int open_beside(struct record *r, struct undo *u, struct err *e)
{
	AUTO(free_drop) char *path = NULL;
	char *beside;
	int fd;

	if (asprintf(&path, "%s.%d", r->place.path, (int)getpid()) < 0 ||
		!(beside = strdup(path + (output_name(&r->place) - r->place.path))))
		return err_set(e, ENOMEM, "out of memory");
	fd = undo_note(u, UNDO_FILE, "/", path, "*", e);
	if (fd == 0) {
		fd = openat(r->place.folder, beside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			err_sys(e, "make %s", path);
	}
	if (fd < 0) {
		free(beside);
		return -e->code;
	}
	r->beside = beside;
	return fd;
}

static int open_new(struct record *r, struct undo *u, struct err *e)
{
	int fd = open_unnamed(&r->place, e);

	return fd == -EOPNOTSUPP || fd == -EISDIR ? open_beside(r, u, e) : fd;
}

/* All of its room is taken now: a disk that is full says so before anything is started. */
static int fill(int fd, const struct record_header *h, const char *path, struct err *e)
{
	off_t size = HEADER_BYTES + (off_t)(h->sample_capacity * SAMPLE_BYTES + h->event_capacity * EVENT_BYTES);
	char header[HEADER_BYTES];
	struct rlimit most;
	ssize_t n;

	/* Beyond it there is a signal, and not an error. */
	if (getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur < (rlim_t)size)
		return err_set(e, EFBIG,
			"take %lld KiB for the recording %s: no file may be larger than %llu KiB here (ulimit -f)",
			(long long)size / 1024, path, (unsigned long long)most.rlim_cur / 1024);
	errno = posix_fallocate(fd, 0, size);
	if (errno)
		return err_sys(e, "take %lld KiB for the recording %s", (long long)size / 1024, path);
	format_header(header, h);
	n = pwrite(fd, header, sizeof header, 0);
	if (n >= 0 && n < HEADER_BYTES)
		errno = ENOSPC;
	return n == HEADER_BYTES ? 0 : err_sys(e, "write the recording %s", path);
}

int record_create(
	const char *path, const struct record_header *header, struct undo *u, struct record **ret, struct err *e)
{
	AUTO(record_drop) struct record *r = calloc(1, sizeof *r);
	AUTO(fd_drop) int older = -1;
	struct record_header h = *header;
	int result;

	if (!r)
		return err_set(e, ENOMEM, "out of memory");
	r->fd = r->pipe[0] = r->pipe[1] = -1;
	r->place = OUTPUT_NONE;
	result = output_open(path, &r->place, e);
	if (result == 0)
		result = open_older(&r->place, &older, e);
	if (result < 0)
		return result;
	r->fd = open_new(r, u, e);
	if (r->fd < 0)
		return r->fd;
	h.started_us = now_us(CLOCK_REALTIME);
	r->began_us = now_us(CLOCK_BOOTTIME);
	r->sample_capacity = h.sample_capacity;
	r->event_capacity = h.event_capacity;
	result = fill(r->fd, &h, path, e);
	if (result == 0)
		result = lock(r->fd, path, e);
	if (result == 0 && pipe2(r->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		result = err_sys(e, "make a pipe");
	if (result < 0)
		return result;
	*ret = r;
	r = NULL;
	return 0;
}

/* 0, or -1 with EEXIST: something has come in between. */
static int give_name(struct record *r)
{
	char self[32];

	if (r->beside) {
		if (renameat(r->place.folder, r->beside, r->place.folder, output_name(&r->place)) < 0)
			return -1;
		free(r->beside);
		r->beside = NULL;
		return 0;
	}
	snprintf(self, sizeof self, "/proc/self/fd/%d", r->fd);
	return linkat(AT_FDCWD, self, r->place.folder, output_name(&r->place), AT_SYMLINK_FOLLOW);
}

/* 1: it has its name; 0: something has come in between; -errno. */
static int link_once(struct record *r, struct err *e)
{
	AUTO(fd_drop) int older = -1;
	struct stat was, is;
	const char *name = output_name(&r->place);
	int result = open_older(&r->place, &older, e);

	if (result < 0)
		return result;
	/* Its lock is held, so nobody else replaces it; but it may have been replaced before we had the lock. */
	if (older >= 0 && (fstat(older, &was) < 0 || fstatat(r->place.folder, name, &is, AT_SYMLINK_NOFOLLOW) < 0 ||
				  was.st_ino != is.st_ino || was.st_dev != is.st_dev))
		return 0;
	if (older >= 0 && !r->beside && unlinkat(r->place.folder, name, 0) < 0)
		return err_sys(e, "replace %s", r->place.path);
	if (give_name(r) == 0)
		return 1;
	return errno == EEXIST ? 0 : err_sys(e, "make the recording %s", r->place.path);
}

int record_publish(struct record *r, struct err *e)
{
	int result = 0;

	for (int i = 0; result == 0 && i < PUBLISH_TRIES; i++)
		result = link_once(r, e);
	if (result == 0)
		return err_set(e, EBUSY, "%s comes and goes: somebody else writes to this name", r->place.path);
	r->published = result > 0;
	return result < 0 ? result : 0;
}

/* ---- writing ---- */

uint64_t record_now_us(const struct record *r)
{
	return now_us(CLOCK_BOOTTIME) - r->began_us;
}

static void close_window(struct window *w)
{
	if (w->bytes)
		munmap(w->bytes, WINDOW_BYTES);
	w->bytes = NULL;
}

/* What is beyond the end of the file is mapped, too, and never touched. */
static int move_window(const struct record *r, struct window *w, uint64_t at, size_t size, struct err *e)
{
	void *bytes;

	if (w->bytes && at >= w->from && at + size <= w->from + WINDOW_BYTES)
		return 0;
	close_window(w);
	w->from = at - at % (uint64_t)sysconf(_SC_PAGESIZE);
	bytes = mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)w->from);
	if (bytes == MAP_FAILED)
		return err_sys(e, "map the recording %s", r->place.path);
	w->bytes = bytes;
	return 0;
}

static int put(struct record *r, struct window *w, const void *bytes, size_t size, uint64_t at, struct err *e)
{
	int result = move_window(r, w, at, size, e);

	if (result < 0)
		return result;
	if (write(r->pipe[1], bytes, size) == (ssize_t)size &&
		read(r->pipe[0], w->bytes + (at - w->from), size) == (ssize_t)size)
		return 0;
	if (errno == EFAULT)
		return err_set(e, EFAULT, "%s has been cut short by somebody else", r->place.path);
	return err_sys(e, "write the recording %s", r->place.path);
}

int record_add_sample(struct record *r, const struct record_sample *s, struct err *e)
{
	uint64_t number = r->samples++, at = HEADER_BYTES + number % r->sample_capacity * SAMPLE_BYTES;
	char bytes[SAMPLE_BYTES];

	format_sample(bytes, number + 1, s);
	return put(r, &r->sample_window, bytes, sizeof bytes, at, e);
}

int record_add_event(struct record *r, const struct record_event *event, struct err *e)
{
	uint64_t number = r->events++;
	uint64_t at = HEADER_BYTES + r->sample_capacity * SAMPLE_BYTES + number % r->event_capacity * EVENT_BYTES;
	char bytes[EVENT_BYTES];

	format_event(bytes, number + 1, event);
	return put(r, &r->event_window, bytes, sizeof bytes, at, e);
}

int record_mark(struct record *r, uint64_t time_us, struct err *e)
{
	char bytes[16];

	format_mark(bytes, time_us);
	return put(r, &r->mark_window, bytes, sizeof bytes, MARK_AT, e);
}

void record_drop(struct record **record)
{
	struct record *r = *record;

	if (!r)
		return;
	close_window(&r->sample_window);
	close_window(&r->event_window);
	close_window(&r->mark_window);
	fd_drop(&r->pipe[0]);
	fd_drop(&r->pipe[1]);
	fd_drop(&r->fd);
	if (r->beside)
		unlinkat(r->place.folder, r->beside, 0);
	free(r->beside);
	output_drop(&r->place);
	free(r);
	*record = NULL;
}
