#include "run/choice.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/cage.h"
#include "cage/file.h"
#include "cage/guard/guard.h"
#include "cage/guard/trial.h"
#include "run/state.h"

#define KEPT STATE_PARENT "/.guard"

static int try_once(const struct cage_host *host, enum guard_kind kind, struct err *e)
{
	AUTO(state_drop) struct state *s = NULL;
	char name[32];
	bool recovered;
	struct err later;
	int r;

	snprintf(name, sizeof name, "guard-trial-%d", (int)getpid());
	r = state_open(name, &recovered, &s, e);
	if (r < 0)
		return r;
	r = guard_try(host, kind, name, journal_undo(state_journal(s)), e);
	if (journal_replay(state_journal(s), NULL, NULL, &later) == 0)
		state_remove(s, &later);
	return r;
}

/* What works has shown it; what does not may have been too slow just then. */
int choice_try(const struct cage_host *host, enum guard_kind kind, struct err *e)
{
	int r = try_once(host, kind, e);

	return r == -EOPNOTSUPP ? try_once(host, kind, e) : r;
}

/* ---- what is kept ---- */

static void add_line(json_t *o, const char *status, const char *word)
{
	const char *at = strstr(status, word);

	if (at)
		json_object_set_new(o, word + 1, json_stringn(at, strcspn(at + 1, "\n") + 1));
}

/* Of this boot, of this program, for another version may do it otherwise, and of what its caller may do. */
static json_t *stamp(void)
{
	AUTO(fd_drop) int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char boot[64], status[FILE_TEXT];
	json_t *o;

	if (proc < 0 || file_read(proc, "sys/kernel/random/boot_id", boot, sizeof boot) < 0 ||
		file_read(proc, "self/status", status, sizeof status) < 0)
		return NULL;
	o = json_pack("{s:s, s:s}", "boot", boot, "version", VERSION);
	add_line(o, status, "\nCapEff:");
	add_line(o, status, "\nSeccomp_filters:");
	return o;
}

static bool is_kept(struct choice *ret)
{
	AUTO(fd_drop) int fd = open(KEPT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	json_t *kept = NULL, *now = stamp();
	struct stat st;
	int kind = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		kept = json_loadfd(fd, 0, NULL);
	if (now && json_equal(json_object_get(kept, "stamp"), now))
		kind = guard_kind_find(json_string_value(json_object_get(kept, "guard")));
	if (kind > GUARD_AUTO) {
		const char *why = json_string_value(json_object_get(kept, "why"));

		ret->kind = (enum guard_kind)kind;
		snprintf(ret->why, sizeof ret->why, "%s", why ? why : "");
	}
	json_decref(kept);
	json_decref(now);
	return kind > GUARD_AUTO;
}

/* Best effort: without it the next one tries again. */
static void keep(const struct choice *c)
{
	static const char passing[] = KEPT ".new";
	json_t *o = json_pack("{s:o*, s:s, s:s}", "stamp", stamp(), "guard", guard_kinds[c->kind].name, "why", c->why);
	AUTO(fd_drop) int fd = -1;

	mkdir(STATE_PARENT, 0755);
	unlink(passing);
	fd = open(passing, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && (json_dumpfd(o, fd, JSON_COMPACT) < 0 || rename(passing, KEPT) < 0))
		unlink(passing);
	json_decref(o);
}

void choice_forget(struct choice *c)
{
	unlink(KEPT);
	*c = (struct choice){0};
}

/* ---- the choice ---- */

bool choice_take(struct choice *c, enum guard_kind kind, int r, const struct err *e)
{
	size_t used = strlen(c->why);

	if (c->kind != GUARD_AUTO)
		return true;
	if (r == -EOPNOTSUPP) {
		snprintf(c->why + used, sizeof c->why - used, "%s%s: %s", used ? "; " : "", guard_kinds[kind].name,
			e->text);
		return false;
	}
	c->kind = kind;
	if (r == 0)
		keep(c);
	return true;
}

int choice_make(const struct cage_host *host, struct choice *c, struct err *e)
{
	if (c->kind != GUARD_AUTO)
		return 0;
	*c = (struct choice){0};
	if (is_kept(c))
		return 0;
	for (int kind = GUARD_AUTO + 1; kind < GUARD_KINDS; kind++)
		if (guard_suits(host, (enum guard_kind)kind) &&
			choice_take(c, (enum guard_kind)kind, choice_try(host, (enum guard_kind)kind, e), e))
			return 0;
	return err_set(e, EOPNOTSUPP, "this host can hold no full cage (%s)",
		*c->why ? c->why : "it has no memory controller");
}
