/* How a virtual ends: it is asked to, its processes are killed, it is told, all that it had is undone. */
#include <errno.h>
#include <sys/wait.h>

#include "run/say.h"
#include "run/virtual_private.h"
#include "sys/proc.h"

enum {
	CLEAR_FIRST_MS = 1, /* how long to wait before looking again whether killed processes are gone; doubles */
	CLEAR_LONGEST_MS = 250,
	CLEAR_COMPLAIN_MS = 10000,
};

/* ---- asking and killing ---- */

void virtual_ask_to_end(struct virtual *v)
{
	struct err e;

	if (v->release) {
		virtual_end_pause(v);
		virtual_clear(v);
		return;
	}
	v->state = VIRTUAL_STOPPING;
	if (v->memory)
		memory_let_go(v->memory);
	/* A stopped program cannot act on SIGTERM. */
	if (v->attached) {
		attached_signal(v->attached, v->cage, SIGTERM);
		attached_signal(v->attached, v->cage, SIGCONT);
	} else if (proc_signal(v->child.main_pidfd, SIGTERM, &e) < 0 ||
		   proc_signal(v->child.main_pidfd, SIGCONT, &e) < 0) {
		say(virtual_name(v), "%s", e.text);
	}
	virtual_end_pause(v); /* who is frozen cannot act on it */
	loop_set_alarm(v->owner->loop, &v->alarm, v->stop_ms);
}

/* What it has reported may lie in the socket still: a program that runs is asked, not killed. */
void virtual_stop_soon(struct virtual *v)
{
	if (v->stop_wanted) {
		virtual_kill_all(v);
		return;
	}
	v->stop_wanted = true;
	loop_set_alarm(v->owner->loop, &v->alarm, v->stop_ms);
}

void virtual_kill_all(struct virtual *v)
{
	struct err e;

	virtual_unwatch_memory(v); /* decoys stand in the cage */
	if (v->cage && cage_kill(v->cage, &e) < 0 && !v->kill_failed) {
		v->kill_failed = true; /* said once: it is tried again and again */
		say(virtual_name(v), "%s", e.text);
	}
	if (v->child.pidfd >= 0)
		proc_signal(v->child.pidfd, SIGKILL, &e);
}

/* Of those who were attached there may be nobody that could be waited for, and a child may be somebody else's to let go
 * of: then it is looked again and again. */
void virtual_end_now(struct virtual *v)
{
	virtual_kill_all(v);
	if (v->attached || v->traced)
		virtual_clear(v);
}

static void reap(struct virtual *v)
{
	siginfo_t info = {0};

	if (v->child.pidfd < 0 || v->reaped || waitid(P_PIDFD, (id_t)v->child.pidfd, &info, WEXITED | WNOHANG) < 0 ||
		!info.si_pid)
		return;
	v->reaped = true;
	loop_unwatch(v->owner->loop, &v->child_watch);
	/* What init has said of the command is in the socket still. */
	virtual_read_reports(v);
	if (!v->ended) {
		v->ended = true;
		v->wait_status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	}
}

void virtual_child_ended(struct virtual *v)
{
	struct err e;

	if (v->attached) {
		if (virtual_watch_attached(v, &e) < 0)
			virtual_clear(v);
		return;
	}
	reap(v);
	/* Its last reports may have ended the virtual already: it ran, and that could not be written down. */
	if (!v->reaped || v->state >= VIRTUAL_CLEARING)
		return;
	if (v->state == VIRTUAL_STARTING && !v->failed) {
		v->failed = true;
		v->failure = 125;
		err_set(&v->err, ECHILD, "%s before it became %s",
			v->stop_wanted ? "stopped" : "the process was killed", v->spec->argv[0]);
	}
	virtual_clear(v);
}

/* ---- the last steps ---- */

static void gone(struct virtual *v)
{
	struct err e;

	if (v->summary && summary_write(&v->report, v->summary, &e) < 0)
		say(virtual_name(v), "%s", e.text);
	if (v->folder && state_remove(v->folder, &e) < 0)
		say(virtual_name(v), "%s", e.text);
	state_drop(&v->folder);
	undertaker_dismiss(&v->undertaker); /* who was attached must be brought back even if we are killed before */
	v->state = VIRTUAL_GONE;
	v->owner->gone(v->owner, v);
}

