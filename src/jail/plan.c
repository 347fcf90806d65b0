#include "jail/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/path.h"

/* jailing's rules, one row each. */
static const struct {
	const char *path;
	mode_t mode;
} directories[] = {
	{"etc", 0755},
	{"run", 0755},
	{"usr", 0755},
	{"var", 0755},
	{"var/log", 0755},
	{"tmp", 01777},
	{"run/lock", 01777},
	{"var/tmp", 01777},
};

static const char *const copies[] = {"etc/group", "etc/passwd", "etc/resolv.conf", "etc/hosts"};

/* Bound read-only as far as the host has them. Not usr/local: what a jail gets of that is its owner's choice. */
static const char *const system_directories[] = {
	"bin",
	"etc/alternatives",
	"etc/pki/tls/certs",
	"etc/pki/ca-trust",
	"etc/ssl/certs",
	"lib",
	"lib64",
	"sbin",
	"usr/bin",
	"usr/include",
	"usr/lib",
	"usr/lib64",
	"usr/libexec",
	"usr/sbin",
	"usr/share",
	"usr/src",
};

/* Of a read-only root: what programs expect to be able to write to. */
static const char *const scratch[] = {"run", "tmp", "var/tmp"};

enum { SECTION_ROOM = 16 };

static const char section[] = "jail";

/* Memory exhausted while planning: as with faults, there is no sensible way on. */
static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void *grow(void *list, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return list;
	*room = *room ? *room * 2 : 2 * SECTION_ROOM;
	return need(realloc(list, *room * size));
}

static bool is_planned(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->thing_count; i++)
		if (strcmp(p->things[i].path, path) == 0)
			return true;
	return false;
}

static void add_thing(struct plan *p, enum thing_kind kind, const char *path, const char *source, mode_t mode)
{
	char parent[PATH_MAX];

	if (is_planned(p, path))
		return;
	path_split(path, parent);
	if (*parent)
		add_thing(p, THING_DIR, parent, NULL, 0755);
	p->things = grow(p->things, p->thing_count, &p->thing_room, sizeof *p->things);
	p->things[p->thing_count++] =
		(struct thing){kind, need(strdup(path)), source ? need(strdup(source)) : NULL, mode};
}

/* It was seen in the root, without a symbolic link on the way: so what it lies in is there, too. */
static void mark_there(struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->thing_count; i++)
		if (path_below(path, p->things[i].path))
			p->things[i].there = true;
}

static struct mount_row *add_mount(struct plan *p, enum mount_kind kind, const char *path, const char *source)
{
	struct mount_row *m;

	p->mounts = grow(p->mounts, p->mount_count, &p->mount_room, sizeof *p->mounts);
	m = &p->mounts[p->mount_count++];
	*m = (struct mount_row){
		.kind = kind, .path = need(strdup(path)), .source = source ? need(strdup(source)) : NULL};
	return m;
}

void plan_drop(struct plan *p)
{
	for (size_t i = 0; i < p->thing_count; i++) {
		free(p->things[i].path);
		free(p->things[i].source);
	}
	for (size_t i = 0; i < p->mount_count; i++) {
		free(p->mounts[i].path);
		free(p->mounts[i].source);
	}
	free(p->things);
	free(p->mounts);
	*p = (struct plan){0};
}

/* Where a system directory comes to lie: mostly just there, unless the root has symbolic links of its own on the way.
 * false: the root has a file, or a link to nowhere, in its place. *seen: the directory is in the root. */
static bool system_place(const struct plan *p, int root, const char *path, char ret[PATH_MAX], bool *seen)
{
	struct view v = {root, p, p->mount_count};
	struct view_at at;
	AUTO(fd_drop) int fd = root < 0 ? -1 : path_open_exact(root, path, O_PATH | O_DIRECTORY);

	*seen = fd >= 0;
	snprintf(ret, PATH_MAX, "%s", path);
	if (fd >= 0 || root < 0 || errno == ENOENT)
		return true;
	if (view_look(&v, path, &at) < 0)
		return false;
	fd_drop(&at.fd);
	strcpy(ret, at.path);
	return at.state == VIEW_MISSING || (at.state == VIEW_FOUND && S_ISDIR(at.mode));
}

/* The host's own symbolic link (bin -> usr/bin), unless the root has something else there already. */
static bool add_system_link(struct plan *p, int root, const char *path, const char *source)
{
	char text[PATH_MAX];
	ssize_t n = readlink(source, text, sizeof text - 1);
	AUTO(fd_drop) int there = root < 0 ? -1 : path_open(root, path, O_PATH | O_NOFOLLOW);
	struct stat s;

	if (n < 0)
		return false;
	if (there >= 0 && fstat(there, &s) == 0 && S_ISDIR(s.st_mode))
		return false;
	text[n] = '\0';
	add_thing(p, THING_LINK, path, text, 0777);
	if (there >= 0)
		mark_there(p, path);
	return true;
}

