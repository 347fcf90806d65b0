#include "run/virtual.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/guard/guard.h"
#include "run/log.h"
#include "run/say.h"
#include "run/set.h"
#include "run/summary.h"
#include "run/virtual_private.h"
#include "sys/proc.h"

enum {
	ADDRESS_TIMEOUT_MS = 10000,
	KEEPER_AGAIN_MS = 2000,
	ACCEPT_PAUSE_NS = 10000000,
};

const char *const virtual_state_names[VIRTUAL_STATES] = {
	"new", "addressing", "starting", "running", "stopping", "clearing", "gone"};
const char *const virtual_event_names[VIRTUAL_EVENTS] = {
	"go", "addressed", "lost", "failed", "started", "ended", "stop", "alarm"};

static void happen(struct virtual *v, enum virtual_event event);

void virtual_check(const struct cage_host *host, const struct spec *s, struct faults *f,
	void (*warn)(void *arg, const char *text), void *arg, struct jail_look **look)
{
	cage_check(host, s->group, &s->limits, f, warn, arg);
	guard_check(host, s->guard, f);
	if (look)
		*look = NULL;
	if (s->attach_count == 0) /* what runs already has its walls, or none */
		jail_check(&s->jail, s->argv, f, look);
	vip_check(&s->vip, f);
	log_check(s->log, f);
	summary_check(s->report, f);
}

/* ---- what it listens to ---- */

static void keeper_ready(struct watch *w, uint32_t events)
{
	struct virtual *v = OWNER_OF(w, keeper_watch);
	int r = vip_read(&v->keeper, &v->address_err);

	if (v->keeper.over)
		loop_unwatch(v->owner->loop, w);
	if (r > 0)
		happen(v, EVENT_ADDRESSED);
	else if (r < 0)
		happen(v, EVENT_LOST);
}

/* One that is traced by somebody else cannot be waited for before that one lets go of it, and its pidfd would wake us
 * all the time.  SIGCHLD comes then (virtual_look_children). */
static void child_ready(struct watch *w, uint32_t events)
{
	struct virtual *v = OWNER_OF(w, child_watch);

	happen(v, EVENT_ENDED);
	if (v->attached || v->reaped)
		return;
	loop_unwatch(v->owner->loop, w);
	v->traced = true;
}

static void not_executed(struct virtual *v, const struct report *r)
{
	v->failure = 125;
	errno = r->value;
	if (r->value) {
		err_sys(&v->err, "start the command");
		return;
	}
	jail_explain(v->ready, &r->why, &v->err);
	v->failure = spawn_exec_status(&v->err);
}

static void take_report(struct virtual *v, const struct report *r)
{
	switch (r->kind) {
	case REPORT_STARTED:
		happen(v, EVENT_STARTED);
		return;
	case REPORT_FAILED:
		not_executed(v, r);
		happen(v, EVENT_FAILED);
		return;
	case REPORT_STOPPED:
		v->owner->stopped(v->owner, v, r->value);
		return;
	case REPORT_ENDED:
		v->ended = true;
		v->wait_status = r->value;
		virtual_close_to_others(v); /* while init ends, with all that is left in its namespaces */
		return;
	}
}

void virtual_read_reports(struct virtual *v)
{
	struct report report;
	int r;

	while (v->child.report >= 0 && (r = spawn_report(&v->child, &report)) != 0) {
		if (r > 0) {
			take_report(v, &report);
			continue;
		}
		loop_unwatch(v->owner->loop, &v->report_watch);
		fd_drop(&v->child.report);
	}
}

static void report_ready(struct watch *w, uint32_t events)
{
	virtual_read_reports(OWNER_OF(w, report_watch));
}

static void listener_ready(struct watch *w, uint32_t events)
{
	struct virtual *v = OWNER_OF(w, listen_watch);
	AUTO(fd_drop) int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t size = sizeof peer;

	/* Without a free descriptor the caller stays in the queue, and the socket ready: do not spin. */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		nanosleep(&(struct timespec){.tv_nsec = ACCEPT_PAUSE_NS}, NULL);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return;
	if (peer.uid == 0 || peer.uid == geteuid())
		v->owner->called(v->owner, v, fd_take(&fd));
}

static void alarm_rings(struct alarm *a)
{
	happen(OWNER_OF(a, alarm), EVENT_ALARM);
}

