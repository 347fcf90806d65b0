/* The child, from the clone to the moment when it stands inside.
 *
 * Who it is: root, in its own namespaces, still with the host's file system and all of the supervisor's capabilities.
 * It gives them up one after the other; each step still needs what a later one takes away, so the order of the table is
 * the security of the jail.  Nothing here allocates or uses stdio; all that it reads was prepared by the supervisor.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/caps.h"
#include "jail/filter.h"
#include "jail/mounts.h"
#include "jail/path.h"
#include "jail/ready.h"
#include "sys/syscalls.h"

struct entry {
	const struct jail_ready *ready;
	const int *keep; /* JAIL_KEEP of them */
	struct mounts mounts;
};

/* A directory of the host in 0, 1 or 2 would be a way out: openat(0, "..") knows no root. */
static int check_standard(struct entry *n, struct err *e)
{
	static const char *const names[] = {"standard input", "standard output", "standard error"};

	for (int fd = 0; fd < 3; fd++) {
		struct stat s;

		if (fstat(fd, &s) < 0)
			continue;
		if (S_ISDIR(s.st_mode))
			return err_set(e, EISDIR, "%s is a directory of the host", names[fd]);
		/* /proc/self/fd/N opens the file anew, for writing too: a pipe gives away less. */
		if (S_ISBLK(s.st_mode))
			return err_set(e, EPERM,
				"%s is a disk, which the jail could open for writing: put `cat` and a pipe between",
				names[fd]);
	}
	return 0;
}

static int hide(struct entry *n, struct err *e)
{
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? err_sys(e, "become undumpable") : 0;
}

/* A pid namespace does not part process groups: kill(0, ...) inside would reach the shell that started us, and its
 * other jobs.  With a controlling terminal the group is what job control goes by; there confine() alone must do. */
static int leave_group(struct entry *n, struct err *e)
{
	AUTO(fd_drop) int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (terminal >= 0)
		return 0;
	return setpgid(0, 0) < 0 ? err_sys(e, "begin one") : 0;
}

/* Best effort: without keyrings in the kernel there is none to leave, and root's quota of them may be used up. */
static int leave_keyring(struct entry *n, struct err *e)
{
	sys_new_session_keyring();
	return 0;
}

/* All at once, by somebody in them.  The working directory is theirs from here on; the pid namespace is that of the
 * child which init will have. */
static int join(struct entry *n, struct err *e)
{
	if (setns(n->ready->join, (int)n->ready->clone_flags) == 0)
		return 0;
	if (errno == ESRCH)
		return err_set(e, ESRCH, "the virtual has ended");
	return errno == EPERM ? err_sys(e, "setns (needs CAP_SYS_ADMIN, CAP_SYS_CHROOT and CAP_SYS_PTRACE)")
			      : err_sys(e, "setns");
}

static int name_host(struct entry *n, struct err *e)
{
	const char *name = n->ready->hostname;

	if (!(n->ready->clone_flags & CLONE_NEWUTS))
		return 0;
	return sethostname(name, strlen(name)) < 0 ? err_sys(e, "set it to %s", name) : 0;
}

static int raise_loopback(struct entry *n, struct err *e)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	AUTO(fd_drop) int fd = -1;

	if (!(n->ready->clone_flags & CLONE_NEWNET))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return err_sys(e, "bring lo up");
	return 0;
}

static int open_root(struct entry *n, struct err *e)
{
	const struct jail_ready *r = n->ready;

	return mounts_open_root(&n->mounts, r->root, r->root_device, r->root_inode, r->read_only, e);
}

static int make_mounts(struct entry *n, struct err *e)
{
	return mounts_make(&n->mounts, &n->ready->plan, e);
}

static int seal_mounts(struct entry *n, struct err *e)
{
	return mounts_seal(&n->mounts, e);
}

static int pivot(struct entry *n, struct err *e)
{
	return mounts_pivot(&n->mounts, e);
}

