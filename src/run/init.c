/* Pid 1 of a jail: starts the command, forwards the signals that are sent to it, reaps whatever is left to it, says
 * how the command ended, and ends itself, which ends everything else in the pid namespace.
 *
 * It stands behind the same walls as the command (root, ids, capabilities, filter) and is not dumpable, so the jail
 * cannot reach the host's binary through /proc/1/exe.  It ends with the command and never outlives the supervisor.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/spawn.h"

enum { COMMAND_STACK = 64 * 1024 };

struct command {
	struct stage *stage;
	struct err err; /* shared with the child, which runs on our memory until it executes */
};

static int command_main(void *arg)
{
	struct command *c = arg;

	/* Without a pid namespace of its own the command does not die with us by itself. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stage_restore_signals(c->stage->what->origin);
	jail_exec(c->stage->what->jail, &c->err);
	_exit(125);
}

/* A plain clone(2): the jail's filter is in force already, and it answers clone3 with ENOSYS. CLONE_VFORK: when this
 * returns, the command has been executed or has failed. */
static pid_t start_command(struct command *c, int *pidfd)
{
	static _Alignas(16) char stack[COMMAND_STACK]; /* of the one child, once */

	return clone(command_main, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, c, pidfd);
}

static __attribute__((noreturn)) void leave(int status)
{
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* Everything that has changed since the last look; several signals of one kind may come as one. */
static void reap(struct stage *s, pid_t command)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		struct report r = {.kind = REPORT_ENDED, .value = status};

		if (pid != command)
			continue;
		if (WIFSTOPPED(status)) {
			r.kind = REPORT_STOPPED;
			r.value = WSTOPSIG(status);
			stage_send(s->report, &r, -1);
			continue;
		}
		stage_send(s->report, &r, -1);
		leave(status);
	}
}

static __attribute__((noreturn)) void serve(struct stage *s, pid_t command)
{
	sigset_t all;
	siginfo_t info;

	sigfillset(&all);
	for (;;) {
		if (sigwaitinfo(&all, &info) < 0)
			continue;
		if (info.si_signo == SIGCHLD)
			reap(s, command);
		else if (info.si_code != SI_KERNEL) /* the terminal has sent its own to the command as well */
			kill(command, info.si_signo);
	}
}

void init_main(struct stage *s)
{
	struct command c = {.stage = s};
	struct report r = {.kind = REPORT_STARTED};
	sigset_t all;
	int pidfd = -1;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "virtualing-init");
	if (getpid() != 1)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = start_command(&c, &pidfd);
	if (pid < 0 || c.err.code) {
		int status = pid < 0 ? 125 : stage_exec_status(&c.err);

		if (pid < 0)
			err_sys(&c.err, "start the command");
		r = (struct report){.kind = REPORT_FAILED, .value = status, .err = c.err};
		stage_send(s->report, &r, -1);
		_exit(125);
	}
	stage_send(s->report, &r, pidfd);
	/* Nothing stays open but the report: a pipe that the command closes is then closed for its reader too. */
	s->report = dup2(s->report, 0);
	close_range(1, ~0U, 0);
	serve(s, pid);
}
