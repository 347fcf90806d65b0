/* probe: tries, from inside a jail, what a hostile program would try, and tells how far it got.
 *
 *     probe calls                  each system call that the default filter denies, with arguments that do no harm
 *     probe ATTACK[=ARGUMENT]...   each attack
 *     probe --list                 the names of the attacks
 *     probe --flip A B             for the host's side: exchanges two names until it is killed
 *
 * One line each: "mount EPERM", "mount done" when the kernel did it, "mount signal 11" when it died of it.  Each runs
 * in a process of its own, so that none lives on what another one has won.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

enum { BAD = 1, NO_FD = -1, ARGUMENTS = 6 }; /* BAD: an address where nothing is */

/* ---- calls ---- */

/* With its capability and without a filter each of them fails with another error than EPERM, or does nothing. */
static const struct call {
	const char *name;
	long number;
	long argument[ARGUMENTS];
} calls[] = {
	{"io_uring_setup", SYS_io_uring_setup, {1, BAD}},
	{"io_uring_enter", SYS_io_uring_enter, {NO_FD}},
	{"io_uring_register", SYS_io_uring_register, {NO_FD}},
	{"userfaultfd", SYS_userfaultfd, {~0L}},
	{"bpf", SYS_bpf, {9999, BAD, 8}},
	{"perf_event_open", SYS_perf_event_open, {BAD}},
	{"keyctl", SYS_keyctl, {9999}},
	{"add_key", SYS_add_key, {BAD}},
	{"request_key", SYS_request_key, {BAD}},
	{"pidfd_getfd", SYS_pidfd_getfd, {NO_FD, 0, 0}},
	{"syslog", SYS_syslog, {9999}},
	{"socket vsock", SYS_socket, {AF_VSOCK, 9999, 0}},
	{"clone3", SYS_clone3, {BAD, 8}},
	{"setns", SYS_setns, {NO_FD, 0}},
	{"mount", SYS_mount, {BAD, BAD, BAD, 0, BAD}},
	{"umount2", SYS_umount2, {BAD}},
	{"pivot_root", SYS_pivot_root, {BAD, BAD}},
	{"fsopen", SYS_fsopen, {BAD}},
	{"fsconfig", SYS_fsconfig, {NO_FD, 9999}},
	{"fsmount", SYS_fsmount, {NO_FD}},
	{"fspick", SYS_fspick, {NO_FD, BAD}},
	{"move_mount", SYS_move_mount, {NO_FD, BAD, NO_FD, BAD}},
	{"open_tree", SYS_open_tree, {NO_FD, BAD}},
	{"mount_setattr", SYS_mount_setattr, {NO_FD, BAD, 0, BAD, 32}},
	{"open_by_handle_at", SYS_open_by_handle_at, {NO_FD, BAD}},
	{"quotactl", SYS_quotactl, {0, BAD}},
	{"acct", SYS_acct, {BAD}},
	{"swapon", SYS_swapon, {BAD}},
	{"swapoff", SYS_swapoff, {BAD}},
	{"kexec_load", SYS_kexec_load, {0, 9999}},
	{"reboot", SYS_reboot, {0}},
	{"init_module", SYS_init_module, {BAD, 1, BAD}},
	{"finit_module", SYS_finit_module, {NO_FD, BAD}},
	{"delete_module", SYS_delete_module, {BAD}},
	{"settimeofday", SYS_settimeofday, {BAD, 0}},
	{"clock_settime", SYS_clock_settime, {0, BAD}},
	{"clock_adjtime", SYS_clock_adjtime, {0, BAD}},
	{"adjtimex", SYS_adjtimex, {BAD}},
	{"personality", SYS_personality, {0x0040000}}, /* ADDR_NO_RANDOMIZE, of this process only */
	{"unshare user", SYS_unshare, {CLONE_NEWUSER}},
	{"unshare mnt", SYS_unshare, {CLONE_NEWNS}},
	{"unshare cgroup", SYS_unshare, {CLONE_NEWCGROUP}},
	{"unshare pid", SYS_unshare, {CLONE_NEWPID}},
	{"unshare net", SYS_unshare, {CLONE_NEWNET}},
	{"unshare ipc", SYS_unshare, {CLONE_NEWIPC}},
	{"unshare uts", SYS_unshare, {CLONE_NEWUTS}},
#ifdef __x86_64__
	{"modify_ldt", SYS_modify_ldt, {9999}},
	{"iopl", SYS_iopl, {9999}},
	{"ioperm", SYS_ioperm, {~0L, 1, 0}},
#endif
};

