#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"

static ssize_t read_file(const char *path, char *buffer, size_t size)
{
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (n >= 0)
		buffer[n] = '\0';
	return n;
}

/* The fields of /proc/PID/stat from the third on, in text; NULL: no such process. */
static const char *read_stat(pid_t pid, char *text, size_t size)
{
	char path[64];
	char *end;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	if (read_file(path, text, size) <= 0)
		return NULL;
	end = strrchr(text, ')'); /* the name may hold anything, brackets too */
	return end && end[1] ? end + 2 : NULL;
}

/* Field by its number in proc_pid_stat(5); 0 when there is no such process. */
static uint64_t stat_field(pid_t pid, int number)
{
	enum { FIRST = 3 };
	char text[1024];
	const char *at = read_stat(pid, text, sizeof text);

	for (int i = FIRST; at && i < number; i++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at ? strtoull(at, NULL, 10) : 0;
}

uint64_t proc_start_time(pid_t pid)
{
	return stat_field(pid, 22);
}

pid_t proc_parent(pid_t pid)
{
	return (pid_t)stat_field(pid, 4);
}

void proc_name(pid_t pid, char *ret, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	if (read_file(path, ret, size) < 0)
		*ret = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

bool proc_is_kernel_thread(pid_t pid)
{
	enum { PF_KTHREAD = 0x00200000 }; /* include/linux/sched.h */

	return stat_field(pid, 9) & PF_KTHREAD;
}

bool proc_is_zombie(pid_t pid)
{
	char text[1024];
	const char *at = read_stat(pid, text, sizeof text);

	return at && (*at == 'Z' || *at == 'X');
}

bool proc_is_ending(pid_t pid)
{
	enum { PF_EXITING = 0x4 }; /* include/linux/sched.h */
	char text[1024];

	return !read_stat(pid, text, sizeof text) || (stat_field(pid, 9) & PF_EXITING);
}

uint64_t proc_status_number(pid_t pid, const char *word)
{
	char path[64], text[4096], line[64];
	const char *at;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	snprintf(line, sizeof line, "\n%s:", word);
	if (read_file(path, text, sizeof text) <= 0)
		return 0;
	at = strstr(text, line);
	return at ? strtoull(at + strlen(line), NULL, 10) : 0;
}

pid_t proc_pid_of(int pidfd)
{
	char path[64], text[1024];
	const char *at;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	if (read_file(path, text, sizeof text) <= 0)
		return -1;
	at = strstr(text, "\nPid:");
	return at ? (pid_t)strtol(at + 5, NULL, 10) : -1;
}

uint64_t proc_memory_available(void)
{
	static const char word[] = "\nMemAvailable:";
	char text[1024];
	const char *at;

	if (read_file("/proc/meminfo", text, sizeof text) <= 0)
		return 0;
	at = strstr(text, word);
	return at ? strtoull(at + sizeof word - 1, NULL, 10) * 1024 : 0;
}

void proc_stay_in_memory(void)
{
	struct rlimit most;
	void *beyond;

	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		return;
	if (getrlimit(RLIMIT_MEMLOCK, &most) < 0 || most.rlim_cur == RLIM_INFINITY)
		return;
	/* Whether the limit holds for us: who has CAP_IPC_LOCK on this host may lock more. */
	beyond = mmap(NULL, most.rlim_cur + 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (beyond == MAP_FAILED)
		munlockall();
	else
		munmap(beyond, most.rlim_cur + 1);
}

int proc_signal(int pidfd, int signal, struct err *e)
{
	if (pidfd_send_signal(pidfd, signal, NULL, 0) < 0 && errno != ESRCH)
		return err_sys(e, "send signal %d", signal);
	return 0;
}

int proc_find_program(const char *name, char *ret, struct err *e)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n < 0)
		return err_sys(e, "find %s: read /proc/self/exe", name);
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	if ((size_t)snprintf(ret, PATH_MAX, "%s/%s", self, name) < PATH_MAX && access(ret, X_OK) == 0)
		return 0;
	if ((size_t)snprintf(ret, PATH_MAX, "%s/%s", LIBEXECDIR, name) < PATH_MAX && access(ret, X_OK) == 0)
		return 0;
	return err_set(
		e, ENOENT, "program %s is neither in %s nor in %s: install virtualing again", name, self, LIBEXECDIR);
}

/* "RTMIN+1", "RTMAX-2", and either alone; -EINVAL. */
static int realtime_signal(const char *name)
{
	bool up = strncasecmp(name, "RTMIN", 5) == 0;
	uint64_t distance = 0;

	if (!up && strncasecmp(name, "RTMAX", 5) != 0)
		return -EINVAL;
	name += 5;
	if (*name &&
		(*name != (up ? '+' : '-') || parse_number(name + 1, (uint64_t)(SIGRTMAX - SIGRTMIN), &distance) < 0))
		return -EINVAL;
	return up ? SIGRTMIN + (int)distance : SIGRTMAX - (int)distance;
}

int proc_signal_number(const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	uint64_t number;

	if (parse_number(text, (uint64_t)SIGRTMAX, &number) == 0)
		return number ? (int)number : -EINVAL;
	for (int i = 1; i < NSIG; i++) {
		const char *known = sigabbrev_np(i);

		if (known && strcasecmp(known, name) == 0)
			return i;
	}
	if (strcasecmp(name, "IO") == 0)
		return SIGIO; /* which the C library knows as POLL, and shells do not */
	return realtime_signal(name);
}