/* ---- launch ---- */

static void launch(struct virtual *v)
{
	loop_clear_alarm(v->owner->loop, &v->alarm);
	v->state = VIRTUAL_STARTING;
	if (virtual_launch(v, &v->err) < 0) {
		v->failed = true;
		virtual_clear(v);
	} else if (v->attached || !jail_wants_init(v->ready)) {
		happen(v, EVENT_STARTED);
	}
}

/* Init ends by itself now: EVENT_ENDED follows. */
static void start_failed(struct virtual *v)
{
	v->failed = true;
}

static void keep_later(struct virtual *v)
{
	vip_stop(&v->keeper);
	loop_set_alarm(v->owner->loop, &v->alarm, KEEPER_AGAIN_MS);
}

static void running(struct virtual *v)
{
	v->state = VIRTUAL_RUNNING;
	if (recorder_start(v->recorder, v->cage, &v->err) < 0 || virtual_open_to_others(v, &v->err) < 0) {
		v->failed = true;
		v->failure = 125;
		virtual_clear(v);
		return;
	}
	virtual_happened(v, v->attached ? "attached" : "started", json_pack("{s:i}", "pid", (int)v->child.main_pid));
	if (v->attached)
		virtual_tell_attached(v);
	v->owner->started(v->owner, v);
	if (v->address_lost && v->keeper.over)
		keep_later(v);
	if (v->stop_wanted)
		virtual_ask_to_end(v);
}

static int start_keeper(struct virtual *v, struct err *e)
{
	int r = vip_start(&v->spec->vip, journal_undo(state_journal(v->folder)), &v->keeper, e);

	return r < 0 ? r : loop_watch(v->owner->loop, &v->keeper_watch, v->keeper.fd, EPOLLIN, e);
}

static void go(struct virtual *v)
{
	if (!v->spec->vip.address) {
		launch(v);
		return;
	}
	v->state = VIRTUAL_ADDRESSING;
	if (start_keeper(v, &v->address_err) < 0) {
		happen(v, EVENT_LOST);
		return;
	}
	loop_set_alarm(v->owner->loop, &v->alarm, ADDRESS_TIMEOUT_MS);
}

static void no_address(struct virtual *v)
{
	v->err = v->address_err;
	v->failed = true;
	v->failure = 125;
	virtual_clear(v);
}

static void address_late(struct virtual *v)
{
	err_set(&v->address_err, ETIMEDOUT, "%s does not become usable on %s within %d s", v->spec->vip.address,
		v->spec->vip.device, ADDRESS_TIMEOUT_MS / 1000);
	no_address(v);
}

/* While the command is being started the alarm is for that. */
static void lost_early(struct virtual *v)
{
	if (!v->address_lost)
		say(virtual_name(v), "%s", v->address_err.text);
	v->address_lost = true;
}

/* A keeper goes on trying. When it has ended itself, what it leaves runs out within seconds, and another can begin. */
static void address_lost(struct virtual *v)
{
	lost_early(v);
	if (v->keeper.over)
		keep_later(v);
}

static void keep_again(struct virtual *v)
{
	struct err e;

	if (v->attached) { /* it has no address; somebody in it could not be waited for */
		virtual_child_ended(v);
		return;
	}
	if (start_keeper(v, &e) < 0)
		keep_later(v);
}

static void address_back(struct virtual *v)
{
	v->address_lost = false;
	say(virtual_name(v), "%s is back on %s", v->spec->vip.address, v->spec->vip.device);
}

/* ---- the table ---- */

