#include "jail/tree.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/own.h"
#include "jail/path.h"

#define LIST "trusted.virtualing."     /* of a root: what was made in it */
#define MARK "trusted.virtualing-made" /* of a directory on the way to a root: we made it */
#define ANY_CONTENT "*"		       /* in place of "SIZE MTIME_NS" in an undo */
#define PASSING ".virtualing-%d" /* behind the name of a file until it is complete: our pid, for others make it too */

enum { DETAIL_MAX = 64, LIST_MAX = 4096, NAMES_MAX = XATTR_LIST_MAX, OPEN_ATTEMPTS = 16 };

/* "SIZE MTIME_NS": how UNDO_FILE knows that nobody wrote to a file since. */
static void describe(const struct stat *s, char ret[DETAIL_MAX])
{
	snprintf(ret, DETAIL_MAX, "%jd %jd", (intmax_t)s->st_size,
		(intmax_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec);
}

/* The host's own root, in which the parents of a jail's root are made, is "" in messages and "/" in the journal. */
static int note(const struct tree *t, enum undo_kind kind, const char *path, const char *detail, struct err *e)
{
	return undo_note(t->undo, kind, *t->root ? t->root : "/", path, detail, e);
}

/* ---- the lists ---- */

/* Pairs of strings, path and detail ("" for what is no file), each with its NUL. */
struct list {
	char text[LIST_MAX];
	size_t used;
};

/* What does not fit is known to its maker alone. */
static void list_add(struct list *l, const char *path, const char *detail)
{
	size_t a = strlen(path) + 1, b = strlen(detail) + 1;

	if (l->used + a + b > sizeof l->text)
		return;
	memcpy(l->text + l->used, path, a);
	memcpy(l->text + l->used + a, detail, b);
	l->used += a + b;
}

/* Takes the last entry off; false: there is none, or what is left is no list. */
static bool list_pop(struct list *l, const char **path, const char **detail)
{
	const char *end, *c;

	if (l->used < 2 || l->text[l->used - 1])
		return false;
	end = l->text + l->used - 1;
	c = memrchr(l->text, '\0', (size_t)(end - l->text));
	if (!c)
		return false;
	*detail = c + 1;
	end = c;
	c = memrchr(l->text, '\0', (size_t)(end - l->text));
	*path = c ? c + 1 : l->text;
	l->used = (size_t)(*path - l->text);
	return true;
}

static void list_store(const struct list *l, int root)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	char name[sizeof LIST + 16];

	for (size_t i = 0; i < l->used; i++)
		hash = (hash ^ (unsigned char)l->text[i]) * UINT64_C(1099511628211);
	snprintf(name, sizeof name, LIST "%016" PRIx64, hash);
	fsetxattr(root, name, l->text, l->used, 0);
}

