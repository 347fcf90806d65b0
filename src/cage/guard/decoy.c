#include "cage/guard/decoy.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/inner.h"
#include "decoy_image.h"
#include "sys/borrow.h"
#include "sys/image.h"

enum { STACK = 16 * 1024 };

/* ---- what they are made with ---- */

/* Our own program, which is in memory anyway; or, where that is smaller than what a decoy maps, a file in memory. */
static int open_mapped(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat s;

	if (fd >= 0 && fstat(fd, &s) == 0 && s.st_size >= DECOY_FILE_BYTES)
		return fd;
	fd_drop(&fd);
	fd = memfd_create("virtualing-decoys", MFD_CLOEXEC);
	if (fd >= 0 && ftruncate(fd, DECOY_FILE_BYTES) < 0)
		fd_drop(&fd);
	return fd;
}

int decoy_kit_open(struct decoy_kit *k, const struct cage *c, struct err *e)
{
	int pair[2];

	*k = DECOY_KIT_NONE;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "make the decoys' pipe");
	k->news = pair[0];
	k->theirs = pair[1];
	fcntl(k->news, F_SETFL, O_NONBLOCK);
	k->image = image_open("virtualing-decoy", decoy_image, sizeof decoy_image, e);
	if (k->image < 0)
		return -e->code;
	k->mapped = open_mapped();
	if (k->mapped < 0)
		return err_sys(e, "open a file for the decoys to map");
	k->group = cage_open_air(c, e);
	return k->group < 0 ? -e->code : 0;
}

void decoy_kit_drop(struct decoy_kit *k)
{
	fd_drop(&k->image);
	fd_drop(&k->mapped);
	fd_drop(&k->group);
	fd_drop(&k->news);
	fd_drop(&k->theirs);
}

/* ---- start ---- */

struct birth {
	const struct decoy_kit *kit;
	struct err err;
};

static int take_place(int fd, int place)
{
	return fd == place ? fcntl(fd, F_SETFD, 0) : dup2(fd, place);
}

/* The child, on our memory. All of its signals are blocked: it takes the two that it knows with sigtimedwait, which
 * does not stop a tracee. */
static void be_born(void *arg)
{
	struct birth *b = arg;
	const struct decoy_kit *k = b->kit;
	char times[16];
	char *const argv[] = {(char[]){"virtualing-decoy"}, times, NULL}, *const none[] = {NULL};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* until it is seized */
	setsid();
	snprintf(times, sizeof times, "%u", k->inflate_mib);
	/* Descriptors above 2, so none is in the way of another. */
	if (take_place(k->mapped, 0) < 0 || take_place(k->group, 1) < 0 || take_place(k->theirs, 2) < 0 ||
		close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		err_sys(&b->err, "give a decoy what it needs");
	else if (execveat(k->image, "", argv, none, AT_EMPTY_PATH) < 0)
		err_sys(&b->err, "execute a decoy");
	_exit(1);
}

int decoy_start(const struct decoy_kit *k, struct decoy *d, struct err *e)
{
	_Alignas(16) char stack[STACK];
	struct birth b = {.kit = k};
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid = borrow_clone(&args, stack, sizeof stack, be_born, &b);

	if (pid < 0)
		return err_sys(e, "start a decoy");
	if (b.err.code == 0 && ptrace(PTRACE_SEIZE, pid, NULL, (void *)(PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)) < 0)
		err_sys(&b.err, "trace a decoy (kernel.yama.ptrace_scope=3, or a filter, forbids it)");
	if (b.err.code) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		*e = b.err;
		return -e->code;
	}
	*d = (struct decoy){.state = DECOY_STARTED, .mib = k->inflate_mib, .pid = pid};
	return 0;
}

/* ---- life ---- */

void decoy_join(struct decoy *d)
{
	kill(d->pid, SIGUSR1);
	d->state = DECOY_JOINING;
}

/* Not by SIGKILL: that is what the kernel sends to whom it chooses, and it may choose this one now. */
void decoy_dismiss(struct decoy *d)
{
	kill(d->pid, SIGUSR2);
	d->state = d->state == DECOY_ARMED ? DECOY_DISMISSED : DECOY_LEAVING;
}

void decoy_let_go(struct decoy *d)
{
	ptrace(PTRACE_CONT, d->pid, NULL, NULL);
	d->state = DECOY_LEAVING;
}

void decoy_kill(struct decoy *d)
{
	kill(d->pid, SIGKILL);
	if (d->state == DECOY_HELD)
		decoy_let_go(d);
	d->state = DECOY_LEAVING;
}

static bool may_be_chosen(const struct decoy *d)
{
	return d->state == DECOY_JOINING || d->state == DECOY_ARMED || d->state == DECOY_DISMISSED;
}

static bool is_at_the_door(int status)
{
	return status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

/* Not one that has ended itself, because it could not join. */
static bool was_killed(pid_t pid)
{
	unsigned long status = 0;

	return ptrace(PTRACE_GETEVENTMSG, pid, NULL, &status) == 0 && WIFSIGNALED((int)status) &&
	       WTERMSIG((int)status) == SIGKILL;
}

/* Who is killed before it is inside, or by us, was not chosen for the cage. */
bool decoy_look(struct decoy *d)
{
	int status;

	while (d->state != DECOY_NONE && waitpid(d->pid, &status, WNOHANG | __WALL) == d->pid) {
		if (!WIFSTOPPED(status)) {
			d->state = DECOY_NONE;
		} else if (!is_at_the_door(status)) {
			ptrace(PTRACE_CONT, d->pid, NULL, NULL);
		} else if (may_be_chosen(d) && was_killed(d->pid)) {
			d->state = DECOY_HELD;
			return true;
		} else {
			decoy_let_go(d);
		}
	}
	return false;
}
