/* What is made under a root, and that all of it goes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "jail/jail.h"
#include "jail/tree.h"

/* An undo list in memory. */
struct memory {
	struct undo undo;
	struct {
		enum undo_kind kind;
		char *a, *b, *c;
	} line[200];
	size_t count;
	bool full; /* refuses the next one */
};

static int note(struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e)
{
	struct memory *m = (struct memory *)u;

	if (m->full)
		return err_set(e, ENOSPC, "journal");
	m->line[m->count].kind = kind;
	m->line[m->count].a = strdup(a);
	m->line[m->count].b = strdup(b);
	m->line[m->count].c = c ? strdup(c) : NULL;
	m->count++;
	return 0;
}

static void replay(struct memory *m)
{
	struct err e;

	while (m->count > 0) {
		size_t i = --m->count;

		assert_int_equal(jail_undo(m->line[i].kind, m->line[i].a, m->line[i].b, m->line[i].c, &e), 0);
		free(m->line[i].a);
		free(m->line[i].b);
		free(m->line[i].c);
	}
}

struct world {
	struct memory one, two;
	char dir[64], root[96], source[96];
};

static char *in(const struct world *w, const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, 256, "%s/%s", w->root, name);
	return p;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->one.undo.note = w->two.undo.note = note;
	strcpy(w->dir, "/tmp/jail_tree_XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->root, sizeof w->root, "%s/a/root", w->dir);
	snprintf(w->source, sizeof w->source, "%s/source", w->dir);
	put(w->source, "original");
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

static void make_all(struct world *w, struct memory *m, struct tree *t, const struct thing *things, size_t count)
{
	struct err e = {0};

	if (tree_open(t, w->root, true, &m->undo, &e) < 0 || tree_make(t, things, count, &e) < 0)
		fail_msg("%s", e.text);
}

static bool there(const char *path)
{
	struct stat s;

	return lstat(path, &s) == 0;
}

#define THINGS(w)                                            \
	struct thing things[] = {                            \
		{THING_DIR, "etc", NULL, 0755},              \
		{THING_DIR, "tmp", NULL, 01777},             \
		{THING_LINK, "bin", "usr/bin", 0777},        \
		{THING_COPY, "etc/copy", (w)->source, 0644}, \
		{THING_FILE, "etc/empty", NULL, 0644},       \
	};                                                   \
	const size_t count = sizeof things / sizeof *things

static void what_is_made_goes_again(void **state)
{
	struct world *w = *state;
	struct tree t;
	struct stat s, from;
	char text[128];
	mode_t mask = umask(077);
	THINGS(w);

	make_all(w, &w->one, &t, things, count);
	umask(mask);
	assert_int_equal(stat(in(w, "tmp"), &s), 0);
	assert_int_equal(s.st_mode & 07777, 01777);
	assert_int_equal(readlink(in(w, "bin"), text, sizeof text), 7);
	assert_int_equal(stat(w->source, &from), 0);
	assert_int_equal(stat(in(w, "etc/copy"), &s), 0);
	assert_int_equal(s.st_size, 8);
	assert_int_equal(s.st_mode, from.st_mode);
	assert_memory_equal(&s.st_mtim, &from.st_mtim, sizeof s.st_mtim);
	assert_int_equal(stat(in(w, "etc/empty"), &s), 0);
	assert_int_equal(s.st_size, 0);
	tree_drop(&t);
	replay(&w->one);
	snprintf(text, sizeof text, "%s/a", w->dir);
	assert_false(there(text));
}

static void what_was_there_is_left_alone(void **state)
{
	struct world *w = *state;
	struct tree t;
	struct stat s;
	THINGS(w);

	snprintf(w->root, sizeof w->root, "%s", w->dir);
	assert_int_equal(mkdir(in(w, "tmp"), 0700), 0);
	assert_int_equal(mkdir(in(w, "bin"), 0700), 0);
	assert_int_equal(mkdir(in(w, "etc"), 0700), 0);
	put(in(w, "etc/copy"), "mine");
	make_all(w, &w->one, &t, things, count);
	assert_int_equal(stat(in(w, "tmp"), &s), 0);
	assert_int_equal(s.st_mode & 07777, 0700);
	tree_drop(&t);
	replay(&w->one);
	assert_true(there(in(w, "tmp")) && there(in(w, "bin")) && there(in(w, "etc/copy")));
	assert_false(there(in(w, "etc/empty")));
	assert_int_equal(stat(in(w, "etc/copy"), &s), 0);
	assert_int_equal(s.st_size, 4);
}

static void what_the_program_wrote_stays(void **state)
{
	struct world *w = *state;
	struct tree t;
	THINGS(w);

	make_all(w, &w->one, &t, things, count);
	put(in(w, "etc/copy"), "changed!"); /* of the same length */
	put(in(w, "tmp/new"), "x");
	assert_int_equal(unlink(in(w, "bin")), 0);
	put(in(w, "bin"), "no link any more");
	tree_drop(&t);
	replay(&w->one);
	assert_true(there(in(w, "etc/copy")) && there(in(w, "tmp/new")) && there(in(w, "bin")));
	assert_false(there(in(w, "etc/empty")));

	/* ... also after the next run, which did not make it. */
	make_all(w, &w->one, &t, things, count);
	tree_drop(&t);
	replay(&w->one);
	assert_true(there(in(w, "etc/copy")) && there(in(w, "tmp/new")) && there(in(w, "bin")));
	assert_false(there(in(w, "etc/empty")));
}

static bool has_trusted_attributes(const struct world *w)
{
	return setxattr(w->dir, "trusted.virtualing-test", "1", 1, 0) == 0;
}

static void the_last_one_in_a_root_takes_everything_away(void **state)
{
	struct world *w = *state;
	struct tree first, second;
	const struct thing more[] = {{THING_DIR, "etc", NULL, 0755}, {THING_DIR, "extra", NULL, 0755},
		{THING_DIR, "extra/deep", NULL, 0755}};
	char path[96];
	THINGS(w);

	if (!has_trusted_attributes(w))
		skip(); /* not root, or a file system without them */
	make_all(w, &w->one, &first, things, count);
	make_all(w, &w->two, &second, more, 3);
	tree_drop(&first);
	replay(&w->one); /* the second one still stands there */
	assert_true(there(in(w, "etc/copy")) && there(in(w, "tmp")) && there(in(w, "extra/deep")));
	make_all(w, &w->one, &first, things, count);
	tree_drop(&second);
	replay(&w->two);
	assert_true(there(in(w, "etc/copy")) && there(in(w, "extra/deep")));
	tree_drop(&first);
	replay(&w->one);
	snprintf(path, sizeof path, "%s/a", w->dir);
	assert_false(there(path));
}

static void no_attribute_stays_on_a_root_that_was_there(void **state)
{
	struct world *w = *state;
	struct tree t;
	char names[256];
	THINGS(w);

	snprintf(w->root, sizeof w->root, "%s", w->dir);
	make_all(w, &w->one, &t, things, count);
	tree_drop(&t);
	replay(&w->one);
	assert_int_equal(listxattr(w->root, names, sizeof names), 0);
	assert_false(there(in(w, "etc")));
}

static void nothing_is_made_without_its_undo(void **state)
{
	struct world *w = *state;
	struct tree t;
	struct err e;
	THINGS(w);

	snprintf(w->root, sizeof w->root, "%s", w->dir);
	assert_int_equal(tree_open(&t, w->root, true, &w->one.undo, &e), 0);
	w->one.full = true;
	assert_int_equal(tree_make(&t, things, count, &e), -ENOSPC);
	assert_false(there(in(w, "etc")));
	tree_drop(&t);
}

static void links_never_lead_out(void **state)
{
	struct world *w = *state;
	struct tree t;
	struct err e;
	char outside[96], text[256];
	THINGS(w);

	snprintf(outside, sizeof outside, "%s/outside", w->dir);
	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(tree_open(&t, w->root, true, &w->one.undo, &e), 0);
	assert_int_equal(symlink("../../outside", in(w, "etc")), 0);
	assert_int_equal(tree_make(&t, things, count, &e), -ENOENT);
	snprintf(text, sizeof text, "%s/etc is a symbolic link to nowhere inside the root", w->root);
	assert_string_equal(e.text, text);
	assert_int_equal(tree_check(&t, things, count, &e), -ENOENT);
	assert_int_equal(unlink(in(w, "etc")), 0);
	assert_int_equal(symlink(outside, in(w, "etc")), 0);
	assert_int_equal(tree_make(&t, things, count, &e), -ENOENT);
	assert_int_equal(rmdir(outside), 0); /* still empty */
	tree_drop(&t);

	/* Nor does the undo of one that was swapped later. */
	assert_int_equal(mkdir(outside, 0755), 0);
	snprintf(text, sizeof text, "%s/copy", outside);
	put(text, "");
	assert_int_equal(jail_undo(UNDO_FILE, w->root, "etc/copy", "0 0", &e), 0);
	assert_int_equal(jail_undo(UNDO_DIR, w->root, "etc", NULL, &e), 0);
	assert_true(there(text) && there(in(w, "etc")));
	while (w->one.count > 0) {
		size_t i = --w->one.count;

		free(w->one.line[i].a);
		free(w->one.line[i].b);
		free(w->one.line[i].c);
	}
}

static void undoing_twice_or_what_is_gone_is_no_error(void **state)
{
	struct world *w = *state;
	struct err e;

	assert_int_equal(jail_undo(UNDO_DIR, w->root, "x", NULL, &e), 0);
	assert_int_equal(jail_undo(UNDO_LINK, w->dir, "x/y/z", NULL, &e), 0);
	assert_int_equal(jail_undo(UNDO_FILE, w->dir, "source/below", "1 1", &e), 0);
	assert_int_equal(jail_undo(UNDO_FILE, w->dir, "source", "8 1", &e), 0);
	assert_int_equal(jail_undo(UNDO_DIR, w->dir, "source", NULL, &e), 0);
	assert_int_equal(jail_undo(UNDO_DIR, w->dir, "", NULL, &e), 0);
	assert_true(there(w->source));
	assert_int_equal(jail_undo(UNDO_GROUP, w->dir, "x", NULL, &e), -EINVAL);
}

static void a_file_where_a_directory_must_be_is_an_error(void **state)
{
	struct world *w = *state;
	struct tree t;
	struct err e;
	char text[256];
	THINGS(w);

	snprintf(w->root, sizeof w->root, "%s", w->dir);
	put(in(w, "tmp"), "");
	assert_int_equal(tree_open(&t, w->root, true, NULL, &e), 0);
	assert_int_equal(tree_check(&t, things, count, &e), -ENOTDIR);
	snprintf(text, sizeof text, "%s/tmp is not a directory, and the jail needs one there", w->root);
	assert_string_equal(e.text, text);
	tree_drop(&t);
	assert_int_equal(tree_open(&t, in(w, "missing"), false, NULL, &e), -ENOENT);
	assert_int_equal(tree_open(&t, w->source, true, NULL, &e), -ENOTDIR);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_made_goes_again),
		TEST(what_was_there_is_left_alone),
		TEST(what_the_program_wrote_stays),
		TEST(the_last_one_in_a_root_takes_everything_away),
		TEST(no_attribute_stays_on_a_root_that_was_there),
		TEST(nothing_is_made_without_its_undo),
		TEST(links_never_lead_out),
		TEST(undoing_twice_or_what_is_gone_is_no_error),
		TEST(a_file_where_a_directory_must_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
