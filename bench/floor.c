/* floor: what a launch costs at least.
 *
 *     floor [--init] [--full] [--no-groups] [--root DIR] [--bind SOURCE:TARGET]... -- PROGRAM [ARG...]
 *
 * The bare system calls of a jail and a cage, nothing checked, journalled, read back or explained: new mount, pid, ipc
 * and uts namespaces; a root in memory (--root: DIR, which must have the directories) with /usr, /lib, /lib64, /bin,
 * /sbin and each --bind bound read-only; own /tmp, /dev, /proc; no capabilities, no_new_privs; groups with 100 MiB of
 * memory, 30 % of a CPU and 64 processes.
 *
 * --init       the program is not pid 1 but the child of one that waits for it
 * --full       also what virtualing puts up by default: /dev/pts, /dev/shm, /run, /var/tmp, a system-call filter, and
 * on hybrid hosts a group in the v2 tree
 * --no-groups  the jail only
 *
 * Who runs: this process makes the groups, clones once, waits, removes the groups.  The child puts up the walls
 * and executes the program.  Without --init it borrows this process' memory and stack until then (as after vfork),
 * since copying page tables would be the dearest step.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> of some releases cannot be included together. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
#define ATTACHED_READ_ONLY (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

enum { BINDS_MAX = 16, GROUPS_MAX = 4 };

struct bind {
	const char *source, *target;
	int tree; /* detached copy */
};

struct group {
	char path[96];
	const char *file, *value; /* the one limit; NULL: none */
	int tasks;		  /* v1: where the child writes "0" */
};

struct plan {
	bool init, full, no_groups;
	const char *root;
	struct bind binds[BINDS_MAX];
	size_t bind_count;
	struct group groups[GROUPS_MAX];
	size_t group_count;
	int into; /* v2 group, or -1 */
	char **argv;
};

static _Noreturn void die(const char *what)
{
	dprintf(2, "floor: %s: %s\n", what, strerrordesc_np(errno));
	_exit(125);
}

static void must(long result, const char *what)
{
	if (result < 0)
		die(what);
}

/* ---- groups ---- */

static void group_add(struct plan *p, const char *tree, const char *file, const char *value)
{
	struct group *g = &p->groups[p->group_count++];

	snprintf(g->path, sizeof g->path, "/sys/fs/cgroup%s/floor-%d", tree, (int)getpid());
	g->file = file;
	g->value = value;
	must(mkdir(g->path, 0755), g->path);
}

static void write_at(int directory, const char *file, const char *value)
{
	int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);

	must(fd, file);
	must(write(fd, value, strlen(value)), file);
	close(fd);
}

