/* The child of spawn(), from the clone to exec or to init's loop.  It is single-threaded, holds a copy of the
 * supervisor's memory, and neither allocates nor logs: what goes wrong is one report. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/spawn.h"

void stage_send(int report, const struct report *r, int pidfd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec data = {(void *)r, sizeof *r};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	if (pidfd >= 0) {
		struct cmsghdr *c;

		message.msg_control = control;
		message.msg_controllen = sizeof control;
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pidfd, sizeof(int));
	}
	while (sendmsg(report, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* The death signal is lost when the parent died before prctl(); then the other end of the report socket is closed.
 * It is also cleared by a change of ids, so this is called again after that. */
int stage_watch_parent(int report, struct err *e)
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

void stage_restore_signals(const struct spawn_origin *origin)
{
	struct sigaction ordinary = {.sa_handler = SIG_DFL};

	sigaction(SIGPIPE, &ordinary, NULL); /* the only one that the supervisor ignores */
	sigprocmask(SIG_SETMASK, &origin->mask, NULL);
}

int stage_exec_status(const struct err *e)
{
	return e->code == ENOENT ? 127 : 126;
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
	int r = stage_watch_parent(s->report, e);

	if (r == 0)
		r = join_cage(s->what->gate, e);
	if (r == 0)
		r = jail_enter(s->what->jail, s->report, e);
	return r < 0 ? r : stage_watch_parent(s->report, e);
}

void stage_main(struct stage *s)
{
	struct report r = {.kind = REPORT_FAILED, .value = 125};

	if (raise_walls(s, &r.err) == 0) {
		/* Not before the walls: they need descriptors, and with many virtuals the low numbers are taken. */
		if (!jail_limits(s->what->jail, RLIMIT_NOFILE))
			stage_restore_descriptors(s->what->origin);
		if (jail_wants_init(s->what->jail))
			init_main(s);
		stage_restore_signals(s->what->origin);
		jail_exec(s->what->jail, &r.err);
		r.value = stage_exec_status(&r.err);
	}
	stage_send(s->report, &r, -1);
	_exit(125);
}
