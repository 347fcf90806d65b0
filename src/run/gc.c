#include "run/gc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/cage.h"
#include "run/say.h"
#include "run/state.h"

enum { GROUP_TIMEOUT_MS = 10000, EXIT_OWN_FAILURE = 125 };

struct gc {
	const char *name; /* of the virtual being looked at */
	bool dry_run;
	size_t found;
	int failed;
};

static void print(struct gc *g, const char *text)
{
	printf("%s %s: %s\n", g->dry_run ? "would remove" : "removing", g->name, text);
	fflush(stdout);
	g->found++;
}

static void print_line(void *arg, const char *text)
{
	print(arg, text);
}

static void complain(struct gc *g, const struct err *e)
{
	say(g->name, "%s", e->text);
	g->failed = EXIT_OWN_FAILURE;
}

static void sweep_folder(struct gc *g, const char *name)
{
	AUTO(state_drop) struct state *s = NULL;
	struct err e;
	int r;

	g->name = name;
	r = state_adopt(name, &s, &e);
	if (r == -EBUSY || r == -EAGAIN || r == -ENOENT)
		return; /* it runs, or has just gone */
	if (r < 0) {
		complain(g, &e);
		return;
	}
	if (g->dry_run) {
		journal_each(state_journal(s), print_line, g);
		print(g, "its state folder");
		return;
	}
	r = journal_replay(state_journal(s), print_line, g, &e);
	if (r == 0) {
		print(g, "its state folder");
		r = state_remove(s, &e);
	}
	if (r < 0)
		complain(g, &e);
}

static void sweep_folders(struct gc *g)
{
	char **names;
	struct err e;
	ssize_t count = state_names(&names, &e);

	if (count < 0)
		complain(g, &e);
	for (ssize_t i = 0; i < count; i++) {
		sweep_folder(g, names[i]);
		free(names[i]);
	}
	free(names);
}

/* A virtual makes its folder before its groups and removes it after them, so a group without one has no owner; unless
 * somebody has removed the folder, or it lies in a /run that we do not see: whoever runs is not killed on suspicion.
 * While the group is removed the folder is ours: a virtual of this name that starts meanwhile waits. */
static void sweep_group(void *arg, const char *path, const char *name)
{
	AUTO(state_drop) struct state *s = NULL;
	struct gc *g = arg;
	char folder[512], text[PATH_MAX];
	bool recovered;
	struct err e;

	snprintf(folder, sizeof folder, STATE_PARENT "/%s", name);
	if (access(folder, F_OK) == 0)
		return;
	g->name = name;
	if (cage_group_is_populated(path)) {
		err_set(&e, EBUSY, "%s has processes but no state folder says whose they are: end them, then try again",
			path);
		complain(g, &e);
		return;
	}
	snprintf(text, sizeof text, "group %s", path);
	if (!g->dry_run && state_open(name, &recovered, &s, &e) < 0) {
		if (e.code != EBUSY && e.code != EAGAIN)
			complain(g, &e);
		return;
	}
	print(g, text);
	if (!g->dry_run && (cage_undo_group(path, GROUP_TIMEOUT_MS, &e) < 0 || state_remove(s, &e) < 0))
		complain(g, &e);
}

int gc_run(bool dry_run)
{
	AUTO(cage_host_drop) struct cage_host *host = NULL;
	struct gc g = {.dry_run = dry_run};
	struct err e;

	sweep_folders(&g);
	if (cage_host_open("/proc/self/mountinfo", &host, &e) < 0 ||
		cage_host_each_group(host, sweep_group, &g, &e) < 0) {
		g.name = NULL;
		complain(&g, &e);
	}
	if (!dry_run) {
		/* A supervisor that is killed between two steps leaves these empty. */
		if (host)
			cage_host_tidy(host);
		state_clear_turn();
		lock_clear(STATE_PARENT);
		rmdir(STATE_PARENT);
	}
	if (!g.found && !g.failed)
		printf("nothing is left behind\n");
	return g.failed;
}
