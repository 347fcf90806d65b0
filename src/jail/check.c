/* Looks, reports, makes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/env.h"
#include "jail/filter.h"
#include "jail/path.h"
#include "jail/ready.h"
#include "sys/syscalls.h"

static const char section[] = "jail";

/* ---- the root ---- */

static bool check_root_path(const struct jail *j, struct faults *f)
{
	char normal[PATH_MAX];
	int r = path_normal(j->root, normal);

	if (r == 0)
		return true;
	faults_add(f, section, "root", "root %s: %s", j->root,
		r == -EINVAL  ? "not an absolute path"
		: r == -ELOOP ? "\"..\" is not allowed in it"
			      : "too long");
	return false;
}

/* Opens the root, and locks it if it is to be used; its descriptor stays -1 when it does not exist yet. False after a
 * fault. */
static bool check_root(const struct jail *j, bool use, struct tree *t, struct faults *f)
{
	struct err e;
	int r;

	if (!j->root) {
		t->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return true;
	}
	if (!check_root_path(j, f))
		return false;
	r = use ? tree_open(t, j->root, false, NULL, &e) : tree_look(t, j->root, &e);
	if (r == 0 || (r == -ENOENT && !j->plain_chroot))
		return true;
	faults_add(f, section, "root", "%s%s", e.text, r == -ENOENT ? " (a plain chroot makes nothing)" : "");
	return false;
}

/* What was asked for and could not be given must not pass in silence. */
static void check_mode(const struct jail *j, struct faults *f)
{
	enum jail_mode mode = jail_mode_of(j);
	const char *why =
		mode == MODE_OPEN ? "there is no jail without a root" : "a plain chroot has no walls but its root";
	const struct {
		const char *key;
		bool asked;
	} rows[] = {
		{"bind", j->bind_count > 0},
		{"tmpfs", j->tmpfs_count > 0},
		{"read_only", j->read_only},
		{"hostname", j->hostname != NULL},
		{"caps", j->caps != JAIL_CAPS_DEFAULT},
		{"filter", j->filter != FILTER_DEFAULT},
	};

	if (mode == MODE_OPEN && j->plain_chroot)
		faults_add(f, section, "root", "a plain chroot needs a root");
	for (size_t i = 0; mode != MODE_JAIL && i < sizeof rows / sizeof *rows; i++)
		if (rows[i].asked)
			faults_add(f, section, rows[i].key, "%s has no effect here: %s", rows[i].key, why);
}

static void check_kernel(const struct jail *j, struct faults *f)
{
	struct mount_attr none = {0};
	struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_IN_ROOT};
	AUTO(fd_drop) int fd = -1;

	if (jail_mode_of(j) != MODE_JAIL)
		return;
	if (mount_setattr(-1, "", AT_EMPTY_PATH, &none, sizeof none) < 0 && errno == ENOSYS)
		faults_add(f, section, "", "a jail needs Linux 5.12 (mount_setattr)");
	fd = sys_openat2(AT_FDCWD, "/", &how);
	if (fd < 0 && errno == ENOSYS)
		faults_add(
			f, section, "", "a jail needs openat2(), which this kernel lacks or somebody's filter forbids");
}

static void check_things(const struct tree *t, const struct plan *p, struct faults *f)
{
	struct err e;

	if (t->fd >= 0 && tree_check(t, p->things, p->thing_count, &e) < 0)
		faults_add(f, section, "root", "%s", e.text);
}

/* ---- the rest of the description ---- */

static void check_hostname(const struct jail *j, struct faults *f)
{
	size_t length = j->hostname ? strlen(j->hostname) : 1;

	if (length < 1 || length > HOST_NAME_MAX)
		faults_add(
			f, section, "hostname", "a host name has 1 to %d characters, not %zu", HOST_NAME_MAX, length);
}

static void check_limits(const struct jail *j, struct faults *f)
{
	uint64_t effective = 0, permitted;

	if (!j->rlimit_count)
		return;
	sys_capget(&effective, &permitted);
	for (size_t i = 0; i < j->rlimit_count; i++) {
		const struct jail_rlimit *l = &j->rlimits[i];
		struct rlimit now;

		if (getrlimit((enum __rlimit_resource)l->resource, &now) < 0 || l->hard <= now.rlim_max ||
			effective >> CAP_SYS_RESOURCE & 1)
			continue;
		faults_add(f, section, "limits",
			"%s: the hard limit is %llu and cannot be raised without CAP_SYS_RESOURCE",
			jail_rlimit_name(l->resource), (unsigned long long)now.rlim_max);
	}
}

/* Seen now, not after groups and directories have been made. */
static void check_rights(const struct jail *j, struct faults *f)
{
	uint64_t effective = 0, permitted;

	if (jail_mode_of(j) != MODE_JAIL)
		return;
	sys_capget(&effective, &permitted);
	if (!(effective >> CAP_SYS_ADMIN & 1))
		faults_add(f, section, "root",
			"a jail needs CAP_SYS_ADMIN, which this process lacks: run it as full root");
}

static void check_filter(const struct jail *j, struct faults *f)
{
	AUTO(free_drop) struct sock_filter *code = NULL;
	size_t count;
	struct err e;

	if (j->filter == FILTER_FILE && filter_read(j->filter_file, &code, &count, &e) < 0)
		faults_add(f, section, "filter", "%s", e.text);
}