static void tell_end(struct virtual *v)
{
	int signal = virtual_signal_of_end(v);
	json_t *how = json_pack("{s:i}", "status", virtual_status(v));

	if (signal)
		json_object_set_new(how, "signal", json_integer(signal));
	if (v->spec->report)
		virtual_sum_up(v, json_incref(how));
	blocks_end(v->blocks);
	virtual_happened(v, v->release && cage_is_populated(v->cage) ? "released" : "exit", how);
}

/* A report of an earlier life would be taken for this one's. */
static void tell_failure(struct virtual *v)
{
	if (v->spec->report)
		virtual_sum_up(v, json_pack("{s:i, s:s}", "status", virtual_status(v), "error",
					  v->err.code ? v->err.text : "stopped before it ran"));
}

static bool anything_alive(struct virtual *v)
{
	reap(v);
	return (v->child.pidfd >= 0 && !v->reaped) || (v->cage && cage_is_populated(v->cage));
}

/* Dying takes the kernel a moment. Somebody in an uninterruptible sleep takes longer: then say so, once. */
static void clear_later(struct virtual *v)
{
	if (!v->complained && loop_now_ms() - v->clear_since > CLEAR_COMPLAIN_MS) {
		v->complained = true;
		say(virtual_name(v),
			"its processes have been killed but do not end (uninterruptible sleep?); still waiting");
	}
	if (!v->release)
		virtual_kill_all(v);
	loop_set_alarm(v->owner->loop, &v->alarm, v->clear_ms);
	v->clear_ms = v->clear_ms * 2 < CLEAR_LONGEST_MS ? v->clear_ms * 2 : CLEAR_LONGEST_MS;
}

/* The folder stays when something could not be undone: its journal is for gc. */
static void undo_all(struct virtual *v)
{
	struct err e;

	if (journal_replay(state_journal(v->folder), NULL, NULL, &e) == 0)
		return;
	say(virtual_name(v), "%s; `virtualing gc` tries again", e.text);
	state_drop(&v->folder);
}

void virtual_clear_more(struct virtual *v)
{
	loop_clear_alarm(v->owner->loop, &v->alarm);
	if ((!v->release && anything_alive(v)) || !killed_look(v->killed)) {
		clear_later(v);
		return;
	}
	if (!v->attached) { /* there each has been told when it happened */
		undertaker_dismiss(&v->undertaker);
		killed_say(v->killed, virtual_name(v));
	}
	if (!v->failed && v->cage)
		tell_end(v);
	else
		tell_failure(v);
	killed_drop(&v->killed);
	recorder_drop(&v->recorder);
	cage_drop(&v->cage);
	if (v->keeper.fd >= 0)
		vip_stop(&v->keeper);
	undo_all(v);
	if (v->failed)
		say(virtual_name(v), "%s", v->err.text);
	gone(v);
}

static void stop_listening(struct virtual *v)
{
	struct loop *l = v->owner->loop;

	if (v->release && v->cage && cage_is_populated(v->cage))
		cage_lift(v->cage); /* who waits for memory now must not be killed for it */
	virtual_unwatch_memory(v);

	loop_clear_alarm(l, &v->alarm);
	loop_clear_alarm(l, &v->still);
	loop_unwatch(l, &v->keeper_watch);
	loop_unwatch(l, &v->report_watch);
	virtual_close_to_others(v);
}

/* Descriptors are let go of first: when there are too many of them, those are what clearing needs. */
void virtual_clear(struct virtual *v)
{
	stop_listening(v);
	/* These hold the root, which is not cleared while somebody does. */
	jail_look_drop(&v->look);
	jail_ready_drop(&v->ready);
	if (v->cage)
		cage_close_gate(v->cage);
	v->state = VIRTUAL_CLEARING;
	v->clear_ms = CLEAR_FIRST_MS;
	v->clear_since = loop_now_ms();
	virtual_clear_more(v);
}
