#include "run/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

enum { RACE_TRIES = 100, TURN_TRIES = 1000, TRY_AGAIN_NS = 10000000, CONNECT_TIMEOUT_S = 5, BACKLOG = 64 };

#define TURN STATE_PARENT "/.attach"

struct state {
	char *name;
	int dir, lock;
	struct journal *journal;
};

/* ---- the folder ---- */

static int folder_path(const char *name, char *path, size_t size, struct err *e)
{
	if (!*name || *name == '.' || strchr(name, '/') ||
		(size_t)snprintf(path, size, "%s/%s", STATE_PARENT, name) >= size)
		return err_set(e, EINVAL, "%s is not a name of a virtual", name);
	return 0;
}

/* Commands trust what stands in the folder, so nobody else may have put it there. */
static int check_owner(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at %s", path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(e, EPERM, "%s belongs to user %u with mode %o, so it is not trusted: remove it", path,
			st.st_uid, st.st_mode & 07777);
	return 0;
}

/* -EACCES: who may, instead of what could not be opened. */
static int denied(const char *path, struct err *e)
{
	const char *name = strrchr(path, '/') + 1;
	struct stat st;

	if (lstat(path, &st) < 0 || st.st_uid == geteuid())
		return err_set(e, EACCES, "open %s: %s", path, strerrordesc_np(EACCES));
	if (st.st_uid == 0)
		return err_set(e, EACCES, "%s belongs to root: run it with sudo", name);
	return err_set(e, EACCES, "%s belongs to user %u: run it as that user, or with sudo", name, st.st_uid);
}

static int open_folder(const char *path, struct err *e)
{
	AUTO(fd_drop) int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (dir < 0)
		return errno == EACCES ? denied(path, e) : err_sys(e, "open %s", path);
	r = check_owner(dir, path, e);
	return r < 0 ? r : fd_take(&dir);
}

