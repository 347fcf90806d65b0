/* killat: kills a program when it is about to make its Nth system call.
 *
 *     killat N -- PROGRAM [ARG...]
 *
 * Only the program itself is counted and killed, not what it starts: the first system call is the one after its exec.
 * Says on descriptor 2, as its last line, "killat: N NAME" with the call that did not happen any more.  Status: 0 when
 * it was killed so; 1 when it ended by itself before (line "killat: ended N STATUS", N calls made); 2 when this failed.
 *
 * Source: ptrace(2). The kill comes at the stop before the call, and the kernel then skips the call.
 */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

static _Noreturn void fail(const char *what)
{
	dprintf(2, "killat: %s: %s\n", what, strerrordesc_np(errno));
	exit(2);
}

static _Noreturn void become(char **argv)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		fail("trace");
	raise(SIGSTOP);
	execvp(argv[0], argv);
	fail(argv[0]);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			fail("wait");
	return status;
}

static int report_kill(unsigned long count, pid_t pid, int number)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	kill(pid, SIGKILL);
	wait_for(pid);
	dprintf(2, "killat: %lu %s\n", count, name ? name : "?");
	free(name);
	return 0;
}

static int report_end(unsigned long count, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	dprintf(2, "killat: ended %lu %d\n", count, code);
	return 1;
}

static int at_a_call(int status)
{
	return WSTOPSIG(status) == (SIGTRAP | 0x80);
}
static int at_exec(int status)
{
	return status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8);
}

/* The number of the call that the program is about to make, or -1 when it comes back from one. */
static int64_t call_ahead(pid_t pid)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) < 0)
		fail("look at a call");
	return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (int64_t)info.entry.nr : -1;
}

static int trace(pid_t pid, unsigned long target)
{
	unsigned long count = 0;
	int started = 0, deliver = 0, status = wait_for(pid);

	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC) < 0)
		fail("trace");
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (long)deliver) < 0 && errno != ESRCH)
			fail("go on");
		deliver = 0;
		status = wait_for(pid);
		if (!WIFSTOPPED(status))
			return report_end(count, status);
		if (at_a_call(status)) {
			int64_t call = call_ahead(pid);

			if (started && call >= 0 && ++count == target)
				return report_kill(count, pid, (int)call);
		} else if (at_exec(status)) {
			started = 1;
		} else {
			deliver = WSTOPSIG(status);
		}
	}
}

int main(int argc, char **argv)
{
	char *end = NULL;
	unsigned long target = argc > 3 ? strtoul(argv[1], &end, 10) : 0;
	pid_t pid;

	if (target == 0 || *end || strcmp(argv[2], "--") != 0) {
		dprintf(2, "usage: killat N -- PROGRAM [ARG...]\n");
		return 2;
	}
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		become(argv + 3);
	return trace(pid, target);
}
