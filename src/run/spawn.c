#include "run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

static pid_t clone3(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof *args);
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

int spawn(const struct spawn *what, struct spawned *ret, struct err *e)
{
	AUTO(fd_drop) int ours = -1;
	AUTO(fd_drop) int theirs = -1;
	int pair[2], pidfd = -1;
	uint64_t flags = jail_clone_flags(what->jail);
	struct clone_args args = {.exit_signal = SIGCHLD, .pidfd = (uintptr_t)&pidfd};
	struct stage stage = {.what = what};
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make the report socket");
	ours = pair[0];
	theirs = pair[1];
	fcntl(ours, F_SETFL, O_NONBLOCK);
	args.flags = flags | CLONE_PIDFD;
	if (what->gate->into >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)what->gate->into;
	}
	stage.report = theirs;
	pid = clone3(&args);
	if (pid < 0)
		return explain(flags, what->gate->into, e);
	if (pid == 0)
		stage_main(&stage);
	*ret = (struct spawned){.pid = pid, .pidfd = pidfd, .report = fd_take(&ours)};
	return 0;
}

int spawn_report(int report, struct report *ret, int *ret_pidfd, struct err *e)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec data = {ret, sizeof *ret};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c;
	ssize_t n = recvmsg(report, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	*ret_pidfd = -1;
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0
		       : errno == ECONNRESET		 ? -EPIPE
							 : err_sys(e, "read a report");
	c = CMSG_FIRSTHDR(&message);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_pidfd, CMSG_DATA(c), sizeof(int));
	if (n != sizeof *ret) {
		fd_drop(ret_pidfd);
		return err_set(e, EPROTO, "a report of %zd bytes", n);
	}
	ret->err.text[ERR_TEXT - 1] = '\0';
	return 1;
}

/* The child of spawn_program. */
static __attribute__((noreturn)) void program_main(
	const char *path, char *const *argv, int fd3, int report, const struct spawn_origin *origin)
{
	struct report r = {.kind = REPORT_FAILED};

	if (stage_watch_parent(report, &r.err) == 0) {
		/* dup2 leaves 3 open across exec; when it is 3 already, only its flag is in the way. */
		if (fd3 == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(fd3, 3);
		stage_restore_descriptors(origin);
		stage_restore_signals(origin);
		execv(path, argv);
		err_sys(&r.err, "execute %s", path);
	}
	stage_send(report, &r, -1);
	_exit(125);
}

int spawn_program(const char *path, char *const *argv, int fd3, const struct spawn_origin *origin, struct spawned *ret,
	struct err *e)
{
	int pair[2], pidfd = -1;
	struct clone_args args = {.exit_signal = SIGCHLD, .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd};
	pid_t pid;

	/* Descriptor 3 of the program must not be the report's own. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make the report socket");
	pid = clone3(&args);
	if (pid == 0) {
		int report = fcntl(pair[1], F_DUPFD_CLOEXEC, 4);

		close(pair[0]);
		close(pair[1]);
		program_main(path, argv, fd3, report, origin);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_sys(e, "clone3");
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*ret = (struct spawned){.pid = pid, .pidfd = pidfd, .report = pair[0]};
	return 0;
}
