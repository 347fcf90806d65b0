#include "run/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/cage.h"
#include "cage/home.h"
#include "jail/jail.h"
#include "net/vip.h"

#define FILE_NAME "journal"

enum { UNDO_ARGS = 3, GROUP_TIMEOUT_MS = 10000, OPEN_FLAGS = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW };

struct entry {
	enum undo_kind kind;
	char *args[UNDO_ARGS]; /* a, b, c; NULL where there is none */
	off_t length;	       /* of its line */
};

struct journal {
	struct undo undo; /* first, so that a struct undo * is the journal's */
	char *path;	  /* for messages */
	int dir;	  /* its folder; borrowed */
	int fd;
	off_t size; /* its folder is locked, so nobody else writes it */
	struct entry *entries;
	size_t count;
};

/* One row a kind: its word in the journal, and how it is undone. */
static int undo_group(const struct entry *n, struct err *e)
{
	return cage_undo_group(n->args[0], GROUP_TIMEOUT_MS, e);
}

static int undo_parent(const struct entry *n, struct err *e)
{
	return cage_undo_parent(n->args[0], e);
}

static int undo_path(const struct entry *n, struct err *e)
{
	return jail_undo(n->kind, n->args[0], n->args[1], n->args[2], e);
}

static int undo_address(const struct entry *n, struct err *e)
{
	return vip_undo(n->args[0], n->args[1], e);
}

static int undo_released(const struct entry *n, struct err *e)
{
	return cage_undo_released(n->args[0], n->args[1], GROUP_TIMEOUT_MS, e);
}

static int undo_home(const struct entry *n, struct err *e)
{
	return cage_undo_home(n->args[0], n->args[1], n->args[2], e);
}

static const struct undo_row {
	const char *word;
	int args; /* how many it must have */
	int (*undo)(const struct entry *n, struct err *e);
} undo_rows[] = {
	[UNDO_GROUP] = {"group", 1, undo_group},
	[UNDO_PARENT] = {"parent", 1, undo_parent},
	[UNDO_DIR] = {"dir", 2, undo_path},
	[UNDO_LINK] = {"link", 2, undo_path},
	[UNDO_FILE] = {"file", 3, undo_path},
	[UNDO_ADDRESS] = {"address", 2, undo_address},
	[UNDO_RELEASED] = {"released", 2, undo_released},
	[UNDO_HOME] = {"home", 3, undo_home},
};
static_assert(sizeof undo_rows / sizeof *undo_rows == UNDO_KINDS, "one row for each kind of undo");

/* ---- entries and lines ---- */

static void entry_clear(struct entry *n)
{
	for (int i = 0; i < UNDO_ARGS; i++)
		free(n->args[i]);
}

static int remember(struct journal *j, enum undo_kind kind, const char *const *args, struct err *e)
{
	struct entry *entries = reallocarray(j->entries, j->count + 1, sizeof *entries);
	struct entry *new;

	if (!entries)
		return err_set(e, ENOMEM, "journal: out of memory");
	j->entries = entries;
	new = &entries[j->count];
	*new = (struct entry){.kind = kind};
	for (int i = 0; i < UNDO_ARGS; i++) {
		new->args[i] = args[i] ? strdup(args[i]) : NULL;
		if (args[i] && !new->args[i]) {
			entry_clear(new);
			return err_set(e, ENOMEM, "journal: out of memory");
		}
	}
	j->count++;
	return 0;
}

/* One write(2), so that a line is there whole or, when the disk is full, taken back. */
static int append_line(struct journal *j, char *text, struct err *e)
{
	char newline[] = "\n";
	struct iovec line[] = {{text, strlen(text)}, {newline, 1}};
	ssize_t n = writev(j->fd, line, 2);

	if (n == (ssize_t)line[0].iov_len + 1) {
		j->size += n;
		return 0;
	}
	if (n >= 0)
		errno = ENOSPC;
	err_sys(e, "write %s", j->path);
	if (ftruncate(j->fd, j->size) < 0)
		return err_while(e, "and it cannot be cut back");
	return -e->code;
}

