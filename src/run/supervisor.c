#include "run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "base/own.h"
#include "run/say.h"
#include "run/summary.h"
#include "run/supervisor_private.h"
#include "sys/proc.h"

/* ---- members ---- */

struct member *supervisor_find(struct supervisor *s, const char *name)
{
	struct member *m = s->members;

	while (m && (virtual_state(m->v) == VIRTUAL_GONE || strcmp(virtual_name(m->v), name) != 0))
		m = m->next;
	return m;
}

const struct ended *supervisor_find_ended(const struct supervisor *s, const char *name)
{
	const struct ended *n = s->ended;

	while (n && strcmp(n->name, name) != 0)
		n = n->next;
	return n;
}

static void remember_end(struct supervisor *s, const struct virtual *v)
{
	struct ended *n = (struct ended *)supervisor_find_ended(s, virtual_name(v));

	if (!n) {
		n = calloc(1, sizeof *n);
		if (!n || !(n->name = strdup(virtual_name(v))))
			abort();
		n->next = s->ended;
		s->ended = n;
	}
	n->status = virtual_status(v);
	n->signal = virtual_signal_of_end(v);
}

static void forget_ends(struct supervisor *s)
{
	while (s->ended) {
		struct ended *n = s->ended;

		s->ended = n->next;
		free(n->name);
		free(n);
	}
}

static void unlink_member(struct supervisor *s, struct member *m)
{
	struct member **at = &s->members;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
}

static void warn_limit(void *arg, const char *text)
{
	say(arg, "%s", text);
}

/* A command that is not there is the command's fault, not the description's. */
static int faults_status(const struct faults *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->list[i].key, "cmnd") != 0)
			return EXIT_OWN_FAILURE;
	return 127;
}

static bool is_at_fault(const struct faults *f, const char *key)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->list[i].key, key) == 0)
			return true;
	return false;
}

int supervisor_start(
	struct supervisor *s, struct spec *spec, const json_t *blocks, struct faults *f, int *status, struct err *e)
{
	AUTO(free_drop) char *name = strdup(spec->name);
	AUTO(free_drop) char *report = spec->report ? strdup(spec->report) : NULL;
	struct jail_look *look;
	struct member *m;
	int r;

	*status = EXIT_OWN_FAILURE;
	virtual_check(s->host, spec, f, spec->quiet ? NULL : warn_limit, spec->name, &look);
	if (f->count) {
		*status = faults_status(f);
		if (report && !is_at_fault(f, "report"))
			summary_write_refusal(report, name, *status, f->list[0].text);
		jail_look_drop(&look);
		spec_drop(&spec);
		return -EINVAL;
	}
	m = calloc(1, sizeof *m);
	if (!m)
		abort();
	m->next = s->members;
	s->members = m;
	s->any = true;
	r = virtual_start(&s->owner, spec, look, blocks, &m->v, e);
	if (r == 0)
		return 0;
	if (report)
		summary_write_refusal(report, name, *status, e->text);
	unlink_member(s, m);
	free(m);
	return r;
}

static void on_started(struct virtual_owner *o, struct virtual *v)
{
	struct supervisor *s = (struct supervisor *)o;
	struct member *m = supervisor_find(s, virtual_name(v));

	if (m)
		supervisor_pass_on_early(m);
	client_tell_started(s, v);
	supervisor_detach_started(s);
}

/* The latest first; the next when that one is gone. One that is ending already keeps its time: to stop it again would
 * be to kill it. */
static void stop_next(struct supervisor *s)
{
	struct member *m = s->members;

	while (m && virtual_state(m->v) == VIRTUAL_GONE)
		m = m->next;
	if (m && virtual_state(m->v) < VIRTUAL_STOPPING)
		virtual_stop(m->v, virtual_stop_timeout(m->v));
}

void supervisor_stop(struct supervisor *s)
{
	struct err e;

	if (s->stopping) {
		/* Asked a second time: no more patience with anybody. */
		for (struct member *m = s->members; m; m = m->next)
			virtual_stop(m->v, 0);
		return;
	}
	s->stopping = true;
	if (s->script_runs)
		proc_signal(s->script.pidfd, SIGKILL, &e);
	stop_next(s);
}

static void on_gone(struct virtual_owner *o, struct virtual *v)
{
	struct supervisor *s = (struct supervisor *)o;

	s->last_status = virtual_status(v);
	s->last_signal = virtual_signal_of_end(v);
	remember_end(s, v);
	client_tell_gone(s, v);
	if (s->stopping)
		stop_next(s);
}

static void on_paused(struct virtual_owner *o, struct virtual *v, int result, const struct err *e)
{
	client_tell_paused((struct supervisor *)o, v, result, e);
}

static void on_called(struct virtual_owner *o, struct virtual *v, int fd)
{
	struct err e;

	client_add((struct supervisor *)o, fd, virtual_name(v), NULL, &e);
}

static bool on_tell_script(struct virtual_owner *o, struct virtual *v, json_t *message)
{
	struct supervisor *s = (struct supervisor *)o;

	if (s->script_client && s->script_runs)
		return client_tell(s->script_client, message);
	json_decref(message);
	return false;
}

static void on_happened(struct virtual_owner *o, struct virtual *v, const json_t *event)
{
	client_tell_happened((struct supervisor *)o, v, event);
}

/* What ended in this turn is freed between two turns, when nobody holds it any more. */
static void bury(struct supervisor *s)
{
	for (struct member **at = &s->members; *at;) {
		struct member *m = *at;

		if (virtual_state(m->v) != VIRTUAL_GONE) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		virtual_free(m->v);
		free(m);
	}
}

/* ---- life ---- */