static int make_call(const struct call *c)
{
	const long *a = c->argument;

	return syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? -errno : 0;
}

/* ---- attacks: 0 is success, the attacker's; else -errno ---- */

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int open_it(const char *path, int flags)
{
	return result(open(path, flags | O_CLOEXEC, 0600));
}

static int attack_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char byte;
	ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);

	return n == 0 ? -ENODATA : result(n);
}

static int attack_write(const char *path)
{
	return open_it(path, O_WRONLY | O_NOCTTY);
}

static int attack_create(const char *path)
{
	return open_it(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int attack_enter(const char *path)
{
	return open_it(path, O_PATH | O_DIRECTORY);
}

static int attack_unlink(const char *path)
{
	return result(unlink(path));
}

static int attack_chroot(const char *arg)
{
	return result(chroot("."));
}

/* The classic: a second chroot below the first leaves the working directory outside of it. */
static int attack_second_chroot(const char *arg)
{
	int above = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (mkdir("/tmp/below", 0755) < 0 && errno != EEXIST)
		return -errno;
	if (chroot("/tmp/below") < 0 || fchdir(above) < 0)
		return -errno;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return -errno;
	return result(chroot("."));
}

static int attack_mknod(const char *numbers)
{
	unsigned major = 1, minor = 1; /* memory */
	int r;

	if (numbers && sscanf(numbers, "%u:%u", &major, &minor) != 2)
		return -EINVAL;
	r = result(mknod("/tmp/device", S_IFBLK | 0600, makedev(major, minor)));
	return r < 0 ? r : open_it("/tmp/device", O_RDONLY);
}

static pid_t pid_of(const char *arg)
{
	return arg ? (pid_t)strtol(arg, NULL, 10) : 1;
}

static int attack_ptrace(const char *pid)
{
	return result(ptrace(PTRACE_SEIZE, pid_of(pid), NULL, NULL));
}

static int attack_read_memory(const char *pid)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)0x400000, 1};

	return result(process_vm_readv(pid_of(pid), &here, 1, &there, 1, 0));
}

static int attack_kill(const char *pid)
{
	return result(kill(pid_of(pid), SIGKILL));
}

/* Everybody that the kernel lets it; itself survives it. */
static int attack_kill_all(const char *arg)
{
	return result(kill(-1, SIGKILL));
}

static int attack_user_namespace(const char *arg)
{
	return result(syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWNS));
}

static int attack_clone_user(const char *arg)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int attack_mount_cgroup(const char *type)
{
	const char *options = type && strcmp(type, "cgroup") == 0 ? "memory" : NULL;

	return result(mount("none", "/tmp", type ? type : "cgroup2", 0, options));
}

static int attack_remount(const char *path)
{
	return result(mount(NULL, path ? path : "/usr/bin", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int attack_umount(const char *path)
{
	return result(umount2(path ? path : "/usr/bin", MNT_DETACH));
}

/* "32": with a bit above those that the kernel looks at, which a careless filter does not see through. */
static int push_input(long request, const char *arg)
{
	char letter[2] = {3, 'x'}; /* TIOCLINUX: paste */
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fd = 0;
	if (request == TIOCSTI)
		letter[0] = '#';
	if (arg && strcmp(arg, "32") == 0)
		request |= 1L << 32;
	return result(syscall(SYS_ioctl, fd, request, letter));
}

static int attack_tiocsti(const char *arg)
{
	return push_input(TIOCSTI, arg);
}

static int attack_tioclinux(const char *arg)
{
	return push_input(TIOCLINUX, arg);
}

static int attack_raise_capabilities(const char *arg)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {0x1ff, 0x1ff, 0x1ff}};

	return result(syscall(SYS_capset, &header, all));
}

static int attack_inherit_capabilities(const char *arg)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct sets[2];

	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	sets[0].inheritable |= 1U << CAP_SYS_CHROOT;
	return result(syscall(SYS_capset, &header, sets));
}

