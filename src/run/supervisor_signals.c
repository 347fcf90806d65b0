/* The signals that the supervisor gets: to end, to be passed on, about children. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/own.h"
#include "run/say.h"
#include "run/supervisor_private.h"

/* What a server is told by: to read its configuration again, to open its logs again. */
static const int passed_on[] = {SIGHUP, SIGUSR1, SIGUSR2};
enum { PASSED_ON = sizeof passed_on / sizeof *passed_on };

/* ---- passing on ---- */

void supervisor_pass_on_early(struct member *m)
{
	struct err e;

	for (size_t i = 0; i < PASSED_ON; i++)
		if (m->early & 1U << i)
			virtual_signal(m->v, passed_on[i], &e);
}

/* A program in the terminal's foreground group has got the terminal's signal itself, and it decides, unless it is
 * paused. */
static bool program_got_it(const struct supervisor *s)
{
	for (const struct member *m = s->members; m; m = m->next)
		if (virtual_pid(m->v) <= 0 || getpgid(virtual_pid(m->v)) != getpgrp() || virtual_is_paused(m->v) ||
			virtual_is_attached(m->v))
			return false;
	return s->members != NULL;
}

/* One that is starting gets it as soon as it runs. */
static void pass_on_to(struct member *m, size_t which)
{
	struct err e;

	if (virtual_state(m->v) < VIRTUAL_RUNNING)
		m->early |= 1U << which;
	else if (virtual_state(m->v) == VIRTUAL_RUNNING && virtual_signal(m->v, passed_on[which], &e) < 0)
		say(virtual_name(m->v), "%s", e.text);
}

static void pass_on(struct supervisor *s, int signal)
{
	for (size_t i = 0; i < PASSED_ON; i++)
		for (struct member *m = s->members; m && signal == passed_on[i]; m = m->next)
			pass_on_to(m, i);
}

/* ---- stopping with the programs ---- */

static bool has_terminal(void)
{
	AUTO(fd_drop) int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0;
}

/* What the shell sends to let us go on reaches the programs by itself when it comes from `fg`; kill -CONT to us alone
 * does not. */
static void stop_here(struct supervisor *s)
{
	struct err e;

	raise(SIGSTOP);
	s->stop_came = s->stop_taken = false;
	for (struct member *m = s->members; m; m = m->next)
		if (virtual_state(m->v) == VIRTUAL_RUNNING && !virtual_is_attached(m->v))
			virtual_signal(m->v, SIGCONT, &e);
}

static bool is_alone(const struct supervisor *s)
{
	return s->members && !s->members->next;
}

static void stop_with_several(struct supervisor *s)
{
	if (s->stop_came && s->stop_taken && has_terminal())
		stop_here(s);
}

/* Job control: when the command is stopped by the terminal, so are we, and the shell takes over. Without a terminal
 * there is no shell that would: a program that stops itself must not stop who watches over the others.  One of several
 * must not do that either: then it takes the terminal's own Ctrl-Z, too. */
void supervisor_member_stopped(struct virtual_owner *o, struct virtual *v, int signal)
{
	struct supervisor *s = (struct supervisor *)o;

	if (is_alone(s)) {
		if ((signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) && has_terminal())
			stop_here(s);
		return;
	}
	s->stop_taken = s->stop_taken || signal == SIGTSTP;
	stop_with_several(s);
}

/* ---- taking ---- */

static void take_signal(struct supervisor *s, const struct signalfd_siginfo *info)
{
	bool terminal = info->ssi_code == SI_KERNEL;

	switch (info->ssi_signo) {
	case SIGCHLD:
		for (struct member *m = s->members; m; m = m->next)
			virtual_look_children(m->v);
		return;
	case SIGINT:
	case SIGQUIT:
		s->interrupted = s->interrupted || terminal;
		if (!terminal || !program_got_it(s))
			supervisor_stop(s);
		return;
	case SIGTERM:
		supervisor_stop(s);
		return;
	case SIGHUP:
		/* The terminal is gone; or somebody wants a server to read its configuration again. */
		if (terminal)
			supervisor_stop(s);
		else
			pass_on(s, SIGHUP);
		return;
	case SIGUSR1:
	case SIGUSR2:
		pass_on(s, (int)info->ssi_signo);
		return;
	case SIGTSTP: /* of one program its own stop is what counts */
		s->stop_came = terminal && !is_alone(s);
		stop_with_several(s);
		return;
	default:
		return;
	}
}

static void signals_ready(struct watch *w, uint32_t events)
{
	struct supervisor *s = (struct supervisor *)((char *)w - offsetof(struct supervisor, signals_watch));
	struct signalfd_siginfo info;

	while (read(w->fd, &info, sizeof info) == sizeof info)
		take_signal(s, &info);
}

static void do_nothing(int signal)
{
}

/* The caller's limit on the size of files shall not kill us for a log, a report or a recording: EFBIG says it, too.
 * The signal is caught, which exec takes back: the command has it as the caller had. */
static void survive_large_files(void)
{
	struct sigaction caught = {.sa_handler = do_nothing}, was;

	if (sigaction(SIGXFSZ, NULL, &was) == 0 && was.sa_handler == SIG_DFL)
		sigaction(SIGXFSZ, &caught, NULL);
}

int supervisor_open_signals(struct supervisor *s, struct err *e)
{
	static const int taken[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		struct sigaction was;

		/* What nohup or a shell's background job has set to "ignore" stays ignored, here and in the command. */
		if (sigaction(taken[i], NULL, &was) == 0 && was.sa_handler == SIG_IGN && taken[i] != SIGCHLD)
			continue;
		sigaddset(&set, taken[i]);
	}
	signal(SIGCHLD, SIG_DFL);
	sigaction(SIGPIPE, &ignore, NULL);
	survive_large_files();
	sigprocmask(SIG_BLOCK, &set, &s->origin.mask);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return err_sys(e, "signalfd");
	s->signals_watch.ready = signals_ready;
	return loop_watch(s->loop, &s->signals_watch, s->signals, EPOLLIN, e);
}
