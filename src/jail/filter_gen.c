/* Writes the jail's default system-call filter as a C header: runs while building, so that a launch pays neither for
 * libseccomp nor for composing the filter.
 *
 *     filter_gen OUTPUT.h [ARCHITECTURE]      of the machine that the header is for; this one by default
 *     filter_gen --list                       the rules with their reasons
 *
 * A list of what is denied.  It holds what the capabilities of a jail would refuse anyway (a second wall, should a
 * kernel forget to ask), and what needs no capability but has opened jails before.  The answer is EPERM, so that
 * programs carry on without.  Architectures: the machine's own and the 32-bit one that it runs beside it; calls by any
 * other (x32) get ENOSYS.
 */
#define _GNU_SOURCE 1 /* a program of the building machine gets none of the arguments of the project */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

struct rule {
	const char *call;
	const char *reason;
	int error;   /* 0: EPERM */
	bool by_arg; /* only when the low 32 bits of the argument, all that the kernel looks at, are the value */
	unsigned arg;
	unsigned value;
};

#define DENY(name, why)                         \
	{                                       \
		.call = (name), .reason = (why) \
	}
#define DENY_ARG(name, number, is, why)                                                         \
	{                                                                                       \
		.call = (name), .reason = (why), .by_arg = true, .arg = (number), .value = (is) \
	}

static const struct rule rules[] = {
	/* Interfaces that need no capability and have been the way to the kernel. */
	DENY("io_uring_setup", "does the work of other calls where no filter sees it"),
	DENY("io_uring_enter", "as io_uring_setup"),
	DENY("io_uring_register", "as io_uring_setup"),
	DENY("userfaultfd", "stops the kernel in the middle of a copy: wins races in it"),
	DENY("bpf", "loads programs into the kernel"),
	DENY("perf_event_open", "a large parser of user data in the kernel; watches other processes"),
	DENY("keyctl", "keyrings know no namespaces: the jail would share the host's"),
	DENY("add_key", "as keyctl"),
	DENY("request_key", "as keyctl; also starts a program on the host"),
	DENY("pidfd_getfd", "takes descriptors out of other processes"),
	DENY("modify_ldt", "16-bit segments: no server needs them, and their entry code has had holes"),
	DENY("vm86", "real mode: as modify_ldt"),
	DENY("vm86old", "as vm86"),
	DENY("syslog", "the kernel's messages hold addresses, and other users' affairs"),
	DENY_ARG("socket", 0, AF_VSOCK,
		"reaches the hypervisor and its other guests past every network namespace "
		"(32-bit programs that still use socketcall are not seen)"),

	/* Input pushed into the caller's terminal would be read by its shell. */
	DENY_ARG("ioctl", 1, TIOCSTI, "types into the terminal of whoever started the jail"),
	DENY_ARG("ioctl", 1, TIOCLINUX, "pastes into the console of whoever started the jail"),
	DENY_ARG("ioctl", 1, TIOCSETD,
		"line disciplines make that terminal dumb, and have had holes of their own; servers need none"),

	/* New namespaces: a user namespace gives back every capability inside it. */
	{.call = "clone3",
		.reason = "its flags are behind a pointer, unseen by filters; libc falls back to clone",
		.error = ENOSYS},
	DENY("setns", "joins namespaces of others"),

	/* The file system of the jail is what was put together for it. */
	DENY("mount", "the jail's mounts are its walls"),
	DENY("umount", "as mount"),
	DENY("umount2", "as mount"),
	DENY("pivot_root", "as mount"),
	DENY("fsopen", "as mount"),
	DENY("fsconfig", "as mount"),
	DENY("fsmount", "as mount"),
	DENY("fspick", "as mount"),
	DENY("move_mount", "as mount"),
	DENY("open_tree", "as mount"),
	DENY("mount_setattr", "as mount"),
	DENY("open_by_handle_at", "opens any file of the file system by number, past the root"),
	DENY("quotactl", "quotas belong to the host"),
	DENY("quotactl_fd", "as quotactl"),
	DENY("acct", "writes a file on the host for each process"),
	DENY("swapon", "swap belongs to the host"),
	DENY("swapoff", "as swapon"),

	/* The machine. */
	DENY("kexec_load", "replaces the kernel"),
	DENY("kexec_file_load", "as kexec_load"),
	DENY("reboot", "stops the machine"),
	DENY("init_module", "loads code into the kernel"),
	DENY("finit_module", "as init_module"),
	DENY("delete_module", "as init_module"),
	DENY("create_module", "as init_module, before Linux 2.6"),
	DENY("query_module", "as create_module"),
	DENY("get_kernel_syms", "as create_module"),
	DENY("iopl", "talks to hardware"),
	DENY("ioperm", "as iopl"),
	DENY("vhangup", "takes the terminal from whoever started the jail"),
	DENY("settimeofday", "the clock is the host's"),
	DENY("stime", "as settimeofday"),
	DENY("clock_settime", "as settimeofday"),
	DENY("clock_settime64", "as settimeofday"),
	DENY("clock_adjtime", "as settimeofday"),
	DENY("clock_adjtime64", "as settimeofday"),
	DENY("adjtimex", "as settimeofday"),
	DENY("lookup_dcookie", "names files by number, past the root"),
	DENY("nfsservctl", "the kernel's file server; long gone"),
	DENY("uselib", "maps libraries the way of the 1990s"),
	DENY("ustat", "looks at file systems by device number, past the root"),
	DENY("sysfs", "lists the kernel's file systems; nobody calls it"),
	DENY("_sysctl", "writes the kernel's settings; long gone"),
};