static const struct cell {
	void (*act)(struct virtual *v);
	const char *name;
} table[VIRTUAL_STATES][VIRTUAL_EVENTS] = {
#define DO(function)                \
	{                           \
		function, #function \
	}
#define END(function)                         \
	{                                     \
		virtual_##function, #function \
	} /* virtual_end.c */
	[VIRTUAL_NEW] = {[EVENT_GO] = DO(go)},
	[VIRTUAL_ADDRESSING] = {[EVENT_ADDRESSED] = DO(launch),
		[EVENT_LOST] = DO(no_address),
		[EVENT_STOP] = END(clear),
		[EVENT_ALARM] = DO(address_late)},
	[VIRTUAL_STARTING] = {[EVENT_ADDRESSED] = DO(address_back),
		[EVENT_LOST] = DO(lost_early),
		[EVENT_FAILED] = DO(start_failed),
		[EVENT_STARTED] = DO(running),
		[EVENT_ENDED] = END(child_ended),
		[EVENT_STOP] = END(stop_soon),
		[EVENT_ALARM] = END(kill_all)},
	[VIRTUAL_RUNNING] = {[EVENT_ADDRESSED] = DO(address_back),
		[EVENT_LOST] = DO(address_lost),
		[EVENT_ENDED] = END(child_ended),
		[EVENT_STOP] = END(ask_to_end),
		[EVENT_ALARM] = DO(keep_again)},
	[VIRTUAL_STOPPING] =
		{[EVENT_ENDED] = END(child_ended), [EVENT_STOP] = END(end_now), [EVENT_ALARM] = END(end_now)},
	[VIRTUAL_CLEARING] = {[EVENT_ENDED] = END(clear_more), [EVENT_ALARM] = END(clear_more)},
#undef DO
#undef END
};

static void happen(struct virtual *v, enum virtual_event event)
{
	const struct cell *c = &table[v->state][event];

	if (c->act)
		c->act(v);
}

const char *virtual_table_cell(enum virtual_state s, enum virtual_event e)
{
	return table[s][e].name ? table[s][e].name : "";
}

/* ---- for its owner ---- */

int virtual_set(struct virtual *v, const json_t *resource, bool force, struct err *e)
{
	int r;

	if (v->state != VIRTUAL_STARTING && v->state != VIRTUAL_RUNNING && v->state != VIRTUAL_STOPPING)
		return err_set(e, ESRCH, "%s does not run (it is %s)", virtual_name(v), virtual_state_names[v->state]);
	r = set_limits(v->cage, v->spec, v->memory, resource, force, e);
	if (r == 0)
		virtual_happened(v, "set", json_pack("{s:O}", "changed", resource));
	return r;
}

const json_t *virtual_events(const struct virtual *v)
{
	return v->events;
}

static struct virtual *new_virtual(struct virtual_owner *o, struct spec *spec, struct jail_look *look)
{
	struct virtual *v = calloc(1, sizeof *v);

	if (!v)
		abort();
	v->owner = o;
	v->spec = spec;
	v->look = look;
	v->child = SPAWNED_NONE;
	v->keeper = (struct vip_keeper){.fd = -1, .pidfd = -1};
	v->listener = -1;
	v->keeper_watch = (struct watch){-1, keeper_ready};
	v->child_watch = (struct watch){-1, child_ready};
	v->report_watch = (struct watch){-1, report_ready};
	v->listen_watch = (struct watch){-1, listener_ready};
	v->alarm.ring = alarm_rings;
	v->still = virtual_still_alarm;
	v->memory_owner = virtual_memory_owner;
	v->killed_owner = virtual_killed_owner;
	v->events = json_array();
	v->counts = json_object();
	v->report = OUTPUT_NONE;
	v->limits_at_start = spec->report ? virtual_limits(spec) : NULL;
	v->release = spec->attach_count > 0;
	return v;
}

static int open_log(struct virtual *v, struct err *e)
{
	int fd = log_open(v->spec->log, e);

	if (fd < 0)
		return fd;
	v->log = fd;
	say_log(virtual_name(v), fd);
	return 0;
}

static void close_log(struct virtual *v)
{
	if (v->log <= 0)
		return;
	say_log_end(v->log);
	fd_drop(&v->log);
}

int virtual_start(struct virtual_owner *o, struct spec *spec, struct jail_look *look, const json_t *blocks,
	struct virtual **ret, struct err *e)
{
	struct virtual *v = new_virtual(o, spec, look);
	bool limited = limits_bound_memory(&spec->limits);
	AUTO(state_end_turn) int turn = -1; /* until it runs, or has failed */
	bool recovered;
	int r = blocks ? blocks_read(blocks, limited, virtual_send_to_script, v, &v->blocks, e) : 0;

