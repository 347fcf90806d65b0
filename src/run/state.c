#include "run/state.h"

#include <assert.h>
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
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/cage.h"
#include "jail/jail.h"
#include "net/vip.h"

enum { UNDO_ARGS = 3, GROUP_TIMEOUT_MS = 10000, RACE_TRIES = 100, CONNECT_TIMEOUT_S = 5, BACKLOG = 64 };

struct entry {
	enum undo_kind kind;
	char *args[UNDO_ARGS]; /* a, b, c; NULL where there is none */
};

struct state {
	struct undo undo; /* first, so that a struct undo * is the state's */
	char *name;
	int dir, lock, journal;
	off_t journal_size; /* we hold the lock, so nobody else writes it */
	struct entry *entries;
	size_t count;
};

/* One row a kind: its word in the journal, and how it is undone. */
static int undo_group(const struct entry *n, struct err *e)
{
	return cage_undo_group(n->args[0], GROUP_TIMEOUT_MS, e);
}

static int undo_path(const struct entry *n, struct err *e)
{
	return jail_undo(n->kind, n->args[0], n->args[1], n->args[2], e);
}

static int undo_address(const struct entry *n, struct err *e)
{
	return vip_undo(n->args[0], n->args[1], e);
}

static const struct undo_row {
	const char *word;
	int args; /* how many it must have */
	int (*undo)(const struct entry *n, struct err *e);
} undo_rows[] = {
	[UNDO_GROUP] = {"group", 1, undo_group},
	[UNDO_DIR] = {"dir", 2, undo_path},
	[UNDO_LINK] = {"link", 2, undo_path},
	[UNDO_FILE] = {"file", 3, undo_path},
	[UNDO_ADDRESS] = {"address", 2, undo_address},
};
static_assert(sizeof undo_rows / sizeof *undo_rows == UNDO_KINDS, "one row for each kind of undo");

/* ---- the journal ---- */

static void entry_clear(struct entry *n)
{
	for (int i = 0; i < UNDO_ARGS; i++)
		free(n->args[i]);
}

static int remember(struct state *s, enum undo_kind kind, const char *const *args, struct err *e)
{
	struct entry *entries = reallocarray(s->entries, s->count + 1, sizeof *entries);
	struct entry *new;

	if (!entries)
		return err_set(e, ENOMEM, "journal: out of memory");
	s->entries = entries;
	new = &entries[s->count];
	*new = (struct entry){.kind = kind};
	for (int i = 0; i < UNDO_ARGS; i++) {
		new->args[i] = args[i] ? strdup(args[i]) : NULL;
		if (args[i] && !new->args[i]) {
			entry_clear(new);
			return err_set(e, ENOMEM, "journal: out of memory");
		}
	}
	s->count++;
	return 0;
}

/* One write(2), so that a line is there whole or, when the disk is full, taken back. */
static int append_line(struct state *s, char *text, struct err *e)
{
	char newline[] = "\n";
	struct iovec line[] = {{text, strlen(text)}, {newline, 1}};
	ssize_t n = writev(s->journal, line, 2);

	if (n == (ssize_t)line[0].iov_len + 1) {
		s->journal_size += n;
		return 0;
	}
	if (n >= 0)
		errno = ENOSPC;
	err_sys(e, "write %s/%s/journal", STATE_PARENT, s->name);
	if (ftruncate(s->journal, s->journal_size) < 0)
		return err_while(e, "and it cannot be cut back");
	return -e->code;
}

static int write_line(struct state *s, const struct entry *n, struct err *e)
{
	AUTO(free_drop) char *text = NULL;
	json_t *line = json_pack("[s]", undo_rows[n->kind].word);

	for (int i = 0; i < undo_rows[n->kind].args; i++)
		json_array_append_new(line, json_string(n->args[i]));
	if (json_array_size(line) == (size_t)undo_rows[n->kind].args + 1)
		text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	if (!text)
		return err_set(e, EILSEQ, "journal: %s is not valid UTF-8", n->args[0]);
	return append_line(s, text, e);
}

static int note(struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e)
{
	struct state *s = (struct state *)u;
	const char *args[UNDO_ARGS] = {a, b, c};
	int r = remember(s, kind, args, e);

	if (r < 0)
		return r;
	r = write_line(s, &s->entries[s->count - 1], e);
	if (r < 0)
		entry_clear(&s->entries[--s->count]);
	return r;
}

static int find_kind(const char *word)
{
	for (int kind = 0; kind < UNDO_KINDS; kind++)
		if (word && strcmp(word, undo_rows[kind].word) == 0)
			return kind;
	return -1;
}

/* A last line without its newline was being written when the supervisor died: nothing was made for it yet. */
static int load_line(struct state *s, const char *text, size_t length, struct err *e)
{
	json_t *line = json_loadb(text, length, 0, NULL);
	const char *args[UNDO_ARGS] = {NULL};
	int kind = find_kind(json_string_value(json_array_get(line, 0)));
	int r = -1;

	for (int i = 0; i < UNDO_ARGS; i++)
		args[i] = json_string_value(json_array_get(line, (size_t)i + 1));
	if (kind >= 0 && args[undo_rows[kind].args - 1])
		r = remember(s, (enum undo_kind)kind, args, e);
	else
		r = err_set(e, EPROTO, "%s/%s/journal has a line that is not ours: %.*s", STATE_PARENT, s->name,
			(int)(length < 80 ? length : 80), text);
	json_decref(line);
	return r;
}

