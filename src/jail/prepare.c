/* The supervisor's side: resolves everything, and makes what the root lacks. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/caps.h"
#include "jail/env.h"
#include "jail/filter.h"
#include "jail/path.h"
#include "jail/ready.h"

enum { NAMES_MAX = 4 << 20 }; /* bytes of a passwd or group file */

enum jail_mode jail_mode_of(const struct jail *j)
{
	return !j->root ? MODE_OPEN : j->plain_chroot ? MODE_CHROOT : MODE_JAIL;
}

/* ---- users ---- */

static int read_whole(int fd, const char *label, char **ret, struct err *e)
{
	AUTO(free_drop) char *text = NULL;
	struct stat s;
	size_t used = 0;
	ssize_t n = 1;

	if (fd < 0 || fstat(fd, &s) < 0)
		return err_sys(e, "open %s", label);
	if (!S_ISREG(s.st_mode) || s.st_size > NAMES_MAX)
		return err_set(e, EINVAL, "%s is not a file of at most %d bytes", label, NAMES_MAX);
	text = calloc(1, (size_t)s.st_size + 1);
	if (!text)
		return err_set(e, ENOMEM, "read %s", label);
	while (used < (size_t)s.st_size && (n = read(fd, text + used, (size_t)s.st_size - used)) > 0)
		used += (size_t)n;
	if (n < 0)
		return err_sys(e, "read %s", label);
	*ret = text;
	text = NULL;
	return 0;
}

/* The file that the child will see at that place; the host's where a chroot has none; "" where there is none at all. */
static int read_names(const struct view *v, const char *path, bool hosts, char **ret, struct err *e)
{
	char again[64], host[64];
	struct view_at at;
	int r = view_look(v, path, &at);
	AUTO(fd_drop) int found = r < 0 ? -1 : at.fd;
	AUTO(fd_drop) int fd = -1;

	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return err_set(e, -r, "/%s in the jail: %s", path, strerrordesc_np(-r));
	snprintf(host, sizeof host, "/%s", path);
	snprintf(again, sizeof again, "/proc/self/fd/%d", found);
	if (found < 0 && (!hosts || access(host, F_OK) < 0)) {
		*ret = strdup("");
		return *ret ? 0 : err_set(e, ENOMEM, "read %s", host);
	}
	/* found is O_PATH and thus never a device that opening would start; it is proven a file before it is opened. */
	if (found >= 0 && !S_ISREG(at.mode))
		return err_set(e, EINVAL, "%s in the jail is not a file", host);
	fd = open(found < 0 ? host : again, O_RDONLY | O_CLOEXEC);
	return read_whole(fd, host, ret, e);
}

int jail_find_user(const struct jail *j, const struct view *v, struct ids *ret, struct err *e)
{
	AUTO(free_drop) char *passwd = NULL;
	AUTO(free_drop) char *group = NULL;
	bool hosts = jail_mode_of(j) == MODE_CHROOT;
	int r;

	*ret = (struct ids){0};
	if (!j->user)
		return 0;
	r = read_names(v, "etc/passwd", hosts, &passwd, e);
	if (r == 0)
		r = read_names(v, "etc/group", hosts, &group, e);
	return r < 0 ? r : ids_find(j->user, passwd, group, ret, e);
}

/* ---- the parts ---- */

static uint64_t clone_flags(const struct jail *j)
{
	static const struct {
		unsigned share;
		uint64_t flag;
	} rows[] = {
		{SHARE_PID, CLONE_NEWPID},
		{SHARE_IPC, CLONE_NEWIPC},
		{SHARE_UTS, CLONE_NEWUTS},
		{SHARE_NET, CLONE_NEWNET},
	};
	uint64_t flags = CLONE_NEWNS;

	if (jail_mode_of(j) != MODE_JAIL)
		return 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!(j->share & rows[i].share))
			flags |= rows[i].flag;
	return flags;
}

static int take_text(char **ret, const char *text, struct err *e)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? err_set(e, ENOMEM, "prepare the jail") : 0;
}

static int take_lists(struct jail_ready *r, const struct jail *j, char *const *argv, char *const *caller, struct err *e)
{
	size_t argc = 0;

	while (argv[argc])
		argc++;
	r->words = calloc(argc + 2, sizeof *r->words);
	r->env = env_build(j, &r->ids, caller);
	r->rlimits = j->rlimit_count ? calloc(j->rlimit_count, sizeof *r->rlimits) : NULL;
	if (!r->words || !r->env || (j->rlimit_count && !r->rlimits))
		return err_set(e, ENOMEM, "prepare the jail");
	memcpy(r->words + 1, argv, argc * sizeof *r->words);
	r->path = env_value(r->env, "PATH");
	r->rlimit_count = j->rlimit_count;
	if (j->rlimit_count)
		memcpy(r->rlimits, j->rlimits, j->rlimit_count * sizeof *r->rlimits);
	return 0;
}

