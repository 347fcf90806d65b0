#include "run/exec_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/proc.h"

/* SIGTTOU is not for handing on: with it blocked we may give the terminal to another group from the background. */
static const int handed_on[] = {
	SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP, SIGWINCH, SIGCHLD, SIGTTOU};

int job_open(struct job *j, sigset_t *ret_mask, struct err *e)
{
	sigset_t set;

	*j = (struct job){.child = SPAWNED_NONE, .signals = -1};
	j->terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++) {
		struct sigaction was;

		/* What nohup has set to "ignore" stays ignored, here and in the command. */
		if (sigaction(handed_on[i], NULL, &was) < 0 || was.sa_handler != SIG_IGN || handed_on[i] == SIGTTOU)
			sigaddset(&set, handed_on[i]);
	}
	sigaddset(&set, SIGCHLD);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, ret_mask);
	sigdelset(&set, SIGTTOU);
	j->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return j->signals < 0 ? err_sys(e, "signalfd") : 0;
}

/* ---- the terminal ---- */

static bool has_terminal(const struct job *j, pid_t group)
{
	return j->terminal >= 0 && tcgetpgrp(j->terminal) == group;
}

static void move_terminal(const struct job *j, pid_t from, pid_t to)
{
	if (has_terminal(j, from))
		tcsetpgrp(j->terminal, to);
}

void job_drop(struct job *j)
{
	if (j->child.pid > 0)
		move_terminal(j, j->child.pid, getpgrp());
	fd_drop(&j->terminal);
	fd_drop(&j->signals);
	fd_drop(&j->child.pidfd);
	fd_drop(&j->child.main_pidfd);
	fd_drop(&j->child.report);
}

/* Whoever is stopped because he wants the terminal that is ours to lend gets it.  Otherwise we stop, too, and the shell
 * takes over; it lets us go on in the foreground or not. */
static void stopped(struct job *j, int signal)
{
	pid_t group = j->child.pid;
	bool lent = has_terminal(j, group);

	if (j->terminal < 0)
		return;
	if ((signal == SIGTTIN || signal == SIGTTOU) && has_terminal(j, getpgrp())) {
		tcsetpgrp(j->terminal, group);
	} else {
		move_terminal(j, group, getpgrp());
		raise(SIGSTOP);
		if (lent)
			move_terminal(j, getpgrp(), group);
	}
	kill(-group, SIGCONT);
}

/* ---- signals and news ---- */

static void hand_on(struct job *j)
{
	struct signalfd_siginfo info;

	while (read(j->signals, &info, sizeof info) == sizeof info)
		if (info.ssi_signo != SIGCHLD)
			kill(-j->child.pid, (int)info.ssi_signo);
}

/* True: it has ended, or has never been. */
static bool hear(struct job *j, int *ret_wait_status, struct report *ret_failure)
{
	struct report r;
	int got;

	while (j->child.report >= 0 && (got = spawn_report(&j->child, &r)) != 0) {
		if (got < 0) {
			fd_drop(&j->child.report);
			return false;
		}
		switch (r.kind) {
		case REPORT_STARTED:
			break;
		case REPORT_STOPPED:
			stopped(j, r.value);
			break;
		case REPORT_FAILED:
			*ret_failure = r;
			return true;
		case REPORT_ENDED:
			*ret_wait_status = r.value;
			return true;
		}
	}
	return false;
}

/* Our own child: the command, or init, which may be killed with everybody else. */
static bool look(struct job *j, int *ret_wait_status, struct report *ret_failure)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)j->child.pidfd, &info, WEXITED | WSTOPPED | WNOHANG) < 0 || !info.si_pid)
		return false;
	if (info.si_code == CLD_STOPPED) {
		stopped(j, info.si_status);
		return false;
	}
	/* What init has said of the command before it ended is better. */
	if (!hear(j, ret_wait_status, ret_failure))
		*ret_wait_status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	return true;
}

static void watch(struct job *j, int *ret_wait_status, struct report *ret_failure)
{
	for (;;) {
		struct pollfd polls[] = {
			{.fd = j->signals, .events = POLLIN}, {.fd = j->child.report, .events = POLLIN}};

		if (hear(j, ret_wait_status, ret_failure) || look(j, ret_wait_status, ret_failure))
			return;
		poll(polls, 2, -1);
		hand_on(j);
	}
}

/* ---- the end ---- */

/* A shell's loop ends with a death by SIGINT; and who shares our group would have got it from the terminal if the
 * command had not had that. */
static void die_alike(const struct job *j, bool lent, int signal)
{
	sigset_t set;

	if (j->terminal < 0 || (signal != SIGINT && signal != SIGQUIT))
		return;
	prctl(PR_SET_DUMPABLE, 0); /* no core of ours */
	sigemptyset(&set);
	sigaddset(&set, signal);
	kill(lent ? 0 : getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool job_wait(struct job *j, int *ret_status, struct report *ret_failure)
{
	int wait_status = 0;
	bool lent;

	*ret_failure = (struct report){.kind = REPORT_STARTED};
	watch(j, &wait_status, ret_failure);
	if (ret_failure->kind == REPORT_FAILED)
		return false;
	lent = has_terminal(j, j->child.pid);
	move_terminal(j, j->child.pid, getpgrp());
	if (WIFSIGNALED(wait_status))
		die_alike(j, lent, WTERMSIG(wait_status));
	*ret_status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	return true;
}