/* Allowed on purpose, although other lists deny or have denied them:
 * ptrace, process_vm_readv, process_vm_writev: debuggers; only one's own processes, in a pid namespace
 * mbind, set_mempolicy, move_pages: databases place their memory; moving others' needs CAP_SYS_NICE
 * name_to_handle_at: gives a number that nothing here can open
 * chroot, mknod, sethostname: their capability decides, and a user may have asked to keep it */

/* What libseccomp cannot say in few instructions, or not at all in a filter that allows by default; it is written out
 * and put in front.  Either all values of the first argument are denied that have one of the bits, or all but some. */
enum {
	SOME_MAX = 5,
	NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID |
		     CLONE_NEWNET
};

static const struct special {
	const char *call, *reason;
	unsigned bits;
	unsigned some[SOME_MAX]; /* when there are no bits */
} specials[] = {
	{"clone", "new namespaces: one of users gives all capabilities inside it", NAMESPACES, {0}},
	{"unshare", "as clone", NAMESPACES | CLONE_NEWTIME, {0}},
	/* Those that merely change what uname says, and the question for the current one.  The others switch off
	 * protections of memory: ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, MMAP_PAGE_ZERO ... */
	{"personality", "execution domains switch off protections of memory", 0,
		{0x0, 0x8, 0x20000, 0x20008, 0xffffffff}},
};

/* Newer than the libseccomp of today's distributions; calls of this age have one number on every architecture. */
static const struct {
	unsigned number;
	const char *call, *reason;
} late_rules[] = {
	{467, "open_tree_attr", "as mount"},
};

static const struct {
	uint32_t own, beside; /* the machine's, and the 32-bit one that it runs beside it */
} machines[] = {
	{SCMP_ARCH_X86_64, SCMP_ARCH_X86},
	{SCMP_ARCH_AARCH64, SCMP_ARCH_ARM},
	{SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS},
	{SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL},
	{SCMP_ARCH_S390X, SCMP_ARCH_S390},
};

static __attribute__((noreturn)) void fail(const char *what, int error)
{
	fprintf(stderr, "filter_gen: %s: %s\n", what, strerror(error));
	exit(1);
}

static void add_rule(scmp_filter_ctx filter, const struct rule *r)
{
	int call = seccomp_syscall_resolve_name(r->call);
	struct scmp_arg_cmp is = SCMP_CMP(r->arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, r->value);
	int failed;

	if (call == __NR_SCMP_ERROR) {
		fprintf(stderr, "filter_gen: this libseccomp does not know %s\n", r->call);
		return;
	}
	failed = seccomp_rule_add_array(
		filter, SCMP_ACT_ERRNO((unsigned)(r->error ? r->error : EPERM)), call, r->by_arg, &is);
	if (failed)
		fail(r->call, -failed);
}

static scmp_filter_ctx compose(uint32_t own, uint32_t beside)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int failed = 0;

	if (!filter)
		fail("seccomp_init", ENOMEM);
	if (own != seccomp_arch_native()) {
		failed = seccomp_arch_add(filter, own);
		if (!failed)
			failed = seccomp_arch_remove(filter, SCMP_ARCH_NATIVE);
	}
	if (!failed && beside)
		failed = seccomp_arch_add(filter, beside);
	if (!failed)
		failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (!failed)
		failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
	if (failed)
		fail("compose the filter", -failed);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		add_rule(filter, &rules[i]);
	return filter;
}