static void add_system_directory(struct plan *p, int root, const char *path)
{
	char source[PATH_MAX], place[PATH_MAX];
	struct stat s;
	struct mount_row *m;
	bool seen;

	snprintf(source, sizeof source, "/%s", path);
	if (lstat(source, &s) < 0 || (S_ISLNK(s.st_mode) && add_system_link(p, root, path, source)))
		return;
	if ((S_ISLNK(s.st_mode) && stat(source, &s) < 0) || !S_ISDIR(s.st_mode) ||
		!system_place(p, root, path, place, &seen))
		return;
	add_thing(p, THING_DIR, place, NULL, 0755);
	if (seen)
		mark_there(p, place);
	m = add_mount(p, MOUNT_BIND, place, source);
	m->read_only = m->directory = true;
}

static void add_copies(struct plan *p)
{
	char source[PATH_MAX];
	struct stat s;

	for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
		snprintf(source, sizeof source, "/%s", copies[i]);
		if (stat(source, &s) == 0 && S_ISREG(s.st_mode))
			add_thing(p, THING_COPY, copies[i], source, 0644);
	}
}

/* A symbolic link there would, in a tool that follows it, lead the mount to a place that the root's owner chose. */
static void add_special(struct plan *p, int root, enum mount_kind kind, const char *path, struct faults *f)
{
	AUTO(fd_drop) int there = root < 0 ? -1 : path_open(root, path, O_PATH | O_NOFOLLOW);
	struct stat s;

	if (there >= 0 && fstat(there, &s) == 0 && !S_ISDIR(s.st_mode))
		faults_add(f, section, "root", "/%s in the root is %s: refused, a directory must be there or nothing",
			path, S_ISLNK(s.st_mode) ? "a symbolic link" : "not a directory");
	add_thing(p, THING_DIR, path, NULL, 0755);
	if (there >= 0)
		mark_there(p, path);
	add_mount(p, kind, path, NULL);
}

static void add_scratch(struct plan *p)
{
	for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++)
		add_mount(p, MOUNT_TMPFS, scratch[i], NULL);
}

/* ---- what the user asked for ---- */

struct wish {
	const char *key; /* "bind", "ro_bind", "tmpfs" */
	const char *source, *target;
	uint64_t bytes;
	bool read_only, directory;
	char path[PATH_MAX]; /* the target's normal form */
	size_t depth;
};

static bool check_source(struct wish *w, struct faults *f)
{
	struct stat s;

	if (*w->source != '/') {
		faults_add(f, section, w->key, "source %s is not an absolute path", w->source);
		return false;
	}
	if (stat(w->source, &s) < 0) {
		faults_add(f, section, w->key, "source %s: %s", w->source, strerrordesc_np(errno));
		return false;
	}
	if (S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode)) {
		faults_add(f, section, w->key,
			"source %s is a device: binds are made without devices, so it could not be opened", w->source);
		return false;
	}
	w->directory = S_ISDIR(s.st_mode);
	return true;
}

static bool check_target(struct wish *w, const struct jail *j, struct faults *f)
{
	int r = path_normal(w->target, w->path);
	bool dev = j->dev && strcmp(w->path, "dev") == 0;

	if (r < 0)
		faults_add(f, section, w->key, "target %s: %s", w->target,
			r == -EINVAL  ? "not an absolute path"
			: r == -ELOOP ? "\"..\" is not allowed in it"
				      : "too long");
	else if (!*w->path)
		faults_add(f, section, w->key, "target %s is the root of the jail itself", w->target);
	else if (dev || (j->proc && path_below(w->path, "proc")))
		faults_add(f, section, w->key, "target %s: the jail makes its own %s (switch it off with %s false)",
			w->target, dev ? "/dev" : "/proc", dev ? "dev" : "proc");
	else
		return true;
	return false;
}

/* Nothing of that name is there yet: who makes it? */
static bool place_missing(
	struct plan *p, struct wish *w, const struct view_at *at, struct mount_row *m, struct faults *f)
{
	if (!at->mount) {
		add_thing(p, w->directory ? THING_DIR : THING_FILE, at->path, NULL, 0755);
		return true;
	}
	if (at->mount->kind == MOUNT_BIND) {
		faults_add(f, section, w->key,
			"target /%s does not exist in %s, which is bound from the host; nothing is made there",
			at->path, at->mount->source);
		return false;
	}
	m->make = true;
	return true;
}

