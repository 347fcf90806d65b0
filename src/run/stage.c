/* The child of spawn(), from the clone to the exec.  It runs on the supervisor's memory while that one sleeps, and
 * neither allocates nor logs: what goes wrong is left in struct stage. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "run/spawn.h"

enum { COMMAND_STACK = 32 * 1024 };

/* The death signal is lost when the parent died before prctl(); then the other end of the report socket is closed, once
 * our own copy of it is.  It is also cleared by a change of ids.  So this is called again when the walls stand. */
static int watch_parent(int report, struct err *e)
{
	struct pollfd p = {.fd = report};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(e, "ask to die with the supervisor");
	if (poll(&p, 1, 0) < 0)
		return err_sys(e, "look for the supervisor");
	return p.revents & (POLLHUP | POLLERR) ? err_set(e, ESRCH, "the supervisor is gone") : 0;
}

void stage_restore_descriptors(const struct spawn_origin *origin)
{
	if (origin->nofile.rlim_cur)
		setrlimit(RLIMIT_NOFILE, &origin->nofile); /* lowering what we have raised: always allowed */
}

/* A Ctrl-Z that came while the signals were blocked would stop us before we execute: the supervisor would sleep on, and
 * the shell would not get its terminal back.  It is forgotten; the next one finds the program. */
static void forget_stops(void)
{
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTSTP);
	while (sigtimedwait(&stops, NULL, &(struct timespec){0}) > 0)
		;
}

void stage_restore_signals(const struct spawn_origin *origin)
{
	struct sigaction ordinary = {.sa_handler = SIG_DFL};

	sigaction(SIGPIPE, &ordinary, NULL); /* the only one that the supervisor ignores */
	forget_stops();
	sigprocmask(SIG_SETMASK, &origin->mask, NULL);
}

/* v1: "0" means the writer itself, and "tasks", unlike "cgroup.procs", does not wait for an RCU grace period. */
static int join_cage(const struct cage_gate *gate, struct err *e)
{
	for (size_t i = 0; i < gate->tasks_count; i++)
		if (write(gate->tasks[i], "0", 1) < 0)
			return err_sys(e, "join control group %zu of the cage", i + 1);
	return 0;
}

static int raise_walls(struct stage *s, struct err *e)
{
	const int keep[JAIL_KEEP] = {s->report, jail_wants_init(s->what->jail) ? s->what->origin->init : -1};
	int r = watch_parent(s->report, e);

	if (r == 0)
		r = join_cage(s->what->gate, e);
	if (r == 0)
		r = jail_enter(s->what->jail, keep, e);
	return r < 0 ? r : watch_parent(s->report, e);
}

/* Returns only if it fails. */
static void execute_command(struct stage *s)
{
	stage_restore_signals(s->what->origin);
	s->executing = true;
	jail_exec(s->what->jail, &s->err);
	s->executing = false;
	s->status = s->err.code == ENOENT ? 127 : 126;
}

/* ---- with an init ---- */

static int command_main(void *stage)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execute_command(stage);
	_exit(125);
}

static int send_command(int report, int pidfd, struct err *e)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct report r = {.kind = REPORT_COMMAND};
	struct iovec data = {&r, sizeof r};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pidfd, sizeof(int));
	while (sendmsg(report, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_sys(e, "hand the command over");
	return 0;
}

/* Nothing stays open but the report: a pipe that the command closes is then closed for its reader too. */
static void become_init(struct stage *s, pid_t command)
{
	char number[16];
	char *const argv[] = {(char[]){"virtualing-init"}, number, NULL}, *const none[] = {NULL};

	snprintf(number, sizeof number, "%d", command);
	if (dup2(s->report, STDIN_FILENO) < 0 || close_range(1, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
		err_sys(&s->err, "leave init its report only");
		return;
	}
	execveat(s->what->origin->init, "", argv, none, AT_EMPTY_PATH);
	err_sys(&s->err, "execute init");
}

/* The command is started before init is executed, with the memory and the words for what can go wrong still at hand.
 * A plain clone(2), since the filter is in force and answers clone3 with ENOSYS.  CLONE_VFORK: when it returns, the
 * command has been executed or has failed.  It waits for us as soon as we are init: signals stay blocked. */
static void start_with_init(struct stage *s)
{
	_Alignas(16) char stack[COMMAND_STACK];
	sigset_t all;
	int pidfd = -1;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	pid = clone(command_main, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, s, &pidfd);
	if (pid < 0)
		err_sys(&s->err, "start the command");
	else if (!s->err.code && send_command(s->report, pidfd, &s->err) == 0)
		become_init(s, pid);
}

void stage_main(void *stage)
{
	struct stage *s = stage;

	s->status = 125;
	if (raise_walls(s, &s->err) == 0) {
		/* Not before the walls: they need descriptors, and with many virtuals the low numbers are taken. */
		if (!jail_limits(s->what->jail, RLIMIT_NOFILE))
			stage_restore_descriptors(s->what->origin);
		if (jail_wants_init(s->what->jail))
			start_with_init(s);
		else
			execute_command(s);
	}
	_exit(125);
}
