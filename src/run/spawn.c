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
#include "sys/borrow.h"
#include "sys/proc.h"

enum { STAGE_STACK = 112 * 1024, PROGRAM_STACK = 16 * 1024 };

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

/* Where the stage says nothing and has not come to an exec either, somebody has killed it. */
static bool was_killed(const struct stage *s, int pidfd)
{
	siginfo_t info = {0};

	return !s->executing && waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid &&
	       info.si_code != CLD_EXITED;
}

static int receive_command(int report, int *ret_pidfd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct report r;
	struct iovec data = {&r, sizeof r};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c;

	if (recvmsg(report, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != sizeof r)
		return -1;
	c = CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(ret_pidfd, CMSG_DATA(c), sizeof(int));
	return 0;
}

static int find_command(const struct spawn *what, const struct stage *s, struct spawned *ret, struct err *e)
{
	if (!jail_wants_init(what->jail)) {
		ret->main_pid = ret->pid;
		ret->main_pidfd = fcntl(ret->pidfd, F_DUPFD_CLOEXEC, 3);
		fd_drop(&ret->report);
		return ret->main_pidfd < 0 ? err_sys(e, "hold the command") : 0;
	}
	if (receive_command(ret->report, &ret->main_pidfd) < 0)
		return err_set(e, ECHILD, "the process was killed before it became init");
	ret->main_pid = proc_pid_of(ret->main_pidfd);
	return 0;
}

int spawn(const struct spawn *what, struct spawned *ret, int *ret_status, struct err *e)
{
	_Alignas(16) char stack[STAGE_STACK];
	AUTO(fd_drop) int theirs = -1;
	int pair[2], pidfd = -1;
	uint64_t flags = jail_clone_flags(what->jail);
	struct clone_args args = {.exit_signal = SIGCHLD, .flags = flags | CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd};
	struct stage stage = {.what = what};
	pid_t pid;

	*ret = SPAWNED_NONE;
	*ret_status = 125;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make the report socket");
	ret->report = pair[0];
	theirs = pair[1];
	fcntl(ret->report, F_SETFL, O_NONBLOCK);
	if (what->gate->into >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)what->gate->into;
	}
	stage.report = theirs;
	pid = borrow_clone(&args, stack, sizeof stack, stage_main, &stage);
	if (pid < 0) {
		explain(flags, what->gate->into, e);
		fd_drop(&ret->report);
		return -e->code;
	}
	ret->pid = pid;
	ret->pidfd = pidfd;
	if (stage.err.code) {
		*ret_status = stage.status;
		*e = stage.err;
		return -e->code;
	}
	if (was_killed(&stage, pidfd))
		return err_set(e, ECHILD, "the process was killed before it could execute the command");
	return find_command(what, &stage, ret, e);
}

int spawn_report(int report, struct report *ret)
{
	ssize_t n = recv(report, ret, sizeof *ret, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n == sizeof *ret ? 1 : -EPIPE;
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
	} else {
		/* dup2 leaves 3 open across exec; when it is 3 already, only its flag is in the way. */
		if (p->fd3 == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(p->fd3, 3);
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
