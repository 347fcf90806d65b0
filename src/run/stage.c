/* The child of spawn(), from the clone to the exec.  It runs on the supervisor's memory while that one sleeps, and
 * neither allocates nor logs: what goes wrong is left in struct stage.  Nobody else is in its cage and its namespaces
 * as long as it does. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "run/init/init.h"
#include "run/spawn.h"

/* The death signal is lost when the parent died before prctl(); then the other end of the report socket is closed, for
 * our own copy of it is, too.  It is also cleared by a change of ids.  So this is called again when the walls stand. */
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

void stage_restore_schedule(const struct spawn_origin *origin)
{
	if (origin->policy == SCHED_BATCH || origin->policy == SCHED_IDLE)
		sched_setscheduler(0, origin->policy, &(struct sched_param){0});
	if (origin->nice)
		setpriority(PRIO_PROCESS, 0, origin->nice);
}

int stage_connect(int in, int out, struct err *e)
{
	if ((in > 0 && dup2(in, STDIN_FILENO) < 0) ||
		(out > 0 && (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)))
		return err_sys(e, "connect the standard streams");
	return 0;
}

static void do_nothing(int signal)
{
}

/* A Ctrl-Z that came while the signals were blocked would stop us before we execute: the supervisor would sleep on, and
 * the shell would not get its terminal back.  It is caught, which exec takes back; the next one finds the program. */
static void survive_stops(void)
{
	static const int stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};
	struct sigaction caught = {.sa_handler = do_nothing}, before;

	for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
		if (sigaction(stops[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			sigaction(stops[i], &caught, NULL);
}

static void restore_sigpipe(void)
{
	struct sigaction ordinary = {.sa_handler = SIG_DFL};

	sigaction(SIGPIPE, &ordinary, NULL); /* the only one that the supervisor ignores */
}

void stage_restore_signals(const struct spawn_origin *origin)
{
	restore_sigpipe();
	survive_stops();
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

/* With the terminal, if our group has it: whoever reads from it next must be in the foreground. */
static int leave_group(struct err *e)
{
	int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool foreground = terminal >= 0 && tcgetpgrp(terminal) == getpgrp();
	bool streams = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
	int r = setpgid(0, 0) < 0 ? err_sys(e, "begin a process group") : 0;

	if (r == 0 && foreground && streams)
		tcsetpgrp(terminal, getpid());
	if (terminal >= 0)
		close(terminal);
	return r;
}

static int raise_walls(struct stage *s, struct err *e)
{
	const int keep[JAIL_KEEP] = {s->report, jail_wants_init(s->what->jail) ? s->what->origin->init : -1};
	const struct spawn_origin *o = s->what->origin;
	int r;

	close(s->other_end);
	r = watch_parent(s->report, e);
	if (r == 0)
		r = stage_connect(o->in, s->what->out > 0 ? s->what->out : o->out, e);
	if (r == 0 && s->what->apart)
		r = leave_group(e);
	if (r == 0)
		r = join_cage(s->what->gate, e);
	if (r == 0)
		r = jail_enter(s->what->jail, keep, e);
	return r < 0 ? r : watch_parent(s->report, e);
}

/* Returns only if it fails. */
static void execute_command(struct stage *s)
{
	s->executing = true;
	stage_restore_signals(s->what->origin);
	jail_exec(s->what->jail, &s->err);
	s->status = spawn_exec_status(&s->err);
}

/* All of its signals are blocked until it waits for them. Its descriptor of the report is a fixed one, and that of its
 * own file is not in its way. */
static void execute_init(struct stage *s)
{
	sigset_t all;
	int image = s->what->origin->init;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	restore_sigpipe();
	if (image == INIT_REPORTS)
		image = fcntl(image, F_DUPFD_CLOEXEC, INIT_REPORTS + 1);
	if (s->report == INIT_REPORTS ? fcntl(s->report, F_SETFD, 0) < 0 : dup2(s->report, INIT_REPORTS) < 0) {
		err_sys(&s->err, "hand init its report");
		return;
	}
	s->executing = true;
	jail_exec_init(s->what->jail, image, &s->err);
}

void stage_main(void *stage)
{
	struct stage *s = stage;

	s->status = 125;
	stage_restore_schedule(s->what->origin);
	if (raise_walls(s, &s->err) == 0) {
		/* Not before the walls: they need descriptors, and with many virtuals the low numbers are taken. */
		if (!jail_limits(s->what->jail, RLIMIT_NOFILE))
			stage_restore_descriptors(s->what->origin);
		if (jail_wants_init(s->what->jail))
			execute_init(s);
		else
			execute_command(s);
	}
	_exit(125);
}