/* The names of the attributes, each with its NUL. Returns their length. */
static size_t list_names(int root, char ret[NAMES_MAX])
{
	ssize_t n = flistxattr(root, ret, NAMES_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static bool is_list(const char *name)
{
	return strncmp(name, LIST, sizeof LIST - 1) == 0;
}

/* ---- making ---- */

/* name inside `up`, a directory. 0 also when somebody else was faster. */
typedef int make_fn(const struct tree *t, const struct thing *what, int up, const char *name, struct err *e);

static int make_dir(const struct tree *t, const struct thing *what, int up, const char *name, struct err *e)
{
	if (note(t, UNDO_DIR, what->path, NULL, e) < 0)
		return -e->code;
	if (mkdirat(up, name, what->mode) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s/%s", t->root, what->path);
	return 0;
}

static int make_link(const struct tree *t, const struct thing *what, int up, const char *name, struct err *e)
{
	if (note(t, UNDO_LINK, what->path, NULL, e) < 0)
		return -e->code;
	if (symlinkat(what->source, up, name) < 0 && errno != EEXIST)
		return err_sys(e, "make symbolic link %s/%s", t->root, what->path);
	return 0;
}

static int copy_bytes(int from, int to)
{
	char buffer[16384];
	ssize_t n;

	while ((n = read(from, buffer, sizeof buffer)) != 0) {
		if (n < 0)
			return -1;
		for (ssize_t done = 0; done < n;) {
			ssize_t written = write(to, buffer + done, (size_t)(n - done));

			if (written < 0)
				return -1;
			done += written;
		}
	}
	return 0;
}

/* Contents first, then owner (which clears mode bits), mode and, last, time. */
static int copy_file(int from, int to)
{
	struct stat s;

	if (fstat(from, &s) < 0)
		return -1;
	if (!S_ISREG(s.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	if (copy_bytes(from, to) < 0 || fchown(to, s.st_uid, s.st_gid) < 0 || fchmod(to, s.st_mode & 07777) < 0)
		return -1;
	return futimens(to, (struct timespec[]){s.st_atim, s.st_mtim});
}

/* A file without a name, so that a crash leaves none.  Where the file system has no such thing (EOPNOTSUPP, or EISDIR
 * on old ones), one with a passing name, whose undo takes it away whatever it holds by then. */
static int open_new(
	const struct tree *t, const struct thing *what, int up, const char *name, char *passing, struct err *e)
{
	int fd = openat(up, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[PATH_MAX];

	*passing = '\0';
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd < 0 ? err_sys(e, "make file %s/%s", t->root, what->path) : fd;
	if ((size_t)snprintf(passing, NAME_MAX + 1, "%s" PASSING, name, (int)getpid()) > NAME_MAX ||
		(size_t)snprintf(path, sizeof path, "%s" PASSING, what->path, (int)getpid()) >= sizeof path)
		return err_set(e, ENAMETOOLONG, "make file %s/%s: the name is too long", t->root, what->path);
	if (note(t, UNDO_FILE, path, ANY_CONTENT, e) < 0)
		return -e->code;
	fd = openat(up, passing, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(e, "make file %s/%s", t->root, path) : fd;
}

static int give_name(int fd, int up, const char *passing, const char *name)
{
	char link[64];

	if (*passing)
		return renameat2(up, passing, up, name, RENAME_NOREPLACE);
	if (linkat(fd, "", up, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	/* Without CAP_DAC_READ_SEARCH the kernel answers ENOENT; this way needs /proc instead. */
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, link, up, name, AT_SYMLINK_FOLLOW);
}

/* The same time for every empty file, so that it is known before it is made. */
static int empty_file(int fd)
{
	return fchmod(fd, 0644) < 0 ? -1 : futimens(fd, (struct timespec[]){{0, 0}, {0, 0}});
}

/* Fills the new file, notes its undo and gives it its name; somebody else may have been first. */
static int complete(const struct tree *t, const struct thing *what, int from, int to, int up, const char *passing,
	const char *name, struct err *e)
{
	struct stat s;
	char detail[DETAIL_MAX];

	if (from >= 0 ? copy_file(from, to) : empty_file(to))
		return err_sys(e, "write %s/%s", t->root, what->path);
	/* Read back: a file system may store time more coarsely than it was given. */
	if (fstat(to, &s) < 0)
		return err_sys(e, "look at %s/%s", t->root, what->path);
	describe(&s, detail);
	if (note(t, UNDO_FILE, what->path, detail, e) < 0)
		return -e->code;
	if (give_name(to, up, passing, name) < 0 && errno != EEXIST)
		return err_sys(e, "make file %s/%s", t->root, what->path);
	return 0;
}

static int make_file(const struct tree *t, const struct thing *what, int up, const char *name, struct err *e)
{
	AUTO(fd_drop) int from = -1;
	AUTO(fd_drop) int to = -1;
	char passing[NAME_MAX + 1];
	int r;

	if (what->kind == THING_COPY) {
		from = open(what->source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (from < 0)
			return err_sys(e, "copy %s into the root", what->source);
	}
	to = open_new(t, what, up, name, passing, e);
	if (to < 0)
		return to;
	r = complete(t, what, from, to, up, passing, name, e);
	if (*passing)
		unlinkat(up, passing, 0); /* still there when it did not get its name */
	return r;
}

static make_fn *const makers[] = {
	[THING_DIR] = make_dir, [THING_LINK] = make_link, [THING_COPY] = make_file, [THING_FILE] = make_file};
static_assert(sizeof makers / sizeof *makers == THING_KINDS, "one maker for each kind");

/* A directory is held while several things in it are looked at or made. */
struct place {
	int up; /* owned; -1: not there (yet) */
	char parent[PATH_MAX];
};

static void place_drop(struct place *p)
{
	fd_drop(&p->up);
}

/* Returns the thing's name in p->up. */
static const char *go_to(const struct tree *t, const char *path, struct place *p)
{
	char parent[PATH_MAX];
	const char *name = path_split(path, parent);

	if (p->up >= 0 && strcmp(parent, p->parent) == 0)
		return name;
	fd_drop(&p->up);
	strcpy(p->parent, parent);
	p->up = path_open(t->fd, parent, O_RDONLY | O_DIRECTORY);
	return name;
}

/* 1: there is something of that name (in *ret); 0: nothing. */
static int look(const struct tree *t, const struct thing *what, struct place *p, struct stat *ret, struct err *e)
{
	const char *name = go_to(t, what->path, p);

	if (p->up < 0 || fstatat(p->up, name, ret, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at %s/%s", t->root, what->path);
	if (what->kind == THING_DIR && !S_ISDIR(ret->st_mode) && !S_ISLNK(ret->st_mode))
		return err_set(
			e, ENOTDIR, "%s/%s is not a directory, and the jail needs one there", t->root, what->path);
	return 1;
}

/* A thing is missing, and so is its place.  If a name stands there nevertheless, it is a link that leads nowhere. */
static int check_place(const struct tree *t, const char *parent, struct err *e)
{
	AUTO(fd_drop) int link = path_open(t->fd, parent, O_PATH | O_NOFOLLOW);
	struct stat s;

	/* It may also have been made a moment ago, by another start in this root. */
	if (link < 0 || fstat(link, &s) < 0 || !S_ISLNK(s.st_mode))
		return 0;
	return err_set(e, ENOENT, "%s/%s is a symbolic link to nowhere inside the root", t->root, parent);
}

int tree_check(const struct tree *t, struct thing *list, size_t count, struct err *e)
{
	AUTO(place_drop) struct place p = {.up = -1};
	struct stat s;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < count; i++) {
		if (list[i].there)
			continue;
		r = look(t, &list[i], &p, &s, e);
		list[i].there = r > 0;
		if (r == 0 && p.up < 0)
			r = check_place(t, p.parent, e);
	}
	return r < 0 ? r : 0;
}

/* What the list says of a thing that is to be made. */
static void foresee(struct list *l, const struct thing *what)
{
	char detail[DETAIL_MAX] = "";
	struct stat s = {0};

	if (what->kind == THING_FILE || (what->kind == THING_COPY && stat(what->source, &s) == 0))
		describe(&s, detail);
	list_add(l, what->path, detail);
}

/* The first one missing, or count. The list gets all that are. */
static int find_missing(
	const struct tree *t, const struct thing *list, size_t count, struct list *l, size_t *ret, struct err *e)
{
	AUTO(place_drop) struct place p = {.up = -1};
	struct stat s;

	*ret = count;
	for (size_t i = 0; i < count; i++) {
		int r = list[i].there ? 1 : look(t, &list[i], &p, &s, e);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		foresee(l, &list[i]);
		if (*ret == count)
			*ret = i;
	}
	return 0;
}

static const char *last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int make_missing(const struct tree *t, const struct thing *list, size_t count, struct err *e)
{
	AUTO(place_drop) struct place p = {.up = -1};
	struct stat s;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		int there = list[i].there ? 1 : look(t, &list[i], &p, &s, e);

		if (there == 0 && p.up < 0)
			r = check_place(t, p.parent, e);
		if (r == 0 && there == 0)
			r = p.up < 0 ? err_set(e, ENOENT, "%s/%s vanished", t->root, p.parent)
				     : makers[list[i].kind](t, &list[i], p.up, last(list[i].path), e);
		else if (there < 0)
			r = there;
	}
	return r;
}

/* The list before the things: whoever finds a thing of ours also finds the list that has it. */
int tree_make(const struct tree *t, const struct thing *list, size_t count, struct err *e)
{
	struct list missing = {.used = 0};
	size_t first;
	mode_t mask;
	int r = find_missing(t, list, count, &missing, &first, e);

	if (r == 0)
		r = note(t, UNDO_DIR, "", NULL, e);
	if (r < 0 || first == count)
		return r;
	if (t->undo)
		list_store(&missing, t->fd);
	mask = umask(0);
	r = make_missing(t, list + first, count - first, e);
	umask(mask);
	return r;
}

/* ---- the root ---- */

static int make_level(const struct tree *host, const char *path, mode_t mode, struct err *e)
{
	char parent[PATH_MAX];
	const char *name = path_split(path, parent);
	AUTO(fd_drop) int there = path_open(host->fd, path, O_RDONLY | O_DIRECTORY);
	AUTO(fd_drop) int up = -1;

	if (there >= 0)
		return host->undo && fgetxattr(there, MARK, NULL, 0) >= 0 ? note(host, UNDO_DIR, path, NULL, e) : 0;
	if (errno != ENOENT)
		return err_sys(e, "open /%s", path);
	up = path_open(host->fd, parent, O_RDONLY | O_DIRECTORY);
	if (up < 0)
		return err_sys(e, "open /%s", parent);
	if (note(host, UNDO_DIR, path, NULL, e) < 0)
		return -e->code;
	if (mkdirat(up, name, mode) < 0 && errno != EEXIST)
		return err_sys(e, "make directory /%s", path);
	there = path_open(host->fd, path, O_RDONLY | O_DIRECTORY);
	if (there >= 0 && host->undo)
		fsetxattr(there, MARK, "", 0, 0);
	return there < 0 ? err_sys(e, "open /%s", path) : 0;
}

static int make_root(const char *root, struct undo *u, struct err *e)
{
	AUTO(fd_drop) int host = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tree t = {host, "", u, LOCK_NONE};
	char path[PATH_MAX], prefix[PATH_MAX];
	int r = path_normal(root, path);

	if (host < 0)
		return err_sys(e, "open /");
	if (r < 0)
		return err_set(e, -r, "root %s: %s", root, strerrordesc_np(-r));
	for (size_t end = 1; *path && r == 0; end++) {
		if (path[end] != '/' && path[end] != '\0')
			continue;
		memcpy(prefix, path, end);
		prefix[end] = '\0';
		/* What leads to the root is closed to others: a set-user-id file that the jail's root user leaves in it
		 * is one on the host, too. */
		r = make_level(&t, prefix, path[end] ? 0700 : 0755, e);
		if (path[end] == '\0')
			break;
	}
	return r;
}

int tree_adopt(const struct tree *t, struct err *e)
{
	return fgetxattr(t->fd, MARK, NULL, 0) < 0 ? 0 : make_root(t->root, t->undo, e);
}

/* 1: there is one; 0: it vanished while we waited. */
static int open_root(struct tree *t, bool lock, struct err *e)
{
	struct stat s;
	int r;

	t->fd = open(t->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "root %s", t->root);
	r = lock ? lock_share(LOCK_FOLDER, t->fd, &t->lock, e) : 0;
	if (r < 0)
		return err_while(e, "root %s", t->root);
	if (fstat(t->fd, &s) < 0)
		return err_sys(e, "look at root %s", t->root);
	return s.st_nlink > 0;
}

static int open_tree_at(struct tree *t, bool make, bool lock, struct err *e)
{
	for (int i = 0; i < OPEN_ATTEMPTS; i++) {
		int r = make ? make_root(t->root, t->undo, e) : 0;

		if (r < 0 && r != -ENOENT) /* ENOENT: a parent was just removed by another's undo */
			return r;
		r = open_root(t, lock, e);
		if (r > 0)
			return 0;
		tree_drop(t);
		if (r < 0)
			return r;
		if (!make)
			break;
	}
	return err_set(e, ENOENT, "root %s does not exist", t->root);
}

int tree_open(struct tree *t, const char *root, bool make, struct undo *u, struct err *e)
{
	*t = (struct tree){-1, root, u, LOCK_NONE};
	return open_tree_at(t, make, true, e);
}

int tree_look(struct tree *t, const char *root, struct err *e)
{
	*t = (struct tree){-1, root, NULL, LOCK_NONE};
	return open_tree_at(t, false, false, e);
}

/* The lock first: its name is the directory's, which may be another's once nobody has it open. */
void tree_drop(struct tree *t)
{
	lock_drop(&t->lock);
	fd_drop(&t->fd);
}

/* ---- undoing ---- */

static bool is_same(int up, const char *name, mode_t type, const char *detail)
{
	struct stat s;
	char now[DETAIL_MAX];

	if (fstatat(up, name, &s, AT_SYMLINK_NOFOLLOW) < 0 || (s.st_mode & S_IFMT) != type)
		return false;
	describe(&s, now);
	return !detail || strcmp(detail, ANY_CONTENT) == 0 || strcmp(now, detail) == 0;
}

/* Not empty, gone, or a mount point of the host by now: it stays, and that is no error. */
static int remove_dir(int up, const char *name, const char *path, struct err *e)
{
	if (unlinkat(up, name, AT_REMOVEDIR) == 0)
		return 0;
	return errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT || errno == ENOTDIR || errno == EBUSY
		       ? 0
		       : err_sys(e, "remove %s", path);
}

static int remove_file(
	enum undo_kind kind, int up, const char *name, const char *path, const char *detail, struct err *e)
{
	if (!is_same(up, name, kind == UNDO_LINK ? S_IFLNK : S_IFREG, kind == UNDO_FILE ? detail : NULL))
		return 0;
	return unlinkat(up, name, 0) < 0 && errno != ENOENT ? err_sys(e, "remove %s", path) : 0;
}

/* true: something went. */
static bool sweep_entry(int root, const char *path, const char *detail)
{
	char parent[PATH_MAX];
	const char *name = path_split(path, parent);
	AUTO(fd_drop) int up = *path == '/' ? -1 : path_open(root, parent, O_RDONLY | O_DIRECTORY);
	struct stat s;
	mode_t type;

	if (up < 0 || fstatat(up, name, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	type = s.st_mode & S_IFMT;
	if (type == S_IFDIR)
		return unlinkat(up, name, AT_REMOVEDIR) == 0;
	if (type != (*detail ? S_IFREG : S_IFLNK) || !is_same(up, name, type, *detail ? detail : NULL))
		return false;
	return unlinkat(up, name, 0) == 0;
}

static bool sweep_list(int root, const char *attribute)
{
	struct list l;
	const char *path, *detail;
	ssize_t n = fgetxattr(root, attribute, l.text, sizeof l.text);
	bool removed = false;

	l.used = n > 0 ? (size_t)n : 0;
	while (list_pop(&l, &path, &detail))
		removed |= sweep_entry(root, path, detail);
	return removed;
}

/* All that any start has listed, now that nobody stands in the root; then the lists.  Again as long as something goes:
 * one list may hold the directory in which another's things lie. */
static void sweep(int root)
{
	char names[NAMES_MAX];
	size_t length = list_names(root, names);
	bool removed = length > 0;

	while (removed) {
		removed = false;
		for (size_t at = 0; at < length; at += strlen(names + at) + 1)
			if (is_list(names + at))
				removed |= sweep_list(root, names + at);
	}
	for (size_t at = 0; at < length; at += strlen(names + at) + 1)
		if (is_list(names + at))
			fremovexattr(root, names + at);
}

/* A directory of the host's that is not in a root but may be one, and then its own lock counts. */
static int undo_outside(int up, const char *name, const char *path, struct err *e)
{
	AUTO(fd_drop) int fd = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO(lock_drop) struct lock lock = LOCK_NONE;
	int r = fd < 0 ? -EWOULDBLOCK : lock_alone(LOCK_FOLDER, fd, LOCK_WAIT_MS, &lock, e);

	if (r < 0)
		return r == -EWOULDBLOCK ? 0 : r;
	return remove_dir(up, name, path, e);
}

int tree_undo(enum undo_kind kind, const char *root, const char *path, const char *detail, struct err *e)
{
	bool outside = strcmp(root, "/") == 0;
	AUTO(fd_drop) int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(lock_drop) struct lock lock = LOCK_NONE;
	AUTO(fd_drop) int up = -1;
	char parent[PATH_MAX], whole[PATH_MAX];
	const char *name = path_split(path, parent);
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "open root %s", root);
	r = outside ? 0 : lock_alone(LOCK_FOLDER, fd, LOCK_WAIT_MS, &lock, e);
	if (r < 0)
		return r == -EWOULDBLOCK ? 0 : err_while(e, "root %s", root); /* a virtual stands in there */
	if (!*path) {
		sweep(fd);
		return 0;
	}
	up = path_open(fd, parent, O_RDONLY | O_DIRECTORY);
	if (up < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0
									     : err_sys(e, "open %s/%s", root, parent);
	snprintf(whole, sizeof whole, "%s/%s", root, path);
	if (kind != UNDO_DIR)
		return remove_file(kind, up, name, whole, detail, e);
	return outside ? undo_outside(up, name, whole, e) : remove_dir(up, name, whole, e);
}
