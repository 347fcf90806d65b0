/* The script host as the supervisor has it: its start, its blocks, which run one at a time and have a deadline, its
 * end. */
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/own.h"
#include "run/say.h"
#include "run/script.h"
#include "run/supervisor_private.h"
#include "sys/proc.h"

/* ---- blocks ---- */

static const char *block_text(const struct supervisor *s, const char *key)
{
	const char *text = json_string_value(json_object_get(s->block, key));

	return text ? text : "?";
}

void supervisor_block_ended(struct supervisor *s)
{
	loop_clear_alarm(s->loop, &s->block_alarm);
	json_decref(s->block);
	s->block = NULL;
}

/* It may hang for ever, and with it every other block of the file. Once it is dead, what the blocks were asked for is
 * decided without them. */
static void give_up_script(struct supervisor *s, const char *name, const char *type, const char *what, unsigned late_ms)
{
	struct err e;

	if (!s->script_runs || s->script_given_up)
		return;
	s->script_given_up = true;
	say(name, "a block of the script (:%s) has not %s within %g s: the script host is given up", type, what,
		late_ms / 1e3);
	proc_signal(s->script.pidfd, SIGKILL, &e);
}

static void block_late(struct alarm *a)
{
	struct supervisor *s = (struct supervisor *)((char *)a - offsetof(struct supervisor, block_alarm));

	give_up_script(s, block_text(s, "name"), block_text(s, "type"), "ended",
		(unsigned)json_integer_value(json_object_get(s->block, "deadline_ms")));
}

void supervisor_block_begins(struct supervisor *s, const json_t *message)
{
	json_int_t deadline_ms = json_integer_value(json_object_get(message, "deadline_ms"));

	supervisor_block_ended(s);
	s->block = json_deep_copy(message);
	s->block_alarm.ring = block_late;
	if (deadline_ms >= 0 && deadline_ms <= INT_MAX)
		loop_set_alarm(s->loop, &s->block_alarm, (unsigned)deadline_ms);
}

/* The program waits, so its time is counted from there on; the script may have been busy otherwise for all of it. */
void supervisor_script_late(struct virtual_owner *o, struct virtual *v)
{
	struct supervisor *s = (struct supervisor *)o;
	bool runs = strcmp(block_text(s, "name"), virtual_name(v)) == 0 && strcmp(block_text(s, "type"), "oom") == 0;

	give_up_script(s, virtual_name(v), "oom", runs ? "ended" : "begun", virtual_deadline(v));
}

/* ---- beginning and end ---- */

void supervisor_script_ended(struct supervisor *s, const json_t *status)
{
	s->script_runs = false;
	supervisor_block_ended(s);
	if (json_is_integer(status)) {
		s->script_has_status = true;
		s->script_status = (int)json_integer_value(status) & 0xff;
	}
}

static void script_failed(struct supervisor *s, const siginfo_t *info)
{
	if (!s->stopping) {
		if (s->script_given_up)
			; /* that has been said */
		else if (info->si_code == CLD_EXITED)
			say(NULL, "the script host ended with status %d in the middle of the file", info->si_status);
		else
			say(NULL, "the script host was killed by signal %d (%s)", info->si_status,
				sigdescr_np(info->si_status));
		s->script_has_status = true;
		s->script_status = EXIT_OWN_FAILURE;
	}
	s->script_runs = false;
	supervisor_block_ended(s);
}

static void script_ended(struct watch *w, uint32_t events)
{
	struct supervisor *s = (struct supervisor *)((char *)w - offsetof(struct supervisor, script_watch));
	siginfo_t info = {0};

	if (s->script_client)
		client_hear_out(s->script_client);
	supervisor_relay(s);
	loop_unwatch(s->loop, w);
	waitid(P_PIDFD, (id_t)s->script.pidfd, &info, WEXITED);
	if (s->script_runs)
		script_failed(s, &info);
	for (struct member *m = s->members; m; m = m->next)
		if (virtual_state(m->v) != VIRTUAL_GONE)
			virtual_script_gone(m->v);
}

int supervisor_open_script(struct supervisor *s, char **argv, struct err *e)
{
	struct spawn_origin origin = s->origin;
	AUTO(fd_drop) int relay = -1;
	int socket, r = supervisor_open_relay(s, &relay, e);

	if (relay >= 0)
		origin.out = relay;
	if (r == 0)
		r = script_start(argv, &origin, &s->script, &socket, e);
	if (r < 0)
		return r;
	s->script_runs = true;
	s->script_watch = (struct watch){-1, script_ended};
	r = client_add(s, socket, NULL, &s->script_client, e);
	return r < 0 ? r : loop_watch(s->loop, &s->script_watch, s->script.pidfd, EPOLLIN, e);
}
