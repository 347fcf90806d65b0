/* decoy: what the kernel's OOM killer shall choose in the place of the program.
 *
 *     virtualing-decoy TIMES
 *
 * Descriptors: 0, a file to map; 1, a control group's file that takes "0" for the writer ("tasks", "cgroup.procs");
 * 2, a pipe on which it says how far it is (struct decoy_news).  It is started by the supervisor
 * (cage/guard/decoy.c), which traces it from the first moment, and it dies with it.
 *
 * It makes itself the best victim there is: oom_score_adj 1000, and a resident size that counts as memory of its own
 * but costs nothing, since it maps one small file TIMES over.  All that outside the cage, for charges do not move with
 * a process.  On SIGUSR1 it joins the group and from then on does nothing at all.  It has no libc, so that there is
 * nothing that it could touch after it has joined.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "cage/guard/decoy/news.h"
#include "sys/raw.h"

enum { FILE_MAPPED, GROUP, NEWS, KERNEL_SIGSET_BYTES = 8 };

static const uint64_t all_signals = ~0ULL;

static _Noreturn void leave(int status)
{
	for (;;)
		raw_call(SYS_exit_group, status, 0, 0, 0, 0);
}

static void tell(enum decoy_step step)
{
	const struct decoy_news news = {.step = step, .pid = (int)raw_call(SYS_getpid, 0, 0, 0, 0, 0)};

	if (raw_call(SYS_write, NEWS, (long)&news, sizeof news, 0, 0) != sizeof news)
		leave(1);
}

static void become_the_worst(void)
{
	long fd = raw_call(SYS_openat, AT_FDCWD, (long)"/proc/self/oom_score_adj", O_WRONLY, 0, 0);

	if (fd < 0 || raw_call(SYS_write, fd, (long)"1000", 4, 0, 0) != 4)
		leave(2);
	raw_call(SYS_close, fd, 0, 0, 0, 0);
}

static long map(void)
{
	return raw_call6(SYS_mmap, 0, DECOY_FILE_BYTES, PROT_READ, MAP_SHARED | MAP_POPULATE, FILE_MAPPED, 0);
}

static void inflate(long times)
{
	for (long i = 0; i < times; i++) {
		long at = map();

		if (at < 0 && at > -4096)
			leave(3);
		/* Clean pages of a file may be taken away; those that one mapping holds stay for all of them. */
		if (i == 0)
			raw_call(SYS_mlock, at, DECOY_FILE_BYTES, 0, 0, 0);
	}
}

/* SIGUSR2: it is not needed any more. */
static void wait_for(int signal)
{
	siginfo_t info;
	long got;

	do {
		got = raw_call(SYS_rt_sigtimedwait, (long)&all_signals, (long)&info, 0, KERNEL_SIGSET_BYTES, 0);
		if (got == SIGUSR2)
			leave(0);
	} while (got != signal);
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
	raw_call(SYS_prctl, PR_SET_NAME, (long)"virtualing-decoy", 0, 0, 0);
	become_the_worst();
	inflate(stack[0] > 1 ? number((const char *)stack[2]) : 0);
	tell(DECOY_INFLATED);
	wait_for(SIGUSR1);
	if (raw_call(SYS_write, GROUP, (long)"0", 1, 0, 0) != 1)
		leave(4);
	tell(DECOY_JOINED);
	raw_call(SYS_close_range, 0, ~0U, 0, 0, 0);
	for (;;)
		wait_for(SIGUSR1);
}

RAW_START(serve)