static int make_folder(const char *path, struct err *e)
{
	if (mkdir(STATE_PARENT, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", STATE_PARENT);
	if (mkdir(path, 0700) < 0 && errno != EEXIST && errno != ENOENT)
		return err_sys(e, "make %s", path);
	return 0;
}

/* -EBUSY; or -EAGAIN when its holder has not said yet who it is: `gc` looking in, or a start or an end under way. */
static int busy(const char *name, struct err *e)
{
	struct err why;
	json_t *state = state_read(name, &why);
	json_int_t pid = json_integer_value(json_object_get(state, "supervisor"));

	json_decref(state);
	if (pid)
		return err_set(e, EBUSY,
			"%s is already running (supervisor %lld): choose another name, or `virtualing stop %s`", name,
			(long long)pid, name);
	return err_set(e, EAGAIN, "%s is being started or stopped by somebody else", name);
}

/* 1: locked; 0: the folder went away under us, try again; -EBUSY, -errno. */
static int lock_folder(struct state *s, bool make, struct err *e)
{
	struct stat st;

	s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return errno == ENOENT && make ? 0 : err_sys(e, "open %s/%s/lock", STATE_PARENT, s->name);
	if (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
		fd_drop(&s->lock);
		return errno == EWOULDBLOCK ? busy(s->name, e) : err_sys(e, "lock %s/%s", STATE_PARENT, s->name);
	}
	if (fstat(s->lock, &st) < 0)
		return err_sys(e, "lock %s/%s", STATE_PARENT, s->name);
	return st.st_nlink > 0; /* else its former owner has just removed it */
}

/* A start that fails here (full disk) leaves nothing; what others have made meanwhile stays, for it is not empty. */
static int take_back(struct state *s, const char *path, int r)
{
	if (s->lock >= 0)
		unlinkat(s->dir, "lock", 0);
	rmdir(path);
	return r;
}

static int try_open(const char *name, bool make, struct state *s, struct err *e)
{
	char path[256];
	int r = folder_path(name, path, sizeof path, e);

	if (r == 0 && make)
		r = make_folder(path, e);
	if (r < 0)
		return r;
	s->dir = open_folder(path, e);
	if (s->dir < 0)
		return s->dir == -ENOENT && make ? 0 : s->dir;
	r = lock_folder(s, make, e);
	if (r < 0 && make)
		return take_back(s, path, r);
	if (r <= 0)
		return r;
	r = journal_open(s->dir, path, &s->journal, e);
	if (r == 0)
		return 1;
	return make ? take_back(s, path, r) : r;
}

static int open_state(const char *name, bool make, struct state **ret, struct err *e)
{
	int r = 0;

	for (int i = 0; i < RACE_TRIES && (r == 0 || (make && r == -EAGAIN)); i++) {
		AUTO(state_drop) struct state *s = calloc(1, sizeof *s);

		if (r < 0)
			nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);

		if (!s)
			return err_set(e, ENOMEM, "state folder: out of memory");
		s->dir = s->lock = -1;
		s->name = strdup(name);
		if (!s->name)
			return err_set(e, ENOMEM, "state folder: out of memory");
		r = try_open(name, make, s, e);
		if (r > 0) {
			*ret = s;
			s = NULL;
		}
	}
	if (r == 0)
		return err_set(e, EAGAIN,
			"%s/%s comes and goes: another supervisor of this name starts again and again", STATE_PARENT,
			name);
	return r < 0 ? r : 0;
}

/* A start that fails must not leave the folder that it has just made. */
static int give_up(struct state **s, int r)
{
	struct err ignored;

	if (journal_count((*s)->journal) == 0)
		state_remove(*s, &ignored);
	state_drop(s);
	return r;
}

int state_open(const char *name, bool *recovered, struct state **ret, struct err *e)
{
	struct state *s;
	int r = open_state(name, true, &s, e);

	if (r < 0) {
		rmdir(STATE_PARENT); /* made by us a moment ago, perhaps; succeeds only when it is empty */
		return r;
	}
	*recovered = journal_count(s->journal) > 0;
	if (*recovered) {
		r = journal_replay(s->journal, NULL, NULL, e);
		if (r < 0) {
			err_while(e, "undo what an earlier run of %s left", name);
			return give_up(&s, r);
		}
		journal_restart(s->journal);
		lock_clear(STATE_PARENT);
	}
	*ret = s;
	return 0;
}

int state_adopt(const char *name, struct state **ret, struct err *e)
{
	return open_state(name, false, ret, e);
}

struct journal *state_journal(struct state *s)
{
	return s->journal;
}

void state_hide(struct state *s)
{
	unlinkat(s->dir, "state.json", 0);
	unlinkat(s->dir, "control.sock", 0);
}

int state_remove(struct state *s, struct err *e)
{
	/* The lock goes last: it says that somebody is at work. */
	static const char *const files[] = {"state.json", "control.sock", "journal", "lock"};
	char path[256];
	int r = folder_path(s->name, path, sizeof path, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (unlinkat(s->dir, files[i], 0) < 0 && errno != ENOENT)
			return err_sys(e, "remove %s/%s", path, files[i]);
	r = rmdir(path);
	if (r < 0 && errno == ENOTEMPTY) { /* of a crash in between */
		unlinkat(s->dir, "state.json.new", 0);
		unlinkat(s->dir, JOURNAL_NEW, 0);
		r = rmdir(path);
	}
	/* Still not empty: the next supervisor of this name has locked it anew, and it is no longer ours. */
	if (r < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return err_sys(e, "remove %s", path);
	rmdir(STATE_PARENT); /* other virtuals keep it */
	return 0;
}

void state_drop(struct state **s)
{
	if (!*s)
		return;
	journal_drop(&(*s)->journal);
	free((*s)->name);
	fd_drop(&(*s)->dir);
	fd_drop(&(*s)->lock);
	free(*s);
	*s = NULL;
}

int state_write(struct state *s, const json_t *document, struct err *e)
{
	AUTO(free_drop) char *text = json_dumps(document, JSON_COMPACT);
	AUTO(fd_drop)
	int fd = openat(s->dir, "state.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t length;
	ssize_t n;

	if (!text)
		return err_set(e, ENOMEM, "state.json: out of memory");
	if (fd < 0)
		return err_sys(e, "write %s/%s/state.json", STATE_PARENT, s->name);
	length = strlen(text);
	n = write(fd, text, length);
	if (n >= 0 && (size_t)n < length)
		errno = ENOSPC;
	if (n != (ssize_t)length || renameat(s->dir, "state.json.new", s->dir, "state.json") < 0)
		return err_sys(e, "write %s/%s/state.json", STATE_PARENT, s->name);
	return 0;
}

/* ---- taking turns ---- */

/* 1: it is ours; 0: somebody else's, or he has just removed it. */
static int try_turn(int *ret_fd, struct err *e)
{
	AUTO(fd_drop) int fd = -1;
	struct stat st;

	if (mkdir(STATE_PARENT, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", STATE_PARENT);
	fd = open(TURN, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", TURN);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : err_sys(e, "lock %s", TURN);
	if (fstat(fd, &st) < 0 || st.st_nlink == 0)
		return 0;
	*ret_fd = fd_take(&fd);
	return 1;
}

int state_take_turn(struct err *e)
{
	int fd = -1, r = 0;

	for (int i = 0; i < TURN_TRIES && r == 0; i++) {
		r = try_turn(&fd, e);
		if (r == 0)
			nanosleep(&(struct timespec){.tv_nsec = TRY_AGAIN_NS}, NULL);
	}
	if (r == 0)
		return err_set(
			e, EAGAIN, "somebody else attaches processes at this moment (%s is locked): try again", TURN);
	return r < 0 ? r : fd;
}

void state_end_turn(int *fd)
{
	if (*fd < 0)
		return;
	unlink(TURN);
	fd_drop(fd);
	rmdir(STATE_PARENT); /* when nothing was attached */
}

void state_clear_turn(void)
{
	struct err ignored;
	int fd = -1;

	if (access(TURN, F_OK) == 0 && try_turn(&fd, &ignored) > 0)
		state_end_turn(&fd);
}

/* ---- the control socket ---- */

static int socket_address(const char *name, struct sockaddr_un *ret, struct err *e)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((size_t)snprintf(ret->sun_path, sizeof ret->sun_path, "%s/%s/control.sock", STATE_PARENT, name) >=
		sizeof ret->sun_path)
		return err_set(e, ENAMETOOLONG, "name %s is too long", name);
	return 0;
}

int state_listen(struct state *s, int *ret_fd, struct err *e)
{
	AUTO(fd_drop) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int r = socket_address(s->name, &address, e);

	if (r < 0)
		return r;
	if (fd < 0)
		return err_sys(e, "make a socket");
	/* The folder is 0700, so nobody else connects between bind and chmod. */
	unlinkat(s->dir, "control.sock", 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(address.sun_path, 0600) < 0 ||
		listen(fd, BACKLOG) < 0)
		return err_sys(e, "listen on %s", address.sun_path);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* A starting supervisor has the lock but no socket yet. (One that finds the lock taken by this look tries again.) */
static bool is_held(int dir)
{
	AUTO(fd_drop) int lock = openat(dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0;
}

bool state_is_held(const char *name)
{
	AUTO(fd_drop) int dir = -1;
	char path[256];
	struct err ignored;

	if (folder_path(name, path, sizeof path, &ignored) < 0)
		return false;
	dir = open_folder(path, &ignored);
	return dir >= 0 && is_held(dir);
}

static int connect_to(const char *name, int flags, struct err *e)
{
	AUTO(fd_drop) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	AUTO(fd_drop) int dir = -1;
	struct sockaddr_un address;
	char path[256];
	int r = folder_path(name, path, sizeof path, e);

	if (r == 0)
		r = socket_address(name, &address, e);
	if (r < 0)
		return r;
	dir = open_folder(path, e);
	if (dir == -ENOENT)
		return err_set(e, ENOENT, "no virtual is called %s: see `virtualing list`", name);
	if (dir < 0)
		return dir;
	if (fd < 0)
		return err_sys(e, "make a socket");
	/* A supervisor that has been stopped accepts nobody, and a full queue makes connect() wait (unix(7)). */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = CONNECT_TIMEOUT_S}, sizeof(struct timeval));
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		if (errno == EAGAIN)
			return err_set(e, ETIMEDOUT, "%s: its supervisor does not answer", name);
		if ((errno == ECONNREFUSED || errno == ENOENT) && is_held(dir))
			return err_set(e, EAGAIN, "%s is being started or stopped: try again", name);
		if (errno == ECONNREFUSED || errno == ENOENT)
			return err_set(e, ECONNREFUSED, "%s has no supervisor: see `virtualing gc`", name);
		return err_sys(e, "connect to %s", address.sun_path);
	}
	return fd_take(&fd);
}

int state_connect(const char *name, struct err *e)
{
	return connect_to(name, 0, e);
}

int state_connect_now(const char *name, struct err *e)
{
	return connect_to(name, SOCK_NONBLOCK, e);
}

/* ---- all folders ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

ssize_t state_names(char ***ret, struct err *e)
{
	DIR *dir = opendir(STATE_PARENT);
	struct dirent *d;
	char **names = NULL;
	size_t count = 0;

	*ret = NULL;
	if (!dir)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", STATE_PARENT);
	while ((d = readdir(dir))) {
		char **longer;

		if (d->d_name[0] == '.')
			continue;
		longer = reallocarray(names, count + 1, sizeof *names);
		if (!longer || !(longer[count] = strdup(d->d_name)))
			abort();
		names = longer;
		count++;
	}
	closedir(dir);
	qsort(names, count, sizeof *names, by_name);
	*ret = names;
	return (ssize_t)count;
}

/* The whole file, owned by the caller; or NULL with errno. (json_loadfd() reads a byte at a time.) */
static char *read_whole(int fd, size_t *ret_length)
{
	struct stat st;
	char *text;
	size_t used = 0;
	ssize_t n = 0;

	if (fstat(fd, &st) < 0 || !(text = malloc((size_t)st.st_size + 1)))
		return NULL;
	while (used < (size_t)st.st_size && (n = read(fd, text + used, (size_t)st.st_size - used)) > 0)
		used += (size_t)n;
	if (n < 0) {
		free_drop(&text); /* errno survives, from glibc 2.33 on */
		return NULL;
	}
	*ret_length = used;
	return text;
}

json_t *state_read(const char *name, struct err *e)
{
	AUTO(free_drop) char *text = NULL;
	AUTO(fd_drop) int dir = -1;
	AUTO(fd_drop) int fd = -1;
	char path[256];
	json_error_t why;
	json_t *state;
	size_t length = 0;

	if (folder_path(name, path, sizeof path, e) < 0)
		return NULL;
	dir = open_folder(path, e);
	if (dir < 0)
		return NULL;
	fd = openat(dir, "state.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		err_sys(e, "open %s/state.json", path);
		return NULL;
	}
	text = read_whole(fd, &length);
	if (!text) {
		err_sys(e, "read %s/state.json", path);
		return NULL;
	}
	state = json_loadb(text, length, 0, &why);
	if (!state)
		err_set(e, EPROTO, "%s/state.json is damaged: %s", path, why.text);
	return state;
}