static int change_root(struct entry *n, struct err *e)
{
	if (fchdir(n->ready->tree.fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "%s", n->ready->root);
	return 0;
}

/* By descriptor and without /proc's links, which lead out; getcwd() then says "(unreachable)" if it did nevertheless.
 */
static int enter_workdir(struct entry *n, struct err *e)
{
	const char *path = n->ready->workdir;
	char buffer[PATH_MAX], normal[PATH_MAX];
	AUTO(fd_drop) int root = -1;
	AUTO(fd_drop) int fd = -1;

	if (!path)
		return 0;
	if (path_normal(path, normal) < 0)
		return err_set(e, EINVAL, "%s is not an absolute path without \"..\"", path);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -1 : path_open(root, normal, O_PATH | O_DIRECTORY);
	if (fd < 0 && errno == ELOOP)
		return err_set(e, ELOOP, "%s leads through a link of /proc, or in a circle", path);
	if (fd < 0 || fchdir(fd) < 0)
		return err_sys(e, "%s", path);
	if (syscall(SYS_getcwd, buffer, sizeof buffer) < 0)
		return err_sys(e, "%s", path);
	return *buffer == '/' ? 0 : err_set(e, EXDEV, "%s lies outside of the jail", path);
}

static const char *print_limit(char buffer[24], uint64_t value)
{
	snprintf(buffer, 24, "%llu", (unsigned long long)value);
	return value == UINT64_MAX ? "unlimited" : buffer;
}

/* After the mounts, which need descriptors; before CAP_SYS_RESOURCE goes. */
static int limit_resources(struct entry *n, struct err *e)
{
	static_assert(RLIM_INFINITY == UINT64_MAX, "unlimited is the same number");
	for (size_t i = 0; i < n->ready->rlimit_count; i++) {
		const struct jail_rlimit *l = &n->ready->rlimits[i];
		const struct rlimit limit = {l->soft, l->hard};
		const char *name = jail_rlimit_name(l->resource);
		struct rlimit now;
		char has[24], asked[24];

		if (prlimit(0, (enum __rlimit_resource)l->resource, &limit, NULL) == 0)
			continue;
		if (errno == EPERM && getrlimit((enum __rlimit_resource)l->resource, &now) == 0)
			return err_set(e, EPERM,
				"%s: the hard limit is %s and cannot be raised to %s without CAP_SYS_RESOURCE", name,
				print_limit(has, now.rlim_max), print_limit(asked, l->hard));
		return err_sys(e, "%s", name);
	}
	return 0;
}

static int bound_capabilities(struct entry *n, struct err *e)
{
	return caps_bound(n->ready->caps, n->ready->last_cap, e);
}

static int forbid_privileges(struct entry *n, struct err *e)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? err_sys(e, "set no_new_privs") : 0;
}

static int change_ids(struct entry *n, struct err *e)
{
	const struct ids *i = &n->ready->ids;

	if (!i->given)
		return 0;
	/* setresuid() clears the permitted set on the way from root; those that shall become ambient must outlive it.
	 */
	if (n->ready->mode == MODE_JAIL && prctl(PR_SET_KEEPCAPS, n->ready->ambient ? 1 : 0, 0, 0, 0) < 0)
		return err_sys(e, "keep capabilities");
	if (sys_setgroups(i->group_count, i->groups) < 0)
		return err_sys(e, "set %zu supplementary groups", i->group_count);
	if (sys_setresgid(i->gid) < 0)
		return err_sys(e, "become group %u", i->gid);
	if (sys_setresuid(i->uid) < 0)
		return err_sys(e, "become user %u", i->uid);
	return 0;
}

static int shed_capabilities(struct entry *n, struct err *e)
{
	return caps_shed(n->ready->caps, n->ready->last_cap, n->ready->ambient, e);
}

/* The lowest of those to keep that is not below `from`; -1: none. */
static int next_kept(const struct entry *n, unsigned from)
{
	int found = -1;

	for (size_t i = 0; i < JAIL_KEEP; i++)
		if (n->keep[i] >= (int)from && (found < 0 || n->keep[i] < found))
			found = n->keep[i];
	return found;
}

/* Really closed and not only at exec: init never executes anything, and what it held open, the jail could reach. */
static int close_descriptors(struct entry *n, struct err *e)
{
	unsigned from = STDERR_FILENO + 1;

	for (int kept; (kept = next_kept(n, from)) >= 0; from = (unsigned)kept + 1) {
		if ((unsigned)kept > from && close_range(from, (unsigned)kept - 1, 0) < 0)
			return err_sys(e, "close_range (needs Linux 5.9)");
		if (fcntl(kept, F_SETFD, FD_CLOEXEC) < 0)
			return err_sys(e, "keep descriptor %d", kept);
	}
	return close_range(from, ~0U, 0) < 0 ? err_sys(e, "close_range (needs Linux 5.9)") : 0;
}