static void groups_make_v2(struct plan *p)
{
	group_add(p, "", NULL, NULL);
	p->into = open(p->groups[0].path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(p->into, p->groups[0].path);
	write_at(p->into, "memory.max", "104857600");
	write_at(p->into, "cpu.max", "30000 100000");
	write_at(p->into, "pids.max", "64");
}

static void groups_make_v1(struct plan *p)
{
	group_add(p, "/memory", "memory.limit_in_bytes", "104857600");
	group_add(p, "/cpu", "cpu.cfs_quota_us", "30000");
	group_add(p, "/pids", "pids.max", "64");
	for (size_t i = 0; i < p->group_count; i++) {
		struct group *g = &p->groups[i];
		int directory = open(g->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		must(directory, g->path);
		write_at(directory, g->file, g->value);
		g->tasks = openat(directory, "tasks", O_WRONLY | O_CLOEXEC);
		must(g->tasks, "tasks");
		close(directory);
	}
	if (p->full && access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0) {
		group_add(p, "/unified", NULL, NULL);
		p->into = open(p->groups[p->group_count - 1].path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		must(p->into, "unified");
	}
}

static void groups_join(const struct plan *p)
{
	for (size_t i = 0; i < p->group_count; i++)
		if (p->groups[i].tasks >= 0)
			must(write(p->groups[i].tasks, "0", 1), "join a group");
}

static void groups_remove(const struct plan *p)
{
	for (size_t i = 0; i < p->group_count; i++)
		must(rmdir(p->groups[i].path), p->groups[i].path);
}

/* ---- mounts ---- */

static int fs_new(const char *type, unsigned attributes)
{
	int context = (int)syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */), fs;

	must(context, type);
	if (strcmp(type, "tmpfs") == 0)
		must(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", "755", 0), "mode");
	must(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
	fs = (int)syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, attributes);
	must(fs, type);
	close(context);
	return fs;
}

static int tree_of(const char *path)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	must(tree, path);
	return tree;
}

static void attach(int tree, int directory, const char *target)
{
	must(syscall(SYS_move_mount, tree, "", directory, target, MOVE_MOUNT_F_EMPTY_PATH), target);
}

static void lock_down(int tree, const char *what, uint64_t attributes, unsigned flags)
{
	struct mount_attr attr = {.attr_set = attributes};

	must(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | flags, &attr, sizeof attr), what);
}

static void directory_at(int root, const char *name)
{
	if (mkdirat(root, name, 0755) < 0 && errno != EEXIST)
		die(name);
}

static void fs_at(const struct plan *p, int root, const char *type, const char *target, unsigned attributes)
{
	int fs = fs_new(type, attributes);

	if (!p->root)
		directory_at(root, target);
	attach(fs, root, target);
	close(fs);
}

static void dev_fill(const struct plan *p, int root)
{
	static const struct {
		const char *name;
		unsigned char major, minor;
	} nodes[] = {
		{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
	static const char *const links[][2] = {{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"},
		{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}};
	int dev = fs_new("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

	if (!p->root)
		directory_at(root, "dev");
	attach(dev, root, "dev");
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		must(mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)),
			nodes[i].name);
		must(fchmodat(dev, nodes[i].name, 0666, 0), nodes[i].name);
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		must(symlinkat(links[i][1], dev, links[i][0]), links[i][0]);
	if (p->full) {
		directory_at(dev, "pts");
		directory_at(dev, "shm");
		must(symlinkat("pts/ptmx", dev, "ptmx"), "ptmx");
		attach(fs_new("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), dev, "pts");
		attach(fs_new("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), dev, "shm");
	}
	close(dev);
}

static void root_enter(int root)
{
	must(fchdir(root), "enter the root");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", 2 /* MNT_DETACH */), "leave the old root");
	must(chdir("/"), "/");
}

static void mounts_make(struct plan *p)
{
	int root;

	must(mount(NULL, "/", NULL, 1 << 19 | 1 << 14 /* MS_SLAVE | MS_REC */, NULL), "slave");
	root = p->root ? tree_of(p->root) : fs_new("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	/* Copied before the root is attached, since that may hide them. */
	for (size_t i = 0; i < p->bind_count; i++) {
		p->binds[i].tree = tree_of(p->binds[i].source);
		lock_down(p->binds[i].tree, p->binds[i].source, ATTACHED_READ_ONLY, AT_RECURSIVE);
	}
	attach(root, AT_FDCWD, p->root ? p->root : "/tmp");
	for (size_t i = 0; i < p->bind_count; i++) {
		if (!p->root)
			directory_at(root, p->binds[i].target + 1);
		attach(p->binds[i].tree, root, p->binds[i].target + 1);
		close(p->binds[i].tree);
	}
	dev_fill(p, root);
	fs_at(p, root, "tmpfs", "tmp", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (p->full) {
		fs_at(p, root, "tmpfs", "run", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
		if (!p->root)
			directory_at(root, "var");
		fs_at(p, root, "tmpfs", "var/tmp", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	}
	fs_at(p, root, "proc", "proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (!p->root)
		lock_down(root, "root", MOUNT_ATTR_RDONLY, 0);
	root_enter(root);
	close(root);
}

/* ---- rights ---- */

static void filter_load(void)
{
	enum { CALLS = 40 }; /* about as many comparisons as a list of forbidden calls takes as a tree */
	struct sock_filter code[CALLS + 3] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {CALLS + 3, code};

	for (unsigned i = 0; i < CALLS; i++) /* numbers that no call has */
		code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 100000 + i, (__u8)(CALLS - i), 0);
	code[CALLS + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[CALLS + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "filter");
}

static void rights_drop(const struct plan *p)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0};

	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	must(syscall(SYS_capset, &header, none), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	if (p->full)
		filter_load();
}

/* ---- roles ---- */

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static _Noreturn void program_run(const struct plan *p)
{
	execv(p->argv[0], p->argv);
	die(p->argv[0]);
}

static _Noreturn void child(struct plan *p)
{
	int status = 0;
	pid_t program, ended;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	groups_join(p);
	must(sethostname("floor", 5), "hostname");
	mounts_make(p);
	rights_drop(p);
	if (!p->init)
		program_run(p);
	program = vfork();
	must(program, "fork");
	if (program == 0)
		program_run(p);
	do
		ended = wait(&status);
	while (ended != program && ended > 0);
	_exit(exit_status(status));
}

/* Inlined, and without a function of libc: after CLONE_VFORK on one stack the child overwrites everything below the
 * frame that cloned. */
static inline __attribute__((always_inline)) long clone_here(struct clone_args *args)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"((long)SYS_clone3), "D"(args), "S"(sizeof *args)
			 : "rcx", "r11", "memory");
	if (result < 0)
		errno = (int)-result;
	return result;
#else
	args->flags &= ~(uint64_t)(CLONE_VM | CLONE_VFORK);
	return syscall(SYS_clone3, args, sizeof *args);
#endif
}

static __attribute__((noinline)) pid_t launch(struct plan *p)
{
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, .exit_signal = SIGCHLD};
	long pid;

	if (!p->init)
		args.flags |= CLONE_VM | CLONE_VFORK;
	if (p->into >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)p->into;
	}
	pid = clone_here(&args);
	if (pid == 0)
		child(p);
	must(pid, "clone3");
	return (pid_t)pid;
}

static void bind_add(struct plan *p, char *spec)
{
	char *colon = strchr(spec, ':');

	if (p->bind_count == BINDS_MAX) {
		errno = E2BIG;
		die(spec);
	}
	if (colon)
		*colon = '\0';
	p->binds[p->bind_count++] = (struct bind){spec, colon ? colon + 1 : spec, -1};
}

static _Noreturn void usage(void)
{
	dprintf(2, "usage: floor [--init] [--full] [--no-groups] [--root DIR] [--bind SOURCE:TARGET]... -- PROGRAM "
		   "[ARG...]\n");
	_exit(125);
}

static void options_read(struct plan *p, char **argv)
{
	char **arg = argv + 1;

	for (; *arg && strcmp(*arg, "--") != 0; arg++) {
		if (strcmp(*arg, "--init") == 0)
			p->init = true;
		else if (strcmp(*arg, "--full") == 0)
			p->full = true;
		else if (strcmp(*arg, "--no-groups") == 0)
			p->no_groups = true;
		else if (strcmp(*arg, "--root") == 0 && arg[1])
			p->root = *++arg;
		else if (strcmp(*arg, "--bind") == 0 && arg[1])
			bind_add(p, *++arg);
		else
			usage();
	}
	if (!*arg || !arg[1])
		usage();
	p->argv = arg + 1;
}

int main(int argc, char **argv)
{
	static char system_directories[][8] = {"/usr", "/lib", "/lib64", "/bin", "/sbin"};
	struct plan plan = {.into = -1};
	int status;

	for (size_t i = 0; i < GROUPS_MAX; i++)
		plan.groups[i].tasks = -1;
	for (size_t i = 0; i < sizeof system_directories / sizeof *system_directories; i++)
		bind_add(&plan, system_directories[i]);
	options_read(&plan, argv);
	if (!plan.no_groups && access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
		groups_make_v2(&plan);
	else if (!plan.no_groups)
		groups_make_v1(&plan);
	must(waitpid(launch(&plan), &status, 0), "wait");
	groups_remove(&plan);
	return exit_status(status);
}