static bool place_found(struct plan *p, struct wish *w, const struct view_at *at, struct mount_row *m, struct faults *f)
{
	if (S_ISDIR(at->mode) != w->directory) {
		faults_add(f, section, w->key, "target /%s is %s directory, and %s is %s", at->path,
			w->directory ? "not a" : "a", w->source ? w->source : "a tmpfs", w->directory ? "one" : "not");
		return false;
	}
	if (at->mount) {
		m->make = at->mount->kind != MOUNT_BIND;
		return true;
	}
	/* What the plan makes is seen, too: a copy of the host's file even has a descriptor. */
	if (at->fd >= 0 && !is_planned(p, at->path)) {
		add_thing(p, w->directory ? THING_DIR : THING_FILE, at->path, NULL, 0755);
		mark_there(p, at->path);
	} else {
		add_thing(p, w->directory ? THING_DIR : THING_FILE, at->path, NULL, 0755);
	}
	return true;
}

static void add_wish(struct plan *p, int root, struct wish *w, struct faults *f)
{
	struct view v = {root, p, p->mount_count};
	struct mount_row m = {.kind = w->source ? MOUNT_BIND : MOUNT_TMPFS,
		.bytes = w->bytes,
		.read_only = w->read_only,
		.directory = w->directory};
	struct view_at at;
	int r = view_look(&v, w->path, &at);
	bool placed;

	if (r < 0) {
		faults_add(f, section, w->key, "target /%s in the root: %s", w->path, strerrordesc_np(-r));
		return;
	}
	if (at.state == VIEW_UNKNOWN) {
		placed = at.mount->kind == MOUNT_DEV;
		m.make = true;
		snprintf(at.path, sizeof at.path, "%s", w->path);
		if (!placed)
			faults_add(f, section, w->key, "target /%s lies in the jail's own /proc", w->path);
	} else {
		placed = at.state == VIEW_FOUND ? place_found(p, w, &at, &m, f) : place_missing(p, w, &at, &m, f);
	}
	fd_drop(&at.fd);
	if (!placed)
		return;
	m.path = need(strdup(at.path));
	m.source = w->source ? need(strdup(w->source)) : NULL;
	p->mounts = grow(p->mounts, p->mount_count, &p->mount_room, sizeof *p->mounts);
	p->mounts[p->mount_count++] = m;
}

static size_t depth(const char *path)
{
	size_t n = 1;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int by_depth(const void *a, const void *b)
{
	const struct wish *x = *(const struct wish *const *)a, *y = *(const struct wish *const *)b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return x < y ? -1 : 1; /* qsort() is not stable; they lie in the order in which they were given */
}

/* Checks a wish and tells whether it can be placed. */
static bool accept(
	struct wish *w, const struct wish *const *others, size_t count, const struct jail *j, struct faults *f)
{
	w->directory = true; /* a tmpfs is one; check_source() knows better */
	if ((w->source && !check_source(w, f)) || !check_target(w, j, f))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(others[i]->path, w->path) == 0) {
			faults_add(f, section, w->key, "target /%s is given twice", w->path);
			return false;
		}
	w->depth = depth(w->path);
	return true;
}

/* tmpfs, then binds, in the order given; but what holds another's target comes first. */
static void add_wishes(struct plan *p, const struct jail *j, int root, struct faults *f)
{
	size_t total = j->tmpfs_count + j->bind_count, count = 0;
	AUTO(free_drop) struct wish *wishes = total ? need(calloc(total, sizeof *wishes)) : NULL;
	AUTO(free_drop) struct wish **order = total ? need(calloc(total, sizeof(struct wish *))) : NULL;

	for (size_t i = 0; i < total; i++) {
		struct wish *w = &wishes[i];

		if (i < j->tmpfs_count) {
			*w = (struct wish){.key = "tmpfs", .target = j->tmpfs[i].target, .bytes = j->tmpfs[i].bytes};
		} else {
			const struct jail_bind *b = &j->binds[i - j->tmpfs_count];

			*w = (struct wish){.key = b->read_only ? "ro_bind" : "bind",
				.source = b->source,
				.target = b->target,
				.read_only = b->read_only};
		}
		if (accept(w, (const struct wish *const *)order, count, j, f))
			order[count++] = w;
	}
	if (count)
		qsort(order, count, sizeof *order, by_depth);
	for (size_t i = 0; i < count; i++)
		add_wish(p, root, order[i], f);
}

void plan_build(struct plan *p, const struct jail *j, int root, struct faults *f)
{
	*p = (struct plan){0};
	if (!j->root || j->plain_chroot)
		return;
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		add_thing(p, THING_DIR, directories[i].path, NULL, directories[i].mode);
	add_thing(p, THING_LINK, "var/lock", "../run/lock", 0777);
	for (size_t i = 0; i < sizeof system_directories / sizeof *system_directories; i++)
		add_system_directory(p, root, system_directories[i]);
	add_copies(p);
	if (j->dev)
		add_special(p, root, MOUNT_DEV, "dev", f);
	if (j->proc)
		add_special(p, root, MOUNT_PROC, "proc", f);
	if (j->read_only)
		add_scratch(p);
	add_wishes(p, j, root, f);
}