static int attack_new_privileges(const char *arg)
{
	return result(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static int attack_raise_limit(const char *arg)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	limit.rlim_max++;
	return result(setrlimit(RLIMIT_NOFILE, &limit));
}

static int attack_raw_socket(const char *arg)
{
	return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int attack_packet_socket(const char *arg)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

/* An address on lo: what the vip's keeper may do, the program may not. */
static int attack_add_address(const char *arg)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg address;
		struct rtattr local;
		struct in_addr value;
	} request = {
		.header = {sizeof request, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0},
		.address = {AF_INET, 32, 0, RT_SCOPE_HOST, 1},
		.local = {RTA_LENGTH(sizeof(struct in_addr)), IFA_LOCAL},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char more[256];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	request.value.s_addr = htonl(0x7f4d4d4d);
	if (fd < 0 || send(fd, &request, sizeof request, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0)
		return -errno;
	return answer.error.error;
}

static int attack_host_name(const char *arg)
{
	return result(sethostname("taken", 5));
}

static int attack_clock(const char *arg)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return result(clock_settime(CLOCK_REALTIME, &now));
}

static int attack_realtime(const char *arg)
{
	return result(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 50}));
}

/* What was opened for reading, opened again for writing. */
static int attack_reopen(const char *fd)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%s", fd ? fd : "0");
	return open_it(path, O_RDWR);
}