static int write_line(struct journal *j, struct entry *n, struct err *e)
{
	AUTO(free_drop) char *text = NULL;
	off_t before = j->size;
	int r;
	json_t *line = json_pack("[s]", undo_rows[n->kind].word);

	for (int i = 0; i < undo_rows[n->kind].args; i++)
		json_array_append_new(line, json_string(n->args[i]));
	if (json_array_size(line) == (size_t)undo_rows[n->kind].args + 1)
		text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	if (!text)
		return err_set(e, EILSEQ, "journal: %s is not valid UTF-8", n->args[0]);
	r = append_line(j, text, e);
	if (r == 0)
		n->length = j->size - before;
	return r;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_noted(const struct journal *j, enum undo_kind kind, const char *const *args)
{
	for (size_t i = 0; i < j->count; i++) {
		const struct entry *n = &j->entries[i];

		if (n->kind == kind && same_text(n->args[0], args[0]) && same_text(n->args[1], args[1]) &&
			same_text(n->args[2], args[2]))
			return true;
	}
	return false;
}

static int note(struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e)
{
	struct journal *j = (struct journal *)u;
	const char *args[UNDO_ARGS] = {a, b, c};
	int r;

	if (is_noted(j, kind, args))
		return 0;
	r = remember(j, kind, args, e);
	if (r < 0)
		return r;
	r = write_line(j, &j->entries[j->count - 1], e);
	if (r < 0)
		entry_clear(&j->entries[--j->count]);
	return r;
}

static void forget(struct undo *u)
{
	struct journal *j = (struct journal *)u;
	struct entry *last = j->entries + j->count - 1;

	if (ftruncate(j->fd, j->size - last->length) < 0)
		return;
	j->size -= last->length;
	entry_clear(last);
	j->count--;
}

static int find_kind(const char *word)
{
	for (int kind = 0; kind < UNDO_KINDS; kind++)
		if (word && strcmp(word, undo_rows[kind].word) == 0)
			return kind;
	return -1;
}

/* A last line without its newline was being written when the supervisor died: nothing was made for it yet. */
static int load_line(struct journal *j, const char *text, size_t length, struct err *e)
{
	json_t *line = json_loadb(text, length, 0, NULL);
	const char *args[UNDO_ARGS] = {NULL};
	int kind = find_kind(json_string_value(json_array_get(line, 0)));
	int r = -1;

	for (int i = 0; i < UNDO_ARGS; i++)
		args[i] = json_string_value(json_array_get(line, (size_t)i + 1));
	if (kind >= 0 && args[undo_rows[kind].args - 1])
		r = remember(j, (enum undo_kind)kind, args, e);
	else
		r = err_set(e, EPROTO, "%s has a line that is not ours: %.*s", j->path,
			(int)(length < 80 ? length : 80), text);
	if (r == 0)
		j->entries[j->count - 1].length = (off_t)length + 1;
	json_decref(line);
	return r;
}

static int load(struct journal *j, struct err *e)
{
	AUTO(free_drop) char *text = NULL;
	struct stat st;
	ssize_t n;
	char *at, *end;

	if (fstat(j->fd, &st) < 0)
		return err_sys(e, "read %s", j->path);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return err_set(e, ENOMEM, "journal: out of memory");
	n = pread(j->fd, text, (size_t)st.st_size, 0);
	if (n < 0)
		return err_sys(e, "read %s", j->path);
	j->size = n;
	for (at = text; (end = memchr(at, '\n', (size_t)(text + n - at))); at = end + 1) {
		int r = load_line(j, at, (size_t)(end - at), e);
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
static void forget_undone(struct journal *j)
{
	size_t to = 0;

	for (size_t i = 0; i < j->count; i++)
		if (j->entries[i].args[0])
			j->entries[to++] = j->entries[i];
	j->count = to;
}

/* Renamed into place, so that there is no moment in which a kill or a full disk loses what is still to be undone. */
static int rewrite(struct journal *j, struct err *e)
{
	AUTO(fd_drop) int fd = openat(j->dir, JOURNAL_NEW, OPEN_FLAGS | O_TRUNC, 0600);
	struct journal new = {.path = j->path, .fd = fd};
	int r = fd < 0 ? err_sys(e, "write %s anew", j->path) : 0;

	for (size_t i = 0; r == 0 && i < j->count; i++)
		r = write_line(&new, &j->entries[i], e);
	if (r == 0 && renameat(j->dir, JOURNAL_NEW, j->dir, FILE_NAME) < 0)
		r = err_sys(e, "write %s anew", j->path);
	if (r < 0) {
		unlinkat(j->dir, JOURNAL_NEW, 0);
		return r;
	}
	fd_drop(&j->fd);
	j->fd = fd_take(&fd);
	j->size = new.size;
	return 0;
}

void journal_restart(struct journal *j)
{
	struct err ignored; /* then the old lines stay, which is no worse than not having rewritten them */

	if (j->count > 0)
		rewrite(j, &ignored);
	else if (ftruncate(j->fd, 0) == 0)
		j->size = 0;
}

int journal_replay(struct journal *j, void (*each)(void *arg, const char *text), void *arg, struct err *e)
{
	int first = 0;

	for (size_t i = j->count; i-- > 0;) {
		struct entry *n = &j->entries[i];
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
	forget_undone(j);
	if (first)
		journal_restart(j);
	return first;
}

void journal_each(const struct journal *j, void (*each)(void *arg, const char *text), void *arg)
{
	for (size_t i = j->count; i-- > 0;)
		tell(&j->entries[i], each, arg);
}

/* ---- opening ---- */

int journal_open(int dir, const char *folder, struct journal **ret, struct err *e)
{
	AUTO(journal_drop) struct journal *j = calloc(1, sizeof *j);
	int r;

	if (!j || asprintf(&j->path, "%s/journal", folder) < 0)
		return err_set(e, ENOMEM, "journal: out of memory");
	j->undo.note = note;
	j->undo.forget = forget;
	j->dir = dir;
	j->fd = openat(dir, FILE_NAME, OPEN_FLAGS, 0600);
	if (j->fd < 0)
		return err_sys(e, "open %s", j->path);
	r = load(j, e);
	if (r < 0)
		return r;
	*ret = j;
	j = NULL;
	return 0;
}

struct undo *journal_undo(struct journal *j)
{
	return &j->undo;
}

size_t journal_count(const struct journal *j)
{
	return j->count;
}

void journal_drop(struct journal **journal)
{
	struct journal *j = *journal;

	if (!j)
		return;
	for (size_t i = 0; i < j->count; i++)
		entry_clear(&j->entries[i]);
	free(j->entries);
	free(j->path);
	fd_drop(&j->fd);
	free(j);
	*journal = NULL;
}
