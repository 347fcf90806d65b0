#include "run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "init_image.h"
#include "sys/borrow.h"
#include "sys/image.h"
#include "sys/proc.h"

enum { STAGE_STACK = 112 * 1024, PROGRAM_STACK = 16 * 1024 };

static int need_init(struct spawn_origin *o, struct err *e)
{
	if (o->init < 0)
		o->init = image_open("virtualing-init", init_image, sizeof init_image, e);
	return o->init < 0 ? err_while(e, "(--no-init does without it)") : 0;
}

int spawn_exec_status(const struct err *e)
{
	return e->code == ENOENT ? 127 : 126;
}

/* Where the kernel cannot do it at once (EBADF on v1 trees is not asked for; E2BIG before 5.7), say which flag it was.
 */
static int explain(uint64_t flags, int into, struct err *e)
{
	if (errno == E2BIG || (errno == EINVAL && into >= 0))
		return err_sys(e, "clone3: this kernel cannot start a process inside a control group (needs 5.7)");
	if (errno == ENOSPC)
		return err_sys(e, "clone3: the limit on namespaces is reached (see /proc/sys/user/max_*_namespaces)");
	if (errno == EPERM)
		return err_sys(e, "clone3: new namespaces (flags %#llx) need CAP_SYS_ADMIN", (unsigned long long)flags);
	return err_sys(e, "clone3");
}

/* The order lies in the socket before there is anybody who reads it. */
static int open_report(const struct spawn *what, struct spawned *ret, int *ret_theirs, struct err *e)
{
	struct order order = {.deaf = what->apart};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make the report socket");
	ret->report = pair[0];
	*ret_theirs = pair[1];
	for (int signal = 1; signal <= (int)(8 * sizeof order.mask); signal++)
		if (sigismember(&what->origin->mask, signal) == 1)
			order.mask |= 1ULL << (signal - 1);
	if (fcntl(ret->report, F_SETFL, O_NONBLOCK) < 0 ||
		(jail_wants_init(what->jail) && send(ret->report, &order, sizeof order, 0) < 0))
		return err_sys(e, "give init its order");
	return 0;
}

static pid_t clone_stage(const struct spawn *what, struct stage *s, int *ret_pidfd, struct err *e)
{
	_Alignas(16) char stack[STAGE_STACK];
	uint64_t flags = jail_clone_flags(what->jail);
	struct clone_args args = {.exit_signal = SIGCHLD, .flags = flags | CLONE_PIDFD, .pidfd = (uintptr_t)ret_pidfd};
	pid_t pid;

	if (what->gate->into >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)what->gate->into;
	}
	pid = borrow_clone(&args, stack, sizeof stack, stage_main, s);
	return pid < 0 ? explain(flags, what->gate->into, e) : pid;
}

/* Without an init the child has become the command, and nobody reports. */
static int be_command(struct spawned *s, struct err *e)
{
	s->main_pid = s->pid;
	s->main_pidfd = fcntl(s->pidfd, F_DUPFD_CLOEXEC, 3);
	fd_drop(&s->report);
	return s->main_pidfd < 0 ? err_sys(e, "hold the command") : 0;
}

int spawn(const struct spawn *what, struct spawned *ret, int *ret_status, struct err *e)
{
	AUTO(fd_drop) int theirs = -1;
	struct stage stage = {.what = what, .status = 125};
	int r;

	*ret = SPAWNED_NONE;
	*ret_status = 125;
	r = jail_wants_init(what->jail) ? need_init(what->origin, e) : 0;
	if (r == 0)
		r = open_report(what, ret, &theirs, e);
	if (r < 0)
		return r;
	stage.report = theirs;
	stage.other_end = ret->report;
	r = clone_stage(what, &stage, &ret->pidfd, e);
	if (r < 0)
		return r;
	ret->pid = r;
	*ret_status = stage.status;
	if (stage.err.code) {
		*e = stage.err;
		return -e->code;
	}
	if (!stage.executing) /* it has not said why it ended: somebody has ended it */
		return err_set(e, ECHILD, "the process was killed before it could execute the command");
	return jail_wants_init(what->jail) ? 0 : be_command(ret, e);
}

static void take_command(struct spawned *s, struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	fd_drop(&s->main_pidfd);
	memcpy(&s->main_pidfd, CMSG_DATA(c), sizeof(int));
	s->main_pid = proc_pid_of(s->main_pidfd);
	if (s->main_pid < 0) /* it has ended, and init has reaped it */
		s->main_pid = 0;
}

int spawn_report(struct spawned *s, struct report *ret)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec data = {ret, sizeof *ret};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(s->report, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		take_command(s, &message);
	if (n != sizeof *ret)
		return -EPIPE;
	ret->why.file[sizeof ret->why.file - 1] = '\0';
	ret->why.interpreter[sizeof ret->why.interpreter - 1] = '\0';
	return 1;
}

/* ---- programs of ours ---- */

struct program {
	const char *path;
	char *const *argv;
	int fd3;
	const struct spawn_origin *origin;
	pid_t supervisor;
	struct err err;
};

static void program_main(void *program)
{
	struct program *p = program;

	/* The death signal is lost when the supervisor died before prctl(). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != p->supervisor) {
		err_sys(&p->err, "ask to die with the supervisor");
	} else if (stage_connect(p->origin->in, p->origin->out, &p->err) == 0) {
		/* dup2 leaves 3 open across exec; when it is 3 already, only its flag is in the way. */
		if (p->fd3 == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(p->fd3, 3);
		stage_restore_schedule(p->origin);
		stage_restore_descriptors(p->origin);
		stage_restore_signals(p->origin);
		execv(p->path, p->argv);
		err_sys(&p->err, "execute %s", p->path);
	}
	_exit(125);
}

int spawn_program(const char *path, char *const *argv, int fd3, const struct spawn_origin *origin, struct spawned *ret,
	struct err *e)
{
	_Alignas(16) char stack[PROGRAM_STACK];
	struct program p = {.path = path, .argv = argv, .fd3 = fd3, .origin = origin, .supervisor = getpid()};
	int pidfd = -1;
	struct clone_args args = {.exit_signal = SIGCHLD, .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd};
	pid_t pid = borrow_clone(&args, stack, sizeof stack, program_main, &p);

	*ret = SPAWNED_NONE;
	if (pid < 0)
		return err_sys(e, "clone3");
	if (p.err.code) {
		waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){0}, WEXITED);
		close(pidfd);
		*e = p.err;
		return -e->code;
	}
	ret->pid = pid;
	ret->pidfd = pidfd;
	return 0;
}
