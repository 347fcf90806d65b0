/* Paths inside a root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/path.h"

static void a_path_is_brought_to_its_normal_form(void **state)
{
	static const struct {
		const char *text, *normal;
		int result;
	} rows[] = {
		{"/", "", 0},
		{"//", "", 0},
		{"/a//b/./c/", "a/b/c", 0},
		{"/.../x", ".../x", 0},
		{"/..x/.y", "..x/.y", 0},
		{"/a/..", NULL, -ELOOP},
		{"/../a", NULL, -ELOOP},
		{"a/b", NULL, -EINVAL},
		{"", NULL, -EINVAL},
	};
	char normal[PATH_MAX];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(path_normal(rows[i].text, normal), rows[i].result);
		if (rows[i].normal)
			assert_string_equal(normal, rows[i].normal);
	}
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
	char text[2 * PATH_MAX], normal[PATH_MAX];

	memset(text, 'x', sizeof text);
	text[0] = '/';
	text[PATH_MAX] = '\0';
	assert_int_equal(path_normal(text, normal), -ENAMETOOLONG);
	text[PATH_MAX - 1] = '\0';
	assert_int_equal(path_normal(text, normal), 0);
	assert_int_equal(strlen(normal), PATH_MAX - 2);
}

static void below_means_whole_components(void **state)
{
	assert_string_equal(path_below("usr/lib/x", "usr/lib"), "x");
	assert_string_equal(path_below("usr/lib", "usr/lib"), "");
	assert_string_equal(path_below("usr", ""), "usr");
	assert_null(path_below("usr/lib64", "usr/lib"));
	assert_null(path_below("usr", "usr/lib"));
}

static void the_last_component_is_split_off(void **state)
{
	char parent[PATH_MAX];

	assert_string_equal(path_split("a/b/c", parent), "c");
	assert_string_equal(parent, "a/b");
	assert_string_equal(path_split("a", parent), "a");
	assert_string_equal(parent, "");
}

/* A root with links that would lead out, and beside it what they lead to. */
struct world {
	char dir[64];
	int root;
};

static void make(const struct world *w, const char *name, const char *link)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	assert_int_equal(link ? symlink(link, path) : mkdir(path, 0755), 0);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char path[128];

	strcpy(w->dir, "/tmp/jail_path_XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	make(w, "outside", NULL);
	make(w, "root", NULL);
	make(w, "root/inside", NULL);
	make(w, "root/up", "../../../../../../outside");
	make(w, "root/absolute", "/inside");
	make(w, "root/dangling", "/nowhere");
	make(w, "root/self", "/self");
	make(w, "root/magic", "/proc/self/cwd");
	snprintf(path, sizeof path, "%s/root", w->dir);
	w->root = open(path, O_PATH | O_DIRECTORY);
	assert_true(w->root >= 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	close(w->root);
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static void links_are_followed_inside_the_root_only(void **state)
{
	struct world *w = *state;
	AUTO(fd_drop) int fd = path_open(w->root, "absolute", O_PATH | O_DIRECTORY);

	assert_true(fd >= 0);
	assert_int_equal(path_open(w->root, "up", O_PATH), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(path_open(w->root, "self", O_PATH), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(path_open(w->root, "magic", O_PATH), -1);
	assert_int_equal(errno, ENOENT); /* there is no /proc inside */
	assert_int_equal(path_open_exact(w->root, "absolute", O_PATH), -1);
	assert_int_equal(errno, ELOOP);
}

static void links_of_proc_are_never_followed(void **state)
{
	AUTO(fd_drop) int host = open("/", O_PATH | O_DIRECTORY);

	assert_int_equal(path_open(host, "proc/self/cwd", O_PATH), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(path_open(host, "proc/self/root/etc", O_PATH), -1);
	assert_int_equal(errno, ELOOP);
}

static void directories_are_made_with_their_parents(void **state)
{
	struct world *w = *state;
	struct err e;
	struct stat s;
	mode_t mask = umask(077);

	assert_int_equal(path_make_dir(w->root, "absolute/a/b", 01777, &e), 0);
	umask(mask);
	assert_int_equal(fstatat(w->root, "inside/a/b", &s, 0), 0);
	assert_int_equal(s.st_mode & 07777, 01777);
	assert_int_equal(fstatat(w->root, "inside/a", &s, 0), 0);
	assert_int_equal(s.st_mode & 07777, 0755);
	assert_int_equal(path_make_dir(w->root, "absolute/a/b", 0700, &e), 0);
	assert_int_equal(path_make_file(w->root, "inside/c/file", &e), 0);
	assert_int_equal(fstatat(w->root, "inside/c/file", &s, 0), 0);
	assert_true(S_ISREG(s.st_mode));
}

static void nothing_is_made_through_a_link_that_leads_nowhere(void **state)
{
	struct world *w = *state;
	struct err e;
	char path[128];

	assert_int_equal(path_make_dir(w->root, "dangling/x", 0755, &e), -ENOENT);
	assert_string_equal(e.text, "open /dangling in the jail: No such file or directory");
	assert_int_equal(path_make_dir(w->root, "up/x", 0755, &e), -ENOENT);
	snprintf(path, sizeof path, "%s/outside/x", w->dir);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_brought_to_its_normal_form),
		cmocka_unit_test(a_path_that_does_not_fit_is_refused),
		cmocka_unit_test(below_means_whole_components),
		cmocka_unit_test(the_last_component_is_split_off),
		cmocka_unit_test_setup_teardown(links_are_followed_inside_the_root_only, set_up, tear_down),
		cmocka_unit_test(links_of_proc_are_never_followed),
		cmocka_unit_test_setup_teardown(directories_are_made_with_their_parents, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_made_through_a_link_that_leads_nowhere, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
