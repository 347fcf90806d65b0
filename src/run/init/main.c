/* init: pid 1 of a jail.  Forwards the signals that are sent to it, reaps whatever is left to it, says how the command
 * ended, and ends itself, which ends everything else in the pid namespace.
 *
 *     virtualing-init COMMAND
 *
 * COMMAND is the pid of its child that it is about.  It is executed by the stage (run/stage.c) when the walls stand and
 * the command runs: so it is behind the same walls (root, ids, capabilities, filter), all signals are blocked,
 * descriptor 0 is the report socket and no other is open.  It dies with the supervisor (PR_SET_PDEATHSIG outlives
 * exec).
 *
 * It is a program of its own, and one without libc, because one of these stays beside each virtual and is started in
 * each launch: two pages of memory and a handful of page faults, where a copy of the supervisor has a hundred.  Its
 * file is in memory, sealed (run/init/image.c), so whoever opens /proc/1/exe inside has nothing of the host in his
 * hands.
 */
#include <linux/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "run/report.h"
#include "sys/raw.h"

enum { REPORTS = 0, KERNEL_SIGSET_BYTES = 8 };

static void report(enum report_kind kind, int value)
{
	const struct report r = {kind, value};

	/* Without a supervisor nobody listens, and we are about to die. */
	while (raw_call(SYS_sendto, REPORTS, (long)&r, sizeof r, MSG_NOSIGNAL, 0) == -4 /* EINTR */)
		;
}

static _Noreturn void leave(int status)
{
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

	for (;;)
		raw_call(SYS_exit_group, code, 0, 0, 0, 0);
}

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
		leave(status);
	}
}

static long number(const char *text)
{
	long value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (*text++ - '0');
	return value;
}

/* Called by the first instruction with the kernel's first stack: argc, then argv. */
__attribute__((used)) static _Noreturn void serve(const intptr_t *stack)
{
	const long command = stack[0] > 1 ? number((const char *)stack[2]) : 0;
	const uint64_t all = ~0ULL;
	siginfo_t info;

	/* exec has made us dumpable: what is behind the same walls could trace us. */
	raw_call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	raw_call(SYS_prctl, PR_SET_NAME, (long)"virtualing-init", 0, 0, 0);
	for (;;) {
		if (raw_call(SYS_rt_sigtimedwait, (long)&all, (long)&info, 0, KERNEL_SIGSET_BYTES, 0) < 0)
			continue;
		if (info.si_signo == SIGCHLD)
			reap(command);
		else if (info.si_code != SI_KERNEL) /* the terminal has sent its own to the command as well */
			raw_call(SYS_kill, command, info.si_signo, 0, 0, 0);
	}
}

#if defined __x86_64__
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tcall serve\n\tud2\n");
#elif defined __aarch64__
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl serve\n\tbrk #1\n");
#elif defined __riscv
__asm__(".globl _start\n_start:\n\tmv a0, sp\n\tcall serve\n\tebreak\n");
#endif
