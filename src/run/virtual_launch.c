/* How a virtual comes to be: its cage, its guard, and then a child of ours in it, or processes that run already. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/own.h"
#include "base/parse.h"
#include "jail/ids.h"
#include "run/say.h"
#include "run/virtual_private.h"
#include "sys/proc.h"

enum { ATTACHED_AGAIN_MS = 1000 };

static int open_cage(struct virtual *v, struct err *e)
{
	int r = cage_create_round(v->owner->host, v->spec->group, &v->spec->limits,
		v->attached ? attached_homes(v->attached) : NULL, journal_undo(state_journal(v->folder)), &v->cage, e);

	return r < 0 ? r : cage_apply(v->cage, &v->spec->limits, e);
}

static int start_child(struct virtual *v, struct err *e)
{
	struct cage_gate gate;
	struct spawn what = {.jail = v->ready, .gate = &gate, .origin = v->owner->origin, .out = v->log};
	int r = cage_gate(v->cage, &gate, e);

	if (r == 0)
		r = spawn(&what, &v->child, &v->failure, e);
	cage_close_gate(v->cage);
	return r;
}

/* One that has failed ends, too. */
static int watch_child(struct virtual *v, struct err *e)
{
	int r = 0;

	if (v->child.pidfd >= 0)
		r = loop_watch(v->owner->loop, &v->child_watch, v->child.pidfd, EPOLLIN, e);
	if (r == 0 && v->child.report >= 0)
		r = loop_watch(v->owner->loop, &v->report_watch, v->child.report, EPOLLIN, e);
	return r;
}

/* Who the command runs as was found in the jail's files, which may change. NULL: as it was. */
static json_t *ids_json(const struct ids *i)
{
	json_t *groups = json_array();

	if (!i)
		return json_pack("{s:b, s:o}", "given", 0, "groups", groups);
	for (size_t n = 0; n < i->group_count; n++)
		json_array_append_new(groups, json_integer(i->groups[n]));
	return json_pack("{s:b, s:I, s:I, s:o, s:s?, s:s?}", "given", i->given, "uid", (json_int_t)i->uid, "gid",
		(json_int_t)i->gid, "groups", groups, "name", i->name, "home", i->home);
}

static void add_gate(void *gate, const char *path, bool into)
{
	json_array_append_new(gate, json_pack("{s:s, s:b}", "path", path, "into", into));
}

/* Beside what is shown: what `exec` needs (exec.c). */
static json_t *state_document(const struct virtual *v)
{
	json_t *gate = json_array();

	cage_each_gate(v->cage, add_gate, gate);
	return json_pack("{s:s, s:i, s:I, s:i, s:I, s:i, s:I, s:I, s:o, s:o, s:o}", "name", virtual_name(v),
		"supervisor", (int)getpid(), "supervisor_start", (json_int_t)proc_start_time(getpid()), "pid",
		(int)v->child.main_pid, "pid_start", (json_int_t)proc_start_time(v->child.main_pid), "child",
		(int)v->child.pid, "child_start", (json_int_t)proc_start_time(v->child.pid), "started",
		(json_int_t)v->started, "gate", gate, "ids", ids_json(v->ready ? jail_ids(v->ready) : NULL),
		"description", spec_json(v->spec));
}

int virtual_open_to_others(struct virtual *v, struct err *e)
{
	json_t *document = state_document(v);
	int r = state_write(v->folder, document, e);

	json_decref(document);
	if (r == 0)
		r = state_listen(v->folder, &v->listener, e);
	return r < 0 ? r : loop_watch(v->owner->loop, &v->listen_watch, v->listener, EPOLLIN, e);
}

void virtual_close_to_others(struct virtual *v)
{
	if (v->listener < 0)
		return;
	loop_unwatch(v->owner->loop, &v->listen_watch);
	fd_drop(&v->listener);
	state_hide(v->folder);
}

int virtual_watch_attached(struct virtual *v, struct err *e)
{
	int fd;

	loop_unwatch(v->owner->loop, &v->child_watch);
	fd = attached_next(v->attached, v->cage);
	if (fd == -EAGAIN && v->state != VIRTUAL_STOPPING) /* there the alarm is set already */
		loop_set_alarm(v->owner->loop, &v->alarm, ATTACHED_AGAIN_MS);
	if (fd < 0)
		return fd == -EAGAIN ? 0 : err_set(e, -fd, "nobody is left in the cage");
	return loop_watch(v->owner->loop, &v->child_watch, fd, EPOLLIN, e);
}

static int join_all(struct virtual *v, struct err *e)
{
	int r = attached_join(v->attached, v->cage, journal_undo(state_journal(v->folder)), e);

	v->child.main_pid = attached_pid(v->attached);
	v->child.main_pidfd = fcntl(attached_pidfd(v->attached), F_DUPFD_CLOEXEC, 3);
	if (r == 0 && v->child.main_pidfd < 0)
		return err_sys(e, "hold process %d", (int)v->child.main_pid);
	return r < 0 ? r : virtual_watch_attached(v, e);
}

/* What stays where it was is told, for who sees 0 in `show` wonders. */
void virtual_tell_attached(const struct virtual *v)
{
	size_t others = attached_count(v->attached) - 1;
	char size[16], more[48] = "";

	if (v->spec->quiet)
		return;
	if (others)
		snprintf(more, sizeof more, " and %zu more process%s", others, others > 1 ? "es" : "");
	say(virtual_name(v),
		"attached process %d%s; %s that they have already stay charged to %s, what they take from now on "
		"counts here; `virtualing stop --release %s` moves them back",
		(int)v->child.main_pid, more, print_size(size, sizeof size, attached_bytes(v->attached)),
		cage_homes_main(attached_homes(v->attached)), virtual_name(v));
}

static int attach_all(struct virtual *v, struct err *e)
{
	int r = open_cage(v, e);

	if (r == 0)
		r = virtual_watch_memory(v, e);
	if (r == 0)
		r = undertaker_call(&v->undertaker, v->cage, true, e);
	v->started = time(NULL);
	v->started_ms = loop_now_ms();
	return r < 0 ? r : join_all(v, e);
}

int virtual_launch(struct virtual *v, struct err *e)
{
	struct jail_look *look = v->look;
	struct err ignored;
	int r;

	v->look = NULL;
	v->failure = 125;
	if (v->attached)
		return attach_all(v, e);
	r = jail_prepare(&v->spec->jail, look, virtual_name(v), v->spec->argv, v->owner->environ,
		journal_undo(state_journal(v->folder)), &v->ready, e);
	if (r == 0)
		r = open_cage(v, e);
	if (r == 0)
		r = virtual_watch_memory(v, e);
	/* An init dies with us by itself, unless it is frozen then. */
	if (r == 0 && (!jail_wants_init(v->ready) || cage_frozen_defer_kills(v->cage)))
		r = undertaker_call(&v->undertaker, v->cage, false, e);
	if (r == 0)
		r = start_child(v, e);
	v->started = time(NULL);
	v->started_ms = loop_now_ms();
	if (r < 0) {
		watch_child(v, &ignored);
		return r;
	}
	return watch_child(v, e);
}