/* The directory of descriptor FD and what is above it. */
static int attack_leave_by(const char *fd)
{
	return result(openat(fd ? atoi(fd) : 0, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

#ifdef __x86_64__
/* mount(2) by the number that a 32-bit program uses.  A kernel without such programs sends SIGSEGV. */
static int attack_mount_as_32_bit(const char *arg)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(21L), "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L) : "memory");
	return (int)(int32_t)r;
}

/* The same by the third table of calls that x86 has. */
static int attack_mount_as_x32(const char *arg)
{
	return result(syscall(0x40000000L | SYS_mount, 0L, 0L, 0L, 0L, 0L));
}
#endif

/* ---- lying in wait for who enters the jail ---- */

enum { AHEAD = 32, MET = 40 };

struct lurk {
	int met, early; /* of them, still what they were before they executed the command */
	char found[256];
};

static bool link_of(pid_t pid, const char *name, char ret[256])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	n = readlink(path, ret, 255);
	ret[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

static void find(struct lurk *l, const char *what, const char *value)
{
	if (!*l->found)
		snprintf(l->found, sizeof l->found, "%s %.200s", what, value);
}

static void look_at_maps(struct lurk *l, pid_t pid)
{
	char path[64], text[8192];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	if (strstr(text, "/virtualing\n"))
		find(l, "maps", "/virtualing");
}

static void look_at_descriptors(struct lurk *l, pid_t pid)
{
	char name[32], target[256];

	for (int fd = 3; fd < 32; fd++) {
		snprintf(name, sizeof name, "fd/%d", fd);
		/* A socket may be the report, closed by exec. */
		if (link_of(pid, name, target) && strncmp(target, "socket:", 7) != 0 && strstr(target, "virtualing"))
			find(l, name, target);
	}
}

/* Everything that would be of the host: its program, its memory, its directories, its descriptors. */
static void look_at(struct lurk *l, pid_t pid)
{
	struct stat root, here;
	char target[256], path[64];
	int fd;

	if (link_of(pid, "exe", target)) {
		l->early += strstr(target, "virtualing") != NULL;
		if (strstr(target, "virtualing") && !strstr(target, "memfd:virtualing-init"))
			find(l, "exe", target);
	}
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		find(l, "wrote", path);
	snprintf(path, sizeof path, "/proc/%d/root", pid);
	if (stat(path, &root) == 0 && stat("/", &here) == 0 &&
		(root.st_dev != here.st_dev || root.st_ino != here.st_ino))
		find(l, "root", path);
	snprintf(path, sizeof path, "/proc/%d/cwd", pid);
	if (stat(path, &root) == 0 && (root.st_dev != here.st_dev || root.st_ino != here.st_ino))
		find(l, "cwd", path);
	look_at_maps(l, pid);
	look_at_descriptors(l, pid);
}

/* Until it has met forty, or for so many seconds; pids inside are given out one after the other. 0 when something of
 * the host was seen. */
static int attack_lurk(const char *seconds)
{
	time_t end = time(NULL) + strtol(seconds ? seconds : "1", NULL, 10);
	pid_t next = getpid() + 1;
	struct lurk l = {0};

	while (time(NULL) < end && l.met < MET) {
		/* Some are gone before they are seen. */
		for (pid_t pid = next; pid < next + AHEAD; pid++) {
			if (kill(pid, 0) < 0 && errno == ESRCH)
				continue;
			look_at(&l, pid);
			l.met++;
			next = pid + 1;
			break;
		}
	}
	dprintf(STDOUT_FILENO, "met %d early %d found %s\n", l.met, l.early, *l.found ? l.found : "nothing");
	return *l.found ? 0 : -ENOENT;
}

static const struct attack {
	const char *name;
	int (*run)(const char *arg);
} attacks[] = {
	{"read", attack_read},
	{"write", attack_write},
	{"create", attack_create},
	{"enter", attack_enter},
	{"unlink", attack_unlink},
	{"chroot", attack_chroot},
	{"second_chroot", attack_second_chroot},
	{"mknod", attack_mknod},
	{"ptrace", attack_ptrace},
	{"read_memory", attack_read_memory},
	{"kill", attack_kill},
	{"kill_all", attack_kill_all},
	{"user_namespace", attack_user_namespace},
	{"clone_user", attack_clone_user},
	{"mount", attack_mount_cgroup},
	{"remount", attack_remount},
	{"umount", attack_umount},
	{"tiocsti", attack_tiocsti},
	{"tioclinux", attack_tioclinux},
	{"raise_capabilities", attack_raise_capabilities},
	{"inherit_capabilities", attack_inherit_capabilities},
	{"new_privileges", attack_new_privileges},
	{"raise_limit", attack_raise_limit},
	{"raw_socket", attack_raw_socket},
	{"packet_socket", attack_packet_socket},
	{"add_address", attack_add_address},
	{"host_name", attack_host_name},
	{"clock", attack_clock},
	{"realtime", attack_realtime},
	{"reopen", attack_reopen},
	{"leave_by", attack_leave_by},
	{"lurk", attack_lurk},
#ifdef __x86_64__
	{"mount_as_32_bit", attack_mount_as_32_bit},
	{"mount_as_x32", attack_mount_as_x32},
#endif
};

/* ---- running them ---- */

static void tell(const char *name, int status)
{
	int error = WEXITSTATUS(status);

	if (WIFSIGNALED(status))
		printf("%s signal %d\n", name, WTERMSIG(status));
	else if (error)
		printf("%s %s\n", name, strerrorname_np(error) ? strerrorname_np(error) : "unknown error");
	else
		printf("%s done\n", name);
}

static void in_child(const char *name, int (*run)(const char *arg), const char *arg, const struct call *c)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("probe: fork");
		exit(2);
	}
	if (pid == 0)
		_exit(-(c ? make_call(c) : run(arg)));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	tell(name, status);
}

static void run_named(const char *word)
{
	size_t length = strcspn(word, "=");

	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
		if (strlen(attacks[i].name) == length && memcmp(attacks[i].name, word, length) == 0) {
			in_child(word, attacks[i].run, word[length] ? word + length + 1 : NULL, NULL);
			return;
		}
	fprintf(stderr, "probe: there is no attack %s (see probe --list)\n", word);
	exit(2);
}

static void run_calls(void)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		in_child(calls[i].name, NULL, NULL, &calls[i]);
}

static int flip(const char *a, const char *b)
{
	for (;;)
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0) {
			perror("probe: exchange");
			return 1;
		}
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--flip") == 0)
		return flip(argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
			puts(attacks[i].name);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "calls") == 0)
			run_calls();
		else
			run_named(argv[i]);
	}
	return 0;
}