/* Who joins is in another domain than those whom he joins, and no signal would pass between them; he has a process
 * group of his own, which the pid namespace keeps inside. */
static uint64_t scopes_of(const struct jail_ready *r)
{
	bool signals = r->join < 0 && (r->clone_flags & CLONE_NEWPID);

	return SYS_SCOPE_ABSTRACT_SOCKETS | (signals ? SYS_SCOPE_SIGNALS : 0);
}

/* Best effort, since Linux 6.12: no signal leaves the jail, nor does a connection to an abstract socket, whose names
 * belong to the network that the jail may share with the host.  As with the filter, who asks for none gets none. */
static int confine(struct entry *n, struct err *e)
{
	const struct jail_ready *r = n->ready;
	const struct sys_landlock_ruleset rules = {.scoped = scopes_of(r)};
	AUTO(fd_drop) int fd = r->filter ? sys_landlock_create(&rules) : -1;

	if (fd < 0)
		return 0;
	return sys_landlock_restrict(fd) < 0 ? err_sys(e, "keep signals and connections inside") : 0;
}

static int filter_calls(struct entry *n, struct err *e)
{
	return n->ready->filter ? filter_install(n->ready->filter, n->ready->filter_count, e) : 0;
}

enum {
	OPEN = 1 << MODE_OPEN,
	CHROOT = 1 << MODE_CHROOT,
	MAKE = 1 << MODE_JAIL, /* a jail */
	JOIN = MAKE << 1,      /* one that stands */
	JAIL = MAKE | JOIN,
	ALL = OPEN | CHROOT | JAIL
};

static const struct step {
	const char *name;
	int (*take)(struct entry *n, struct err *e);
	unsigned modes;
	const char *reason; /* for its place in the order */
} steps[] = {
	{"standard descriptors", check_standard, JAIL | CHROOT, "before anything is made"},
	{"hiding", hide, ALL,
		"from here on the host's binary is reachable through /proc/PID/exe: nobody inside may trace us"},
	{"process group", leave_group, MAKE, "looks at the host's /dev/tty"},
	{"keyring", leave_keyring, JAIL, "the filter forbids keyctl"},
	{"namespaces", join, JOIN, "needs CAP_SYS_ADMIN, and nothing of the host any more"},
	{"host name", name_host, MAKE, "needs CAP_SYS_ADMIN"},
	{"loopback", raise_loopback, MAKE, "needs CAP_NET_ADMIN"},
	{"root", open_root, MAKE, "needs CAP_SYS_ADMIN, and the host's paths"},
	{"mounts", make_mounts, MAKE, "needs the host's paths, which the pivot takes away"},
	{"seal", seal_mounts, MAKE, "after the last mount below /dev"},
	{"pivot", pivot, MAKE, "everything of the host that is needed has been opened"},
	{"chroot", change_root, CHROOT, "needs CAP_SYS_CHROOT"},
	{"working directory", enter_workdir, ALL,
		"inside the new root; as root, so that a private directory does as well"},
	{"limits", limit_resources, ALL, "the mounts need descriptors; raising needs CAP_SYS_RESOURCE"},
	{"bounding set", bound_capabilities, JAIL, "needs CAP_SETPCAP, which goes with the ids or the sets"},
	{"no new privileges", forbid_privileges, JAIL, "the filter needs it once CAP_SYS_ADMIN is gone"},
	{"user", change_ids, ALL, "needs CAP_SETUID and CAP_SETGID; groups first, for they need them too"},
	{"capabilities", shed_capabilities, JAIL, "the change of ids needs some, and changes the sets itself"},
	{"hiding again", hide, ALL,
		"a change of ids or capabilities makes the process as dumpable as the host's setting says"},
	{"descriptors", close_descriptors, ALL, "the last one that a step needed is used"},
	{"confinement", confine, JAIL, "needs no_new_privs; after the descriptors, for it opens and closes one"},
	{"filter", filter_calls, JAIL, "last: it forbids most of the above"},
};

int jail_enter(const struct jail_ready *r, const int keep[JAIL_KEEP], struct err *e)
{
	struct entry n = {r, keep, {-1, -1, -1}};
	unsigned mode = r->join < 0 ? 1U << r->mode : JOIN;

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		const struct step *s = &steps[i];

		if ((s->modes & mode) && s->take(&n, e) < 0)
			return err_while(e, "jail: %s", s->name);
	}
	return 0;
}
