/* Faults found before anything is made, and the view that they are found in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/jail.h"
#include "jail/plan.h"

struct world {
	char dir[64], root[96], source[96], file[96];
	struct jail j;
	struct jail_bind binds[8];
	struct jail_tmpfs tmpfs[4];
};

static void make(const struct world *w, const char *name, const char *link)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", w->root, name);
	assert_int_equal(link ? symlink(link, path) : mkdir(path, 0755), 0);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	strcpy(w->dir, "/tmp/jail_check_XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->root, sizeof w->root, "%s/root", w->dir);
	snprintf(w->source, sizeof w->source, "%s/source", w->dir);
	snprintf(w->file, sizeof w->file, "%s/source/tool", w->dir);
	assert_int_equal(mkdir(w->root, 0755), 0);
	assert_int_equal(mkdir(w->source, 0755), 0);
	close(open(w->file, O_WRONLY | O_CREAT, 0755));
	jail_defaults(&w->j);
	w->j.root = w->root;
	w->j.binds = w->binds;
	w->j.tmpfs = w->tmpfs;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static void bind(struct world *w, const char *source, const char *target)
{
	w->binds[w->j.bind_count++] = (struct jail_bind){(char *)source, (char *)target, false};
}

/* The only fault there is; "" for none. */
static const char *fault(struct world *w, const char *command, const char *key)
{
	static char text[320];
	struct faults f = FAULTS_NONE;

	*text = '\0';
	jail_check(&w->j, (char *const[]){(char *)command, NULL}, &f, NULL);
	if (f.count > 1)
		fail_msg("%zu faults: %s; %s", f.count, f.list[0].text, f.list[1].text);
	if (f.count == 1) {
		strcpy(text, f.list[0].text);
		assert_string_equal(f.list[0].section, "jail");
		assert_string_equal(f.list[0].key, key);
	}
	faults_drop(&f);
	return text;
}

static void a_plain_jail_has_no_faults(void **state)
{
	struct world *w = *state;

	assert_string_equal(fault(w, "/bin/sh", ""), "");
	assert_string_equal(fault(w, "sh", ""), "");
	w->j.root = "/tmp/jail_check_that_does_not_exist/x/y"; /* it would be made */
	assert_string_equal(fault(w, "/bin/sh", ""), "");
	w->j.root = NULL;
	assert_string_equal(fault(w, "/bin/sh", ""), "");
}

static void roots_that_make_no_sense(void **state)
{
	struct world *w = *state;

	w->j.root = "relative";
	assert_string_equal(fault(w, "/bin/sh", "root"), "root relative: not an absolute path");
	w->j.root = "/tmp/../etc";
	assert_string_equal(fault(w, "/bin/sh", "root"), "root /tmp/../etc: \"..\" is not allowed in it");
	w->j.root = "/etc/passwd";
	assert_string_equal(fault(w, "/bin/sh", "root"), "root /etc/passwd: Not a directory");
	w->j.root = "/nowhere";
	w->j.plain_chroot = true;
	assert_string_equal(fault(w, "/bin/sh", "root"), "root /nowhere does not exist (a plain chroot makes nothing)");
}

static void links_in_the_place_of_dev_and_proc(void **state)
{
	struct world *w = *state;

	make(w, "dev", "/etc");
	assert_string_equal(fault(w, "/bin/sh", "root"),
		"/dev in the root is a symbolic link: refused, a directory must be there or nothing");
	w->j.dev = false;
	assert_string_equal(fault(w, "/bin/sh", ""), "");
	make(w, "proc", "etc");
	assert_string_equal(fault(w, "/bin/sh", "root"),
		"/proc in the root is a symbolic link: refused, a directory must be there or nothing");
}

static void targets_under_the_host_s_directories_must_exist(void **state)
{
	struct world *w = *state;

	bind(w, w->source, "/usr/bin/nothing-of-this-name");
	assert_string_equal(fault(w, "/bin/sh", "bind"),
		"target /usr/bin/nothing-of-this-name does not exist in /usr/bin, which "
		"is bound from the host; nothing is made there");
	w->j.bind_count = 0;
	bind(w, w->source, "/usr/share/misc");
	assert_string_equal(fault(w, "/bin/sh", ""), "");
}

static void a_link_into_the_host_s_directories_is_seen_through(void **state)
{
	struct world *w = *state;

	make(w, "opt", "/usr/bin");
	bind(w, w->source, "/opt/nothing-of-this-name");
	assert_string_equal(fault(w, "/bin/sh", "bind"),
		"target /usr/bin/nothing-of-this-name does not exist in /usr/bin, which "
		"is bound from the host; nothing is made there");
}