static int take_filter(struct jail_ready *r, const struct jail *j, struct err *e)
{
	int failed = 0;

	if (r->mode != MODE_JAIL)
		return 0;
	switch (j->filter) {
	case FILTER_DEFAULT:
		r->filter = filter_standard(&r->filter_count);
		break;
	case FILTER_FILE:
		failed = filter_read(j->filter_file, &r->own_filter, &r->filter_count, e);
		r->filter = r->own_filter;
		break;
	case FILTER_NONE:
		break;
	}
	return failed;
}

/* ---- the file system ---- */

static int first_fault(const struct faults *f, struct err *e)
{
	return f->count ? err_set(e, EINVAL, "%s%s%s", f->list[0].key, *f->list[0].key ? ": " : "", f->list[0].text)
			: 0;
}

/* What was looked at is used as it is: its lock keeps others from taking away what was there. */
static void take_look(struct jail_ready *r, struct jail_look **look, struct undo *u)
{
	if (!*look || (*look)->tree.fd < 0)
		return;
	r->tree = (*look)->tree;
	r->tree.root = r->root;
	r->tree.undo = r->mode == MODE_JAIL ? u : NULL;
	r->plan = (*look)->plan;
	(*look)->tree = (struct tree)TREE_NONE;
	(*look)->plan = (struct plan){0};
}

static int open_root(struct jail_ready *r, struct undo *u, struct err *e)
{
	struct stat s;
	int failed = 0;

	if (r->tree.fd < 0 && r->mode == MODE_OPEN) {
		r->tree.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return r->tree.fd < 0 ? err_sys(e, "open /") : 0;
	}
	if (r->tree.fd < 0)
		failed = tree_open(&r->tree, r->root, r->mode == MODE_JAIL, r->mode == MODE_JAIL ? u : NULL, e);
	else if (r->mode == MODE_JAIL)
		failed = tree_adopt(&r->tree, e);
	if (failed)
		return failed;
	if (fstat(r->tree.fd, &s) < 0)
		return err_sys(e, "look at %s", r->root);
	r->root_device = s.st_dev;
	r->root_inode = s.st_ino;
	return 0;
}

static int plan(struct jail_ready *r, const struct jail *j, struct err *e)
{
	struct faults f = FAULTS_NONE;
	int failed;

	plan_build(&r->plan, j, r->tree.fd, &f);
	failed = first_fault(&f, e);
	faults_drop(&f);
	return failed;
}

static int take_words(struct jail_ready *r, const struct jail *j, const char *name, struct err *e)
{
	int failed = take_text(&r->root, j->root, e);

	if (failed == 0)
		failed = take_text(&r->hostname, j->hostname ? j->hostname : name, e);
	return failed == 0 ? take_text(&r->workdir, j->workdir, e) : failed;
}

static bool wants_ambient(const struct jail_ready *r, const struct jail *j)
{
	return r->ids.given && r->ids.uid != 0 && j->caps != JAIL_CAPS_DEFAULT;
}

static int fill(struct jail_ready *r, const struct jail *j, struct jail_look **look, const char *name,
	char *const *argv, char *const *caller, struct undo *u, struct err *e)
{
	struct view v = {.plan = &r->plan};
	int failed = take_words(r, j, name, e);

	if (failed == 0)
		failed = take_filter(r, j, e);
	if (failed == 0) {
		take_look(r, look, u);
		failed = open_root(r, u, e);
	}
	if (failed == 0 && !r->plan.mounts)
		failed = plan(r, j, e);
	v.root = r->tree.fd;
	v.mount_count = r->plan.mount_count;
	if (failed == 0)
		failed = jail_find_user(j, &v, &r->ids, e);
	if (failed == 0)
		failed = take_lists(r, j, argv, caller, e);
	r->ambient = wants_ambient(r, j);
	if (failed < 0 || r->mode != MODE_JAIL)
		return failed;
	return tree_make(&r->tree, r->plan.things, r->plan.thing_count, e);
}

int jail_prepare(const struct jail *j, struct jail_look *look, const char *name, char *const *argv, char *const *caller,
	struct undo *u, struct jail_ready **ret, struct err *e)
{
	struct jail_ready *r = calloc(1, sizeof *r);
	int failed;

