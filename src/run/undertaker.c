#include "run/undertaker.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sys/raw.h"

enum { KILL_TIMEOUT_MS = 10000, LOOK_NS = 1000000, STACK = 256 * 1024, KERNEL_SIGSET_BYTES = 8 };

/* Our own program, as somebody else's: nothing of this memory is needed for that. */
static void collect(void)
{
	static const char *const argv[] = {"virtualing", "gc", NULL}, *const none[] = {NULL};

	raw_call(SYS_close_range, 0, ~0U, 0, 0, 0);
	raw_call(SYS_execve, (long)"/proc/self/exe", (long)argv, (long)none, 0, 0);
}

/* The socket closes a moment before the lock of the state folder falls, for the kernel closes the latest first: who
 * came in between would take the virtual for one that runs.  We are given another parent once everything is closed. */
static void wait_for_locks(pid_t supervisor)
{
	static const struct timespec pause = {.tv_nsec = LOOK_NS};

	while (raw_call(SYS_getppid, 0, 0, 0, 0, 0) == supervisor)
		raw_call(SYS_nanosleep, (long)&pause, 0, 0, 0, 0);
}

/* It keeps nothing of its supervisor's but these two: neither the locks, which must fall with that one, nor pipes.
 * As long as the supervisor lives, libc and its errno are that one's: raw calls only. */
static _Noreturn int watch_over(void *undertaker)
{
	const struct undertaker *u = undertaker;
	const uint64_t all = ~0ULL;
	char goodbye;
	long n;

	raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, KERNEL_SIGSET_BYTES, 0);
	raw_call(SYS_setsid, 0, 0, 0, 0, 0);
	raw_call(SYS_prctl, PR_SET_NAME, (long)"virtualing-end", 0, 0, 0);
	raw_call(SYS_dup3, u->theirs, STDIN_FILENO, 0, 0, 0);
	raw_call(SYS_dup3, u->cage, STDOUT_FILENO, 0, 0, 0);
	raw_call(SYS_close_range, STDERR_FILENO, ~0U, 0, 0, 0);
	while ((n = raw_call(SYS_read, STDIN_FILENO, (long)&goodbye, 1, 0, 0)) == -EINTR)
		;
	if (n != 1 && u->leave) {
		wait_for_locks(u->supervisor);
		collect();
	} else if (n != 1) {
		cage_kill_holder(STDOUT_FILENO, KILL_TIMEOUT_MS);
	}
	for (;;)
		raw_call(SYS_exit_group, 0, 0, 0, 0, 0);
}

static int start(struct undertaker *u, struct err *e)
{
	u->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (u->stack == MAP_FAILED)
		return err_sys(e, "start the cage's watch");
	u->pid = clone(watch_over, (char *)u->stack + STACK, CLONE_VM | SIGCHLD, u);
	if (u->pid > 0)
		return 0;
	err_sys(e, "start the cage's watch");
	munmap(u->stack, STACK);
	u->pid = 0;
	return -e->code;
}

int undertaker_call(struct undertaker *u, const struct cage *c, bool leave, struct err *e)
{
	int pair[2], r;

	u->leave = leave;
	u->supervisor = getpid();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make the socket of the cage's watch");
	u->socket = pair[0];
	u->theirs = pair[1];
	u->cage = cage_holder(c);
	r = start(u, e);
	close(pair[1]);
	if (r < 0)
		close(pair[0]);
	return r;
}

void undertaker_dismiss(struct undertaker *u)
{
	if (!u->pid)
		return;
	if (send(u->socket, "", 1, MSG_NOSIGNAL) < 0)
		kill(u->pid, SIGKILL);
	close(u->socket);
	while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(u->stack, STACK);
	u->pid = 0;
}