/* Where clone() has its flags: s390 has the stack first. */
static unsigned argument(const struct special *s, uint32_t arch)
{
	return strcmp(s->call, "clone") == 0 && (arch == SCMP_ARCH_S390X || arch == SCMP_ARCH_S390) ? 1 : 0;
}

/* With the number of the call loaded: one special call, all of whose ways end; else falls through. */
static size_t emit_special(struct sock_filter *to, const struct special *s, uint32_t arch)
{
	int call = seccomp_syscall_resolve_name_arch(arch, s->call);
	unsigned checks = s->bits ? 1 : SOME_MAX;
	unsigned low = (unsigned)(offsetof(struct seccomp_data, args) + argument(s, arch) * sizeof(uint64_t)) +
		       (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0); /* the half that the kernel looks at */
	size_t n = 0;

	to[n++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, (unsigned char)(checks + 3));
	to[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low);
	if (s->bits)
		to[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, s->bits, 0, 1);
	for (unsigned i = 0; !s->bits && i < checks; i++)
		to[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, s->some[i], (unsigned char)(checks - i), 0);
	to[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	to[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return n;
}

/* All special calls of one architecture. */
static size_t emit_specials(struct sock_filter *to, uint32_t arch)
{
	size_t n = 3;

	for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
		n += emit_special(to + n, &specials[i], arch);
	to[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	to[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, (unsigned char)(n - 2));
	to[2] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	return n;
}

static size_t emit_late(struct sock_filter *to)
{
	size_t n = 0;

	to[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof late_rules / sizeof *late_rules; i++) {
		to[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, late_rules[i].number, 0, 1);
		to[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	return n;
}

static size_t export(scmp_filter_ctx filter, struct sock_filter *to, size_t room)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int failed = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	ssize_t n;

	if (failed)
		fail("export the filter", -failed);
	n = pread(fd, to, room * sizeof *to, 0);
	if (n <= 0 || (size_t)n == room * sizeof *to)
		fail("read the filter back", n < 0 ? errno : EFBIG);
	close(fd);
	return (size_t)n / sizeof *to;
}

static void print_rules(FILE *to, const char *before)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const struct rule *r = &rules[i];

		fprintf(to, "%s%-18s", before, r->call);
		if (r->by_arg)
			fprintf(to, " arg%u == %#x", r->arg, r->value);
		fprintf(to, " %s: %s\n", r->error == ENOSYS ? "ENOSYS" : "EPERM", r->reason);
	}
	for (size_t i = 0; i < sizeof late_rules / sizeof *late_rules; i++)
		fprintf(to, "%s%-18s EPERM: %s\n", before, late_rules[i].call, late_rules[i].reason);
	for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
		fprintf(to, "%s%-18s by its first argument EPERM: %s\n", before, specials[i].call, specials[i].reason);
}

static void write_header(const char *path, const struct sock_filter *code, size_t count)
{
	FILE *to = fopen(path, "w");

	if (!to)
		fail(path, errno);
	fprintf(to, "/* Made by filter_gen; what it denies:\n *\n");
	print_rules(to, " * ");
	fprintf(to, " */\n#pragma once\n\n#include <linux/filter.h>\n\n");
	fprintf(to, "static const struct sock_filter filter_default[%zu] = {\n", count);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "\t{0x%02x, %u, %u, 0x%08x},\n", code[i].code, code[i].jt, code[i].jf, code[i].k);
	fprintf(to, "};\n");
	if (fclose(to) != 0)
		fail(path, errno);
}

int main(int argc, char **argv)
{
	static struct sock_filter code[BPF_MAXINSNS];
	uint32_t own = seccomp_arch_native(), beside = 0;
	scmp_filter_ctx filter;
	size_t count = 0;

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		print_rules(stdout, "");
		return 0;
	}
	if (argc < 2)
		fail("usage: filter_gen OUTPUT.h [ARCHITECTURE]", EINVAL);
	if (argc > 2 && !(own = seccomp_arch_resolve_name(argv[2])))
		fail(argv[2], EINVAL);
	for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
		if (own == machines[i].own)
			beside = machines[i].beside;
	filter = compose(own, beside);
	count += emit_late(code);
	count += emit_specials(code + count, own);
	if (beside)
		count += emit_specials(code + count, beside);
	count += export(filter, code + count, BPF_MAXINSNS - count);
	write_header(argv[1], code, count);
	seccomp_release(filter);
	return 0;
}