	if (!r) {
		jail_look_drop(&look);
		return err_set(e, ENOMEM, "prepare the jail");
	}
	*r = (struct jail_ready){.mode = jail_mode_of(j),
		.clone_flags = clone_flags(j),
		.read_only = j->read_only,
		.caps = j->caps,
		.join = -1,
		.tree = TREE_NONE};
	r->init = j->init && (r->clone_flags & CLONE_NEWPID);
	r->last_cap = r->mode == MODE_JAIL ? caps_last() : 0;
	failed = fill(r, j, &look, name, argv, caller, u, e);
	jail_look_drop(&look);
	if (failed < 0) {
		jail_ready_drop(&r);
		return err_while(e, "jail");
	}
	*ret = r;
	return 0;
}

/* ---- for one more command ---- */

/* Each of them once, the description's in the place of the others. */
static int take_rlimits(
	struct jail_ready *r, const struct jail *j, const struct jail_rlimit *more, size_t count, struct err *e)
{
	struct jail_rlimit *list = calloc(count + j->rlimit_count + 1, sizeof *list);
	size_t used = 0;

	if (!list)
		return err_set(e, ENOMEM, "prepare the jail");
	for (size_t i = 0; i < count; i++)
		if (!jail_limits(r, more[i].resource))
			list[used++] = more[i];
	if (j->rlimit_count)
		memcpy(list + used, j->rlimits, j->rlimit_count * sizeof *list);
	free(r->rlimits);
	r->rlimits = list;
	r->rlimit_count = used + j->rlimit_count;
	return 0;
}

static int fill_to_join(struct jail_ready *r, const struct jail *j, const struct jail_rlimit *rlimits,
	size_t rlimit_count, char *const *argv, char *const *caller, struct err *e)
{
	int failed = take_words(r, j, "", e);

	if (failed == 0)
		failed = take_filter(r, j, e);
	if (failed == 0)
		failed = take_lists(r, j, argv, caller, e);
	if (failed == 0)
		failed = take_rlimits(r, j, rlimits, rlimit_count, e);
	if (failed < 0 || r->mode != MODE_CHROOT)
		return failed;
	r->tree.fd = open(r->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r->tree.fd < 0 ? err_sys(e, "open %s", r->root) : 0;
}

int jail_prepare_to_join(const struct jail *j, int inside, const struct ids *ids, const struct jail_rlimit *rlimits,
	size_t rlimit_count, char *const *argv, char *const *caller, struct jail_ready **ret, struct err *e)
{
	struct jail_ready *r = calloc(1, sizeof *r);

	if (!r)
		return err_set(e, ENOMEM, "prepare the jail");
	*r = (struct jail_ready){
		.mode = jail_mode_of(j), .clone_flags = clone_flags(j), .caps = j->caps, .join = -1, .tree = TREE_NONE};
	if (r->mode == MODE_JAIL) {
		r->join = inside;
		r->last_cap = caps_last();
	}
	r->init = r->clone_flags & CLONE_NEWPID;
	if (ids_copy(ids, &r->ids, e) < 0 || fill_to_join(r, j, rlimits, rlimit_count, argv, caller, e) < 0) {
		jail_ready_drop(&r);
		return err_while(e, "jail");
	}
	r->ambient = wants_ambient(r, j);
	*ret = r;
	return 0;
}

void jail_ready_drop(struct jail_ready **ready)
{
	struct jail_ready *r = *ready;

	if (!r)
		return;
	tree_drop(&r->tree);
	plan_drop(&r->plan);
	ids_drop(&r->ids);
	free(r->root);
	free(r->hostname);
	free(r->workdir);
	free(r->env);
	free(r->words);
	free(r->rlimits);
	free(r->own_filter);
	free(r);
	*ready = NULL;
}

const struct ids *jail_ids(const struct jail_ready *r)
{
	return &r->ids;
}

uint64_t jail_clone_flags(const struct jail_ready *r)
{
	return r->join < 0 ? r->clone_flags : 0;
}

bool jail_wants_init(const struct jail_ready *r)
{
	return r->init;
}

bool jail_limits(const struct jail_ready *r, int resource)
{
	for (size_t i = 0; i < r->rlimit_count; i++)
		if (r->rlimits[i].resource == resource)
			return true;
	return false;
}

int jail_undo(enum undo_kind kind, const char *root, const char *path, const char *detail, struct err *e)
{
	if (kind != UNDO_DIR && kind != UNDO_LINK && kind != UNDO_FILE)
		return err_set(e, EINVAL, "undo of kind %d is not the jail's", (int)kind);
	return tree_undo(kind, root, path, detail, e);
}
