#include "cage/guard/trial.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/cage.h"
#include "cage/guard/guard.h"
#include "cage/inner.h"

enum {
	LIMIT = 4 << 20, /* and what the kernel charges ahead for each CPU */
	LONGEST_MS = 10000,
	PAGE = 4096,
	CLEAR_MS = 2,
};

struct trial {
	struct guard_owner owner;
	struct cage *cage;
	struct guard *guard;
	struct loop *loop;
	struct alarm alarm;
	pid_t eater;
	int status;
	bool ended, no_swap;
	unsigned holds; /* how often it was held */
	uint64_t end_ms;
};

static uint64_t limit_bytes(void)
{
	return LIMIT + cage_slack_bytes();
}

#define OWNER_OF(pointer, field) ((struct trial *)((char *)(pointer)-offsetof(struct trial, field)))

static struct limits limits_of(const struct trial *t, uint64_t bytes)
{
	return (struct limits){
		.given = 1U << LIMIT_MEMORY | (t->no_swap ? 1U << LIMIT_SWAP : 0), .value = {[LIMIT_MEMORY] = bytes}};
}

static int limit(struct trial *t, uint64_t bytes, struct err *e)
{
	struct limits l = limits_of(t, bytes);

	return cage_apply(t->cage, &l, e);
}

/* Without swap, which would give way instead of the limit.  Not every host can limit that. */
static int limit_all(struct trial *t, struct err *e)
{
	if (limit(t, limit_bytes(), e) == 0)
		return 0;
	t->no_swap = false;
	return limit(t, limit_bytes(), e);
}

static void full(struct guard_owner *o)
{
	struct trial *t = OWNER_OF(o, owner);
	struct err ignored;

	t->holds++;
	guard_release(t->guard, limit(t, 4 * limit_bytes(), &ignored) == 0);
}

static void late(struct guard_owner *o)
{
	guard_release(OWNER_OF(o, owner)->guard, false);
}

static void look(struct alarm *a)
{
	struct trial *t = OWNER_OF(a, alarm);

	guard_look(t->guard);
	t->ended = waitpid(t->eater, &t->status, WNOHANG) != 0;
	loop_set_alarm(t->loop, a, 1);
}

/* The child's whole life. */
static __attribute__((noreturn)) void eat(const struct cage_gate *gate, pid_t parent)
{
	size_t taken = 2 * limit_bytes();
	char *p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* already */
		_exit(1);
	prctl(PR_SET_NAME, "virtualing-try");
	for (size_t i = 0; i < gate->tasks_count; i++)
		if (write(gate->tasks[i], "0", 1) != 1)
			_exit(2);
	/* Nothing of the supervisor's, and not its locks: they fall with that one, even if we are frozen then. */
	close_range(3, ~0U, 0);
	p = mmap(NULL, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		_exit(3);
	mlock2(p, taken, MLOCK_ONFAULT); /* where swap cannot be limited; best effort */
	for (size_t i = 0; i < taken; i += PAGE)
		p[i] = 1;
	_exit(0);
}

static int start_eater(struct trial *t, struct err *e)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	struct cage_gate gate;
	pid_t parent = getpid();
	int r = cage_gate(t->cage, &gate, e);

	if (r < 0)
		return r;
	if (gate.into >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)gate.into;
	}
	t->eater = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (t->eater == 0)
		eat(&gate, parent);
	cage_close_gate(t->cage);
	return t->eater < 0 ? err_sys(e, "start a process") : 0;
}

static int run(struct trial *t, struct err *e)
{
	int r;

	t->end_ms = loop_now_ms() + LONGEST_MS;
	r = start_eater(t, e);
	if (r < 0)
		return r;
	t->alarm.ring = look;
	loop_set_alarm(t->loop, &t->alarm, 1);
	while (r == 0 && !t->ended && loop_now_ms() < t->end_ms)
		r = loop_turn(t->loop, e);
	if (r < 0)
		return r;
	if (!t->ended)
		return err_set(e, EAGAIN, "a full cage was not let go on within %d s", LONGEST_MS / 1000);
	if (WIFSIGNALED(t->status))
		return err_set(e, EOPNOTSUPP, "the program was killed at the limit");
	if (t->status != 0)
		return err_set(e, EIO, "a process of the trial ended with status %d", WEXITSTATUS(t->status));
	return t->holds ? 0 : err_set(e, EOPNOTSUPP, "the limit was passed and nothing was held");
}

static void clear(struct trial *t)
{
	uint64_t end = loop_now_ms() + LONGEST_MS;
	struct err ignored;

	guard_drop(&t->guard);
	if (t->cage)
		cage_kill(t->cage, &ignored);
	if (t->eater > 0 && !t->ended)
		waitpid(t->eater, NULL, 0);
	while (t->cage && cage_remove(t->cage, &ignored) == -EBUSY && loop_now_ms() < end)
		nanosleep(&(struct timespec){.tv_nsec = CLEAR_MS * 1000000L}, NULL);
	cage_drop(&t->cage);
	loop_drop(&t->loop);
}

/* What is missing for good, and not memory or descriptors just now, this host cannot do. */
static int start(struct trial *t, enum guard_kind kind, struct err *e)
{
	int r = guard_start(t->loop, t->cage, kind, LONGEST_MS, &t->owner, &t->guard, e);

	if (r == -EPERM || r == -EACCES || r == -ENOSYS || r == -ENOENT || r == -ECHILD)
		e->code = EOPNOTSUPP;
	return r < 0 ? -e->code : 0;
}

int guard_try(const struct cage_host *host, enum guard_kind kind, const char *group, struct undo *u, struct err *e)
{
	struct trial t = {.owner = {full, late}, .no_swap = true};
	struct limits l = limits_of(&t, limit_bytes());
	int r = loop_open(&t.loop, e);

	if (r == 0)
		r = cage_create(host, group, &l, u, &t.cage, e);
	if (r == 0)
		r = limit_all(&t, e);
	if (r == 0)
		r = start(&t, kind, e);
	if (r == 0)
		r = run(&t, e);
	clear(&t);
	return r;
}