/* With 1, whoever changes his user can be traced by that user: for a moment that is a child on our own memory. */
static bool change_makes_traceable(void)
{
	AUTO(fd_drop) int fd = open("/proc/sys/fs/suid_dumpable", O_RDONLY | O_CLOEXEC);
	char value = '0';

	return fd >= 0 && read(fd, &value, 1) == 1 && value == '1';
}

static void check_user(const struct jail *j, const struct view *v, struct faults *f)
{
	struct ids ids;
	struct err e;

	if (j->user && change_makes_traceable())
		faults_add(f, section, "user",
			"fs.suid_dumpable is 1, which is for debugging only: whoever changes his user could be traced "
			"before he has dropped his rights (sysctl fs.suid_dumpable=0)");
	if (jail_find_user(j, v, &ids, &e) < 0)
		faults_add(f, section, "user", "%s", e.text);
	else
		ids_drop(&ids);
}

static void check_workdir(const struct jail *j, const struct view *v, struct faults *f)
{
	char normal[PATH_MAX];
	struct view_at at;
	int r;

	if (!j->workdir)
		return;
	r = path_normal(j->workdir, normal);
	if (r < 0) {
		faults_add(f, section, "workdir", "workdir %s is not an absolute path without \"..\"", j->workdir);
		return;
	}
	if (path_below(normal, "proc")) {
		faults_add(
			f, section, "workdir", "workdir %s: refused, links in /proc lead out of the jail", j->workdir);
		return;
	}
	r = view_look(v, normal, &at);
	if (r == 0)
		fd_drop(&at.fd);
	if (r < 0 || at.state == VIEW_MISSING)
		faults_add(f, section, "workdir", "workdir %s%s: %s", j->workdir, j->root ? " in the jail" : "",
			strerrordesc_np(r < 0 ? -r : ENOENT));
	else if (at.state == VIEW_FOUND && !S_ISDIR(at.mode))
		faults_add(f, section, "workdir", "workdir %s%s is not a directory", j->workdir,
			j->root ? " in the jail" : "");
}

/* ---- the command ---- */

/* false: certainly not there. */
static bool may_exist(const struct view *v, const char *path)
{
	struct view_at at;
	int r = view_look(v, path, &at);

	if (r == -ENOENT || r == -ENOTDIR)
		return false;
	if (r < 0)
		return true;
	fd_drop(&at.fd);
	return at.state != VIEW_MISSING;
}

static bool may_be_found(const struct view *v, const char *name, const char *search)
{
	char path[PATH_MAX];

	for (const char *c = search; *c; c += *c == ':') {
		size_t length = strcspn(c, ":");

		if (length && (size_t)snprintf(path, sizeof path, "%.*s/%s", (int)length, c, name) < sizeof path &&
			may_exist(v, path))
			return true;
		c += length;
	}
	return false;
}

/* As env_build() will find it. */
static const char *search_path(const struct jail *j)
{
	const char *path = j->clear_env ? NULL : getenv("PATH");

	for (size_t i = 0; i < j->env_count; i++)
		if (strncmp(j->env[i], "PATH=", 5) == 0)
			path = j->env[i] + 5;
	return path ? path : ENV_PATH_DEFAULT;
}

static void check_command(const struct jail *j, const struct view *v, const char *name, struct faults *f)
{
	const char *where = j->root ? " in the jail" : "";
	const char *base = j->workdir ? j->workdir : "/";
	char path[PATH_MAX], here[PATH_MAX];

	if (!name || !*name) {
		faults_add(f, section, "cmnd", "the command is empty");
		return;
	}
	if (!strchr(name, '/')) {
		if (!may_be_found(v, name, search_path(j)))
			faults_add(f, section, "cmnd", "command not found%s: %s (searched %s)", where, name,
				search_path(j));
		return;
	}
	if (!j->root && !j->workdir)
		base = getcwd(here, sizeof here) ? here : "/";
	if ((size_t)snprintf(path, sizeof path, "%s/%s", *name == '/' ? "" : base, name) < sizeof path &&
		!may_exist(v, path))
		faults_add(f, section, "cmnd", "command not found%s: %s", where, name);
}

static void check_inside(const struct jail *j, char *const *argv, struct jail_look *look, struct faults *f)
{
	struct view v = {look->tree.fd, &look->plan, 0};
	size_t before = f->count;

	plan_build(&look->plan, j, look->tree.fd, f);
	v.mount_count = look->plan.mount_count;
	check_things(&look->tree, &look->plan, f);
	check_user(j, &v, f);
	check_workdir(j, &v, f);
	/* With a bind missing, a command that was to come from it would be a fault that is none. */
	if (f->count == before)
		check_command(j, &v, argv ? argv[0] : NULL, f);
}

void jail_look_drop(struct jail_look **look)
{
	if (!*look)
		return;
	tree_drop(&(*look)->tree);
	plan_drop(&(*look)->plan);
	free(*look);
	*look = NULL;
}

void jail_check(const struct jail *j, char *const *argv, struct faults *f, struct jail_look **ret)
{
	AUTO(jail_look_drop) struct jail_look *look = calloc(1, sizeof *look);
	size_t before = f->count;

	if (ret)
		*ret = NULL;
	if (!look) {
		faults_add(f, section, "", "out of memory");
		return;
	}
	look->tree = (struct tree)TREE_NONE;
	check_mode(j, f);
	check_kernel(j, f);
	check_hostname(j, f);
	check_rights(j, f);
	check_limits(j, f);
	check_filter(j, f);
	if (check_root(j, ret, &look->tree, f))
		check_inside(j, argv, look, f);
	if (ret && f->count == before) {
		*ret = look;
		look = NULL;
	}
}