static void binds_that_make_no_sense(void **state)
{
	static const struct {
		const char *source, *target, *text;
	} rows[] = {
		{"/nowhere", "/x", "source /nowhere: No such file or directory"},
		{"etc", "/x", "source etc is not an absolute path"},
		{"/dev/null", "/x",
			"source /dev/null is a device: binds are made without devices, so it could not be opened"},
		{"/etc", "x", "target x: not an absolute path"},
		{"/etc", "/", "target / is the root of the jail itself"},
		{"/etc", "/a/../b", "target /a/../b: \"..\" is not allowed in it"},
		{"/etc", "/dev", "target /dev: the jail makes its own /dev (switch it off with dev false)"},
		{"/etc", "/proc/sys", "target /proc/sys: the jail makes its own /proc (switch it off with proc false)"},
		{"/etc/passwd", "/usr", "target /usr is a directory, and /etc/passwd is not"},
		{"/etc", "/etc/passwd", "target /etc/passwd is not a directory, and /etc is one"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		w->j.bind_count = 0;
		bind(w, rows[i].source, rows[i].target);
		assert_string_equal(fault(w, "/bin/sh", "bind"), rows[i].text);
	}
	w->j.bind_count = 0;
	bind(w, "/etc", "/x");
	bind(w, "/usr", "//x/");
	assert_string_equal(fault(w, "/bin/sh", "bind"), "target /x is given twice");
}

static void commands_are_looked_for_where_they_will_be(void **state)
{
	struct world *w = *state;

	assert_string_equal(fault(w, "/tools/tool", "cmnd"), "command not found in the jail: /tools/tool");
	bind(w, w->source, "/tools");
	assert_string_equal(fault(w, "/tools/tool", ""), "");
	assert_string_equal(fault(w, "/tools/other", "cmnd"), "command not found in the jail: /tools/other");
	make(w, "t", "tools");
	assert_string_equal(fault(w, "/t/tool", ""), "");
	w->tmpfs[w->j.tmpfs_count++] = (struct jail_tmpfs){"/usr/bin", 0}; /* hides the host's */
	assert_string_equal(fault(w, "/bin/sh", "cmnd"), "command not found in the jail: /bin/sh");
	assert_string_equal(fault(w, "", "cmnd"), "the command is empty");
}

static void commands_are_searched_in_the_jail_s_path(void **state)
{
	char *env[] = {"PATH=/a::/tools"};
	struct world *w = *state;

	bind(w, w->source, "/tools");
	w->j.env = env;
	w->j.env_count = 1;
	assert_string_equal(fault(w, "tool", ""), "");
	assert_string_equal(fault(w, "sh", "cmnd"), "command not found in the jail: sh (searched /a::/tools)");
	assert_string_equal(fault(w, "./tool", "cmnd"), "command not found in the jail: ./tool");
	w->j.workdir = "/tools";
	assert_string_equal(fault(w, "./tool", ""), "");
}

static void workdirs_that_make_no_sense(void **state)
{
	struct world *w = *state;

	w->j.workdir = "/proc/self/fd/3";
	assert_string_equal(fault(w, "/bin/sh", "workdir"),
		"workdir /proc/self/fd/3: refused, links in /proc lead out of the jail");
	w->j.workdir = "/x";
	assert_string_equal(fault(w, "/bin/sh", "workdir"), "workdir /x in the jail: No such file or directory");
	w->j.workdir = "/etc/passwd";
	assert_string_equal(fault(w, "/bin/sh", "workdir"), "workdir /etc/passwd in the jail is not a directory");
	w->j.workdir = "tmp";
	assert_string_equal(fault(w, "/bin/sh", "workdir"), "workdir tmp is not an absolute path without \"..\"");
	w->j.workdir = "/usr/bin";
	assert_string_equal(fault(w, "/bin/sh", ""), "");
}

static void walls_that_would_not_stand_are_faults(void **state)
{
	struct world *w = *state;

	w->j.root = NULL;
	bind(w, "/etc", "/x");
	assert_string_equal(fault(w, "/bin/sh", "bind"), "bind has no effect here: there is no jail without a root");
	w->j.bind_count = 0;
	w->j.caps = 0;
	assert_string_equal(fault(w, "/bin/sh", "caps"), "caps has no effect here: there is no jail without a root");
	w->j.root = w->root;
	assert_string_equal(fault(w, "/bin/sh", ""), "");
	make(w, "x", NULL);
	w->j.plain_chroot = true;
	assert_string_equal(
		fault(w, "/x", "caps"), "caps has no effect here: a plain chroot has no walls but its root");
}

static void users_are_those_of_the_jail(void **state)
{
	char path[128];
	struct world *w = *state;
	FILE *f;

	w->j.user = "root";
	assert_string_equal(fault(w, "/bin/sh", ""), ""); /* the host's file, which will be copied */
	make(w, "etc", NULL);
	snprintf(path, sizeof path, "%s/etc/passwd", w->root);
	f = fopen(path, "w");
	fprintf(f, "me:x:5:5::/:/bin/sh\n");
	fclose(f);
	assert_string_equal(fault(w, "/bin/sh", "user"), "the jail's /etc/passwd has no user root");
	w->j.user = "me";
	assert_string_equal(fault(w, "/bin/sh", ""), "");
	w->tmpfs[w->j.tmpfs_count++] = (struct jail_tmpfs){"/etc", 0};
	assert_string_equal(fault(w, "/bin/sh", "user"), "the jail's /etc/passwd has no user me");
}

static void nothing_is_made(void **state)
{
	struct world *w = *state;
	char command[160];

	bind(w, w->source, "/deep/er/target");
	w->j.read_only = true;
	assert_string_equal(fault(w, "/bin/sh", ""), "");
	snprintf(command, sizeof command, "test -z \"$(ls -A %s)\"", w->root);
	assert_int_equal(system(command), 0);
}

/* ---- the view ---- */

static void see(const struct view *v, const char *path, int result, enum view_state state, const char *where)
{
	struct view_at at;
	int r = view_look(v, path, &at);

	if (r != result || (r == 0 && (at.state != state || strcmp(at.path, where) != 0)))
		fail_msg("%s: %d, state %d, %s", path, r, (int)at.state, at.path);
	if (r == 0)
		fd_drop(&at.fd);
}

static void the_view_follows_links_as_the_child_will(void **state)
{
	struct world *w = *state;
	AUTO(fd_drop) int root = open(w->root, O_PATH | O_DIRECTORY);
	struct faults f = FAULTS_NONE;
	struct plan p;
	struct view v = {.plan = &p};
	char shell[PATH_MAX];

	make(w, "a", NULL);
	make(w, "a/up", "../../../../a");
	make(w, "loop", "loop");
	make(w, "out", "/tools/tool");
	make(w, "gone", "a/missing/x");
	bind(w, w->source, "/tools");
	plan_build(&p, &w->j, root, &f);
	assert_int_equal(f.count, 0);
	v.root = root;
	v.mount_count = p.mount_count;
	see(&v, "", 0, VIEW_FOUND, "");
	see(&v, "/a/./up/../a", 0, VIEW_FOUND, "a");
	see(&v, "/loop", -ELOOP, VIEW_FOUND, "");
	see(&v, "/out", 0, VIEW_FOUND, "tools/tool");
	see(&v, "/out/x", -ENOTDIR, VIEW_FOUND, "");
	see(&v, "/gone", 0, VIEW_MISSING, "a/missing/x");
	see(&v, "/gone/../..", -ENOENT, VIEW_FOUND, "");
	see(&v, "/bin/sh", 0, VIEW_FOUND, realpath("/bin/sh", shell) + 1);
	see(&v, "/var/lock", 0, VIEW_FOUND, "run/lock");
	see(&v, "/etc/passwd", 0, VIEW_FOUND, "etc/passwd");
	see(&v, "/dev/null", 0, VIEW_UNKNOWN, "dev/null");
	plan_drop(&p);
	faults_drop(&f);
}

static void mounts_come_after_what_holds_them(void **state)
{
	static const char *const order[] = {"x", "a/b", "x/y", "a/b/c/d"};
	struct world *w = *state;
	struct faults f = FAULTS_NONE;
	struct plan p;
	size_t first;

	bind(w, w->source, "/a/b/c/d");
	bind(w, w->source, "/a/b");
	bind(w, w->source, "/x/y");
	w->tmpfs[w->j.tmpfs_count++] = (struct jail_tmpfs){"/x", 0};
	plan_build(&p, &w->j, -1, &f);
	/* /a/b is a bind without "c/d" in it. */
	assert_int_equal(f.count, 1);
	faults_drop(&f);
	first = p.mount_count - 3;
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(p.mounts[first + i].path, order[i]);
	assert_true(p.mounts[p.mount_count - 1].make);
	plan_drop(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plain_jail_has_no_faults),
		TEST(roots_that_make_no_sense),
		TEST(links_in_the_place_of_dev_and_proc),
		TEST(targets_under_the_host_s_directories_must_exist),
		TEST(a_link_into_the_host_s_directories_is_seen_through),
		TEST(binds_that_make_no_sense),
		TEST(commands_are_looked_for_where_they_will_be),
		TEST(commands_are_searched_in_the_jail_s_path),
		TEST(workdirs_that_make_no_sense),
		TEST(walls_that_would_not_stand_are_faults),
		TEST(users_are_those_of_the_jail),
		TEST(nothing_is_made),
		TEST(the_view_follows_links_as_the_child_will),
		TEST(mounts_come_after_what_holds_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