/* Each virtual takes some ten descriptors of ours; a usual soft limit would end at a hundred of them. */
static void raise_descriptors(struct supervisor *s)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &s->origin.nofile) < 0)
		return;
	most = s->origin.nofile;
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

static int open_supervisor(struct supervisor *s, struct detach *d, int log, struct err *e)
{
	extern char **environ;
	int r;

	*s = (struct supervisor){
		.owner = {.started = on_started,
			.stopped = supervisor_member_stopped,
			.gone = on_gone,
			.paused = on_paused,
			.called = on_called,
			.tell_script = on_tell_script,
			.script_late = supervisor_script_late,
			.happened = on_happened},
		.signals = -1,
		.script = SPAWNED_NONE,
		.origin.init = -1,
		.detach = DETACH_NONE,
		.relay = -1,
		.had_terminal = tcgetpgrp(STDIN_FILENO) == getpgrp(),
	};
	raise_descriptors(s);
	s->origin.policy = sched_getscheduler(0);
	s->origin.nice = getpriority(PRIO_PROCESS, 0);
	r = loop_open(&s->loop, e);
	if (r == 0)
		r = supervisor_open_signals(s, e);
	if (r == 0)
		r = supervisor_detach(s, d, log, e);
	if (r == 0)
		r = cage_host_open("/proc/self/mountinfo", &s->host, e);
	s->owner.loop = s->loop;
	s->owner.host = s->host;
	s->owner.origin = &s->origin;
	s->owner.choice = &s->choice;
	s->owner.environ = environ;
	return r;
}

static void close_supervisor(struct supervisor *s)
{
	client_sweep(s, true);
	supervisor_detach_end(s);
	if (s->loop)
		supervisor_block_ended(s);
	forget_ends(s);
	fd_drop(&s->script.pidfd);
	fd_drop(&s->origin.init);
	fd_drop(&s->signals);
	cage_host_drop(&s->host);
	loop_drop(&s->loop);
}

/* Once nothing more can be started: whoever is at the other end of a pipe shall see that the command has closed it. A
 * terminal stays, for job control; standard error too, for what there is to say. */
static void let_go_of_streams(struct supervisor *s)
{
	AUTO(fd_drop) int null = -1;

	if (s->streams_gone || s->script_runs || !s->members)
		return;
	for (const struct member *m = s->members; m; m = m->next)
		if (virtual_state(m->v) < VIRTUAL_RUNNING)
			return;
	s->streams_gone = true;
	if (s->detached && chdir("/") < 0)
		say(NULL, "leave the working directory: %s", strerrordesc_np(errno));
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDOUT_FILENO; fd++)
		if (!isatty(fd))
			dup2(null, fd);
}

static int serve(struct supervisor *s, struct err *e)
{
	int r = 0;

	bury(s);
	while (r == 0 && (s->members || s->script_runs)) {
		supervisor_detach_look(s);
		let_go_of_streams(s);
		r = loop_turn(s->loop, e);
		bury(s);
		client_sweep(s, false);
	}
	return r;
}

/* A shell inside may have left the terminal to its own process group. */
static void take_terminal_back(const struct supervisor *s)
{
	sigset_t set;

	if (!s->had_terminal || tcgetpgrp(STDIN_FILENO) == getpgrp())
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, NULL);
	tcsetpgrp(STDIN_FILENO, getpgrp());
}

/* A shell's loop goes on after a status of 130 but not after a death by SIGINT: die of what the command died of. */
static int leave(const struct supervisor *s, int status)
{
	sigset_t set;

	if (s->interrupted && status == 128 + s->last_signal &&
		(s->last_signal == SIGINT || s->last_signal == SIGQUIT)) {
		signal(s->last_signal, SIG_DFL);
		prctl(PR_SET_DUMPABLE, 0); /* no core of ours for a SIGQUIT */
		sigemptyset(&set);
		sigaddset(&set, s->last_signal);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		raise(s->last_signal);
	}
	return status;
}

static int finish(struct supervisor *s, int r, const struct err *e)
{
	int status = s->script_has_status ? s->script_status : s->any ? s->last_status : 0;

	if (r < 0) {
		say(NULL, "%s", e->text);
		status = EXIT_OWN_FAILURE;
	}
	take_terminal_back(s);
	close_supervisor(s);
	return leave(s, status);
}

void supervisor_print_faults(const char *where, const struct faults *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct fault fault = f->list[i];
		char text[1024];

		if (!where)
			spec_fault_as_option(&fault);
		fault_format(&fault, where, 0, text, sizeof text);
		say_line(text);
	}
}

int supervisor_run(struct spec *spec, struct detach *d)
{
	struct supervisor s;
	struct faults faults = FAULTS_NONE;
	struct err e;
	int status = EXIT_OWN_FAILURE, r = open_supervisor(&s, d, -1, &e);

	if (r < 0) {
		spec_drop(&spec);
		return finish(&s, r, &e);
	}
	r = supervisor_start(&s, spec, NULL, &faults, &status, &e);
	if (faults.count) {
		supervisor_print_faults(NULL, &faults);
		faults_drop(&faults);
		close_supervisor(&s);
		return status;
	}
	if (r == 0)
		r = serve(&s, &e);
	return finish(&s, r, &e);
}

int supervisor_run_file(char **argv, struct detach *d, int log)
{
	struct supervisor s;
	struct err e;
	int r = open_supervisor(&s, d, log, &e);

	if (r == 0)
		r = supervisor_open_script(&s, argv, &e);
	if (r == 0)
		r = serve(&s, &e);
	if (r == 0 && s.interrupted && !s.any && !s.script_has_status) {
		s.script_has_status = true;
		s.script_status = 128 + SIGINT;
	}
	return finish(&s, r, &e);
}