static int load_journal(struct state *s, struct err *e)
{
	AUTO(free_drop) char *text = NULL;
	struct stat st;
	ssize_t n;
	char *at, *end;

	if (fstat(s->journal, &st) < 0)
		return err_sys(e, "read %s/%s/journal", STATE_PARENT, s->name);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return err_set(e, ENOMEM, "journal: out of memory");
	n = pread(s->journal, text, (size_t)st.st_size, 0);
	if (n < 0)
		return err_sys(e, "read %s/%s/journal", STATE_PARENT, s->name);
	s->journal_size = n;
	for (at = text; (end = memchr(at, '\n', (size_t)(text + n - at))); at = end + 1) {
		int r = load_line(s, at, (size_t)(end - at), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static void tell(const struct entry *n, void (*each)(void *arg, const char *text), void *arg)
{
	char text[1024];

	snprintf(text, sizeof text, "%s %s%s%s", undo_rows[n->kind].word, n->args[0], n->args[1] ? " " : "",
		n->args[1] ? n->args[1] : "");
	each(arg, text);
}

/* Keeps what could not be undone, in its order. */
static void forget_undone(struct state *s)
{
	size_t to = 0;

	for (size_t i = 0; i < s->count; i++)
		if (s->entries[i].args[0])
			s->entries[to++] = s->entries[i];
	s->count = to;
}

/* An old line must not come back to life when the thing that it names is somebody else's by then. */
static void rewrite_journal(struct state *s)
{
	struct err ignored; /* then the old lines stay, which is no worse than not having rewritten them */

	s->journal_size = 0;
	if (ftruncate(s->journal, 0) < 0)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (write_line(s, &s->entries[i], &ignored) < 0)
			return;
}

int state_replay(struct state *s, void (*each)(void *arg, const char *text), void *arg, struct err *e)
{
	int first = 0;

	for (size_t i = s->count; i-- > 0;) {
		struct entry *n = &s->entries[i];
		struct err later;
		int r;

		if (each)
			tell(n, each, arg);
		r = undo_rows[n->kind].undo(n, first ? &later : e);
		if (r == 0) {
			entry_clear(n);
			*n = (struct entry){.kind = n->kind};
		} else if (!first) {
			first = r;
		}
	}
	forget_undone(s);
	if (first)
		rewrite_journal(s);
	return first;
}

void state_each(const struct state *s, void (*each)(void *arg, const char *text), void *arg)
{
	for (size_t i = s->count; i-- > 0;)
		tell(&s->entries[i], each, arg);
}

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

static int open_folder(const char *path, struct err *e)
{
	AUTO(fd_drop) int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (dir < 0)
		return err_sys(e, "open %s", path);
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
	s->journal = openat(s->dir, "journal", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->journal >= 0)
		return 1;
	err_sys(e, "open %s/journal", path);
	return make ? take_back(s, path, -e->code) : -e->code;
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
		s->undo.note = note;
		s->dir = s->lock = s->journal = -1;
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

	if ((*s)->count == 0)
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
	r = load_journal(s, e);
	*recovered = s->count > 0;
	if (r == 0 && s->count)
		r = state_replay(s, NULL, NULL, e);
	if (r < 0) {
		err_while(e, "undo what an earlier run of %s left", name);
		return give_up(&s, r);
	}
	if (*recovered)
		rewrite_journal(s);
	*ret = s;
	return 0;
}

int state_adopt(const char *name, struct state **ret, struct err *e)
{
	struct state *s;
	int r = open_state(name, false, &s, e);

	if (r < 0)
		return r;
	r = load_journal(s, e);
	if (r < 0)
		state_drop(&s);
	else
		*ret = s;
	return r;
}

struct undo *state_undo(struct state *s)
{
	return &s->undo;
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
	if (r < 0 && errno == ENOTEMPTY) {
		unlinkat(s->dir, "state.json.new", 0); /* of a crash in between */
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
	for (size_t i = 0; i < (*s)->count; i++)
		entry_clear(&(*s)->entries[i]);
	free((*s)->entries);
	free((*s)->name);
	fd_drop(&(*s)->dir);
	fd_drop(&(*s)->journal);
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

int state_connect(const char *name, struct err *e)
{
	AUTO(fd_drop) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

json_t *state_read(const char *name, struct err *e)
{
	AUTO(fd_drop) int dir = -1;
	AUTO(fd_drop) int fd = -1;
	char path[256];
	json_error_t why;
	json_t *state;

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
	state = json_loadfd(fd, 0, &why);
	if (!state)
		err_set(e, EPROTO, "%s/state.json is damaged: %s", path, why.text);
	return state;
}
