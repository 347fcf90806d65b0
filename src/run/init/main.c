/* init: pid 1 of a jail.  Executes the command, forwards the signals that are sent to it, reaps whatever is left to it,
 * says how the command ended, and ends itself, which ends everything else in the pid namespace.
 *
 *     virtualing-init COMMAND [ARG...]
 *
 * It is executed by the stage (run/stage.c) when the walls stand, and before anybody else is inside: it is behind the
 * same walls as the command (root, ids, capabilities, filter), all signals are blocked, 0 to 2 are the command's,
 * REPORTS is the report socket.  It dies with the supervisor (PR_SET_PDEATHSIG outlives exec).
 *
 * `virtualing exec` has it too, for the command to be in the jail's pid namespace, which only a child can be: outside
 * of that and in the command's process group, so that it passes on no signal (order.deaf), for both get those of the
 * group.
 *
 * It is a program of its own, and one without libc, because one of these stays beside each virtual and is started in
 * each launch: two pages of memory and a handful of page faults, where a copy of the supervisor has a hundred.  Its
 * file is in memory, sealed (sys/image.h), so whoever opens /proc/1/exe inside has nothing of the host in his hands.
 */
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "run/init/init.h"
#include "run/report.h"
#include "sys/raw.h"

enum { KERNEL_SIGSET_BYTES = 8, COMMAND_STACK = 16 * 1024 };

struct command {
	char **words; /* a free place, then the command */
	char **env;
	struct order order;
	struct report failure; /* in the memory that both use */
};

/* Without a supervisor nobody listens, and we are about to die. */
static void send_report(const struct report *r, int pidfd)
{
	struct iovec data = {(void *)r, sizeof *r};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	if (pidfd >= 0) {
		control.header = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
		*(int *)(void *)CMSG_DATA(&control.header) = pidfd;
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
	}
	while (raw_call(SYS_sendmsg, INIT_REPORTS, (long)&message, MSG_NOSIGNAL, 0, 0) == -EINTR)
		;
}

static void report(enum report_kind kind, int value)
{
	struct report r = {.kind = kind, .value = value};

	send_report(&r, -1);
}

static _Noreturn void leave(int code)
{
	for (;;)
		raw_call(SYS_exit_group, code, 0, 0, 0, 0);
}

/* ---- the command ---- */

/* A Ctrl-Z that came while the signals were blocked would stop the command before it is executed, and us with it, who
 * should tell of it.  It is forgotten; the next one finds the program. */
static void forget_stops(void)
{
	static const uint64_t stop = 1ULL << (SIGTSTP - 1);
	static const struct timespec now;
	siginfo_t info;

	while (raw_call(SYS_rt_sigtimedwait, (long)&stop, (long)&info, (long)&now, KERNEL_SIGSET_BYTES, 0) > 0)
		;
}

/* Whoever reads the reports dies before we are killed for it, so that his end is closed by then.  Only calls that are
 * made here anyway, for the filter may be anybody's. */
static bool is_anybody_there(void)
{
	char nothing;
	long n;

	raw_call(SYS_fcntl, INIT_REPORTS, F_SETFL, O_NONBLOCK, 0, 0);
	n = raw_call(SYS_read, INIT_REPORTS, (long)&nothing, sizeof nothing, 0, 0);
	raw_call(SYS_fcntl, INIT_REPORTS, F_SETFL, 0, 0, 0);
	return n != 0;
}

static void run_command(void *arg)
{
	struct command *c = arg;

	raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* The signal is lost when our parent died before, and outside of his pid namespace nothing else ends us. */
	if (c->order.deaf && !is_anybody_there())
		leave(125);
	forget_stops();
	raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&c->order.mask, 0, KERNEL_SIGSET_BYTES, 0);
	execute(c->words, c->env, &c->failure.why);
	c->failure.kind = REPORT_FAILED;
	leave(125);
}

/* A plain clone(2), since the jail's filter is in force already and answers clone3 with ENOSYS.  CLONE_VFORK: when this
 * returns, the command has been executed or has failed. */
static long start(struct command *c)
{
	_Alignas(16) char stack[COMMAND_STACK];
	int pidfd = -1;
	long pid;

	c->failure.kind = REPORT_STARTED;
	pid = raw_borrow(SYS_clone, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, (long)(stack + sizeof stack),
		(long)&pidfd, run_command, c);
	if (pid < 0) {
		c->failure.kind = REPORT_FAILED;
		c->failure.value = (int)-pid;
	}
	send_report(&c->failure, c->failure.kind == REPORT_STARTED ? pidfd : -1);
	if (c->failure.kind == REPORT_FAILED)
		leave(125);
	return pid;
}

/* ---- afterwards ---- */

/* Everything that has changed since the last look; several signals of one kind may come as one. */
static void reap(long command)
{
	int status;
	long pid;

	while ((pid = raw_call(SYS_wait4, -1, (long)&status, WNOHANG | WUNTRACED, 0, 0)) > 0) {
		if (pid != command)
			continue;
		if (WIFSTOPPED(status)) {
			report(REPORT_STOPPED, WSTOPSIG(status));
			continue;
		}
		report(REPORT_ENDED, status);
		leave(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
}

static _Noreturn void serve(long command, bool deaf)
{
	static const uint64_t all = ~0ULL;
	siginfo_t info;

	/* Nothing stays open but the report: a pipe that the command closes is then closed for its reader too. */
	raw_call(SYS_close_range, 0, INIT_REPORTS - 1, 0, 0, 0);
	raw_call(SYS_close_range, INIT_REPORTS + 1, ~0U, 0, 0, 0);
	for (;;) {
		if (raw_call(SYS_rt_sigtimedwait, (long)&all, (long)&info, 0, KERNEL_SIGSET_BYTES, 0) < 0)
			continue;
		if (info.si_signo == SIGCHLD)
			reap(command);
		else if (!deaf && info.si_code != SI_KERNEL) /* the terminal has sent its own to the command as well */
			raw_call(SYS_kill, command, info.si_signo, 0, 0, 0);
	}
}

/* Called by the first instruction with the kernel's first stack: argc, argv, NULL, environment, NULL. */
__attribute__((used)) static _Noreturn void begin(char **stack)
{
	struct command c = {.words = stack + 1, .env = stack + (intptr_t)stack[0] + 2};

	/* exec has made us dumpable, and the command must not trace us: it is not there yet. */
	raw_call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	raw_call(SYS_prctl, PR_SET_NAME, (long)"virtualing-init", 0, 0, 0);
	raw_call(SYS_fcntl, INIT_REPORTS, F_SETFD, FD_CLOEXEC, 0, 0);
	if (raw_call(SYS_read, INIT_REPORTS, (long)&c.order, sizeof c.order, 0, 0) != sizeof c.order)
		leave(125);
	serve(start(&c), c.order.deaf);
}

RAW_START(begin)