	if (r == 0 && spec->attach_count) {
		turn = state_take_turn(e);
		r = turn < 0 ? turn : 0;
	}
	if (r == 0 && spec->attach_count)
		r = attached_look(o->host, spec->attach, spec->attach_count, spec->attach_tree, &v->attached, e);
	if (r == 0 && spec->log)
		r = open_log(v, e);
	if (r == 0 && spec->report)
		r = output_open(spec->report, &v->report, e);
	if (r == 0)
		r = state_open(spec->name, &recovered, &v->folder, e);
	if (r == 0)
		r = recorder_open(o->loop, spec, cage_host_kind(o->host), journal_undo(state_journal(v->folder)),
			&v->recorder, e);
	if (r < 0) {
		v->state = VIRTUAL_GONE;
		virtual_free(v);
		return r;
	}
	if (recovered && !spec->quiet)
		say(spec->name, "removed what an earlier run left behind when its supervisor was killed");
	*ret = v;
	happen(v, EVENT_GO);
	return 0;
}

void virtual_free(struct virtual *v)
{
	struct err ignored;

	if (v->folder)
		state_remove(v->folder, &ignored);
	state_drop(&v->folder);
	close_log(v);
	output_drop(&v->report);
	killed_drop(&v->killed);
	recorder_drop(&v->recorder);
	cage_drop(&v->cage);
	jail_look_drop(&v->look);
	jail_ready_drop(&v->ready);
	attached_drop(&v->attached);
	fd_drop(&v->child.pidfd);
	fd_drop(&v->child.report);
	fd_drop(&v->child.main_pidfd);
	spec_drop(&v->spec);
	blocks_drop(&v->blocks);
	json_decref(v->events);
	json_decref(v->counts);
	json_decref(v->summary);
	json_decref(v->limits_at_start);
	free(v->level_block);
	free(v);
}

void virtual_stop(struct virtual *v, unsigned timeout_ms)
{
	v->stop_ms = timeout_ms;
	happen(v, EVENT_STOP);
}

void virtual_end(struct virtual *v, unsigned timeout_ms)
{
	if (v->state < VIRTUAL_CLEARING)
		v->release = false;
	virtual_stop(v, timeout_ms);
}

bool virtual_is_attached(const struct virtual *v)
{
	return v->attached;
}

int virtual_signal(struct virtual *v, int signal, struct err *e)
{
	int r;

	if (v->state != VIRTUAL_RUNNING && v->state != VIRTUAL_STOPPING)
		return err_set(e, ESRCH, "%s does not run (it is %s)", virtual_name(v), virtual_state_names[v->state]);
	if (v->attached && !attached_first_lives(v->attached))
		return err_set(e, ESRCH,
			"process %d, the first that was attached, has ended; others in the cage live on",
			(int)v->child.main_pid);
	r = proc_signal(v->child.main_pidfd, signal, e);
	if (r == 0 && signal == SIGKILL) {
		virtual_end_pause(v);
		if (v->memory && cage_frozen_defer_kills(v->cage))
			memory_let_go(v->memory);
	}
	return r;
}

const char *virtual_name(const struct virtual *v)
{
	return v->spec->name;
}

enum virtual_state virtual_state(const struct virtual *v)
{
	return v->state;
}

void virtual_look_children(struct virtual *v)
{
	siginfo_t info = {0};

	if (v->memory) {
		memory_look(v->memory);
		killed_soon(v->killed);
	}
	if (v->traced && !v->reaped)
		happen(v, EVENT_ENDED);
	if (v->state != VIRTUAL_RUNNING || v->attached || jail_wants_init(v->ready))
		return;
	if (waitid(P_PIDFD, (id_t)v->child.pidfd, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid)
		v->owner->stopped(v->owner, v, info.si_status);
}

pid_t virtual_pid(const struct virtual *v)
{
	return v->child.main_pid;
}

int virtual_log(const struct virtual *v)
{
	return v->log;
}

unsigned virtual_stop_timeout(const struct virtual *v)
{
	return v->spec->stop_timeout_ms;
}

unsigned virtual_deadline(const struct virtual *v)
{
	return v->spec->deadline_ms;
}

int virtual_signal_of_end(const struct virtual *v)
{
	return !v->failed && v->ended && WIFSIGNALED(v->wait_status) ? WTERMSIG(v->wait_status) : 0;
}

int virtual_status(const struct virtual *v)
{
	int signal = virtual_signal_of_end(v);

	if (v->failed)
		return v->failure;
	if (v->attached) /* how they have ended only their parents learn */
		return 0;
	if (!v->ended)
		return 125;
	return signal ? 128 + signal : WEXITSTATUS(v->wait_status);
}
