/* The default filter, run by a small interpreter: what the kernel would answer, without being subject to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail/filter.h"

/* The part of classic BPF that filters of system calls may use. */
static uint32_t run(const struct sock_filter *code, size_t count, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < count; at++) {
		const struct sock_filter *f = &code[at];
		bool yes;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k % 4 == 0 && f->k < sizeof *data);
			memcpy(&a, (const char *)data + f->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JA:
			at += f->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == f->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = (a & f->k) != 0;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= f->k;
			break;
		default:
			fail_msg("instruction %zu has code %#x", at, f->code);
			return 0;
		}
		at += yes ? f->jt : f->jf;
	}
	fail_msg("the filter ends without an answer");
	return 0;
}

static uint32_t ask(uint32_t arch, int call, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data data = {.nr = call, .arch = arch, .args = {arg0, arg1}};
	size_t count;
	const struct sock_filter *code = filter_standard(&count);

	return run(code, count, &data);
}

enum { ALLOW = 0 }; /* else an errno */

static int answer(uint32_t arch, int call, uint64_t arg0, uint64_t arg1)
{
	uint32_t r = ask(arch, call, arg0, arg1);

	if (r == SECCOMP_RET_ALLOW)
		return ALLOW;
	assert_int_equal(r & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ERRNO);
	return (int)(r & SECCOMP_RET_DATA);
}

#if defined __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define NATIVE AUDIT_ARCH_AARCH64
#endif

#define SAYS(expected, call, a0, a1) assert_int_equal(answer(NATIVE, call, a0, a1), expected)

#ifdef NATIVE
static void ordinary_calls_are_allowed(void **state)
{
	static const int calls[] = {SYS_read, SYS_openat, SYS_execve, SYS_socket, SYS_futex, SYS_ptrace, SYS_chroot,
		SYS_prctl, SYS_seccomp, SYS_process_vm_readv, SYS_mbind, SYS_statx, SYS_close_range};

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		assert_int_equal(answer(NATIVE, calls[i], 2, 1), ALLOW);
}

static void dangerous_calls_are_denied(void **state)
{
	static const int calls[] = {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_keyctl,
		SYS_add_key, SYS_request_key, SYS_userfaultfd, SYS_bpf, SYS_perf_event_open, SYS_kexec_load, SYS_mount,
		SYS_umount2, SYS_pivot_root, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_move_mount,
		SYS_open_tree, SYS_mount_setattr, 467, SYS_setns, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_init_module,
		SYS_finit_module, SYS_delete_module, SYS_open_by_handle_at, SYS_acct, SYS_quotactl, SYS_settimeofday,
		SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_syslog, SYS_vhangup, SYS_pidfd_getfd};

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (answer(NATIVE, calls[i], 0, 0) != EPERM)
			fail_msg("call %d is allowed", calls[i]);
}

static void nothing_types_into_the_terminal(void **state)
{
	SAYS(EPERM, SYS_ioctl, 0, TIOCSTI);
	SAYS(EPERM, SYS_ioctl, 0, TIOCSTI | UINT64_C(1) << 32);
	SAYS(EPERM, SYS_ioctl, 0, TIOCSTI | UINT64_C(0xffffffff) << 32);
	SAYS(EPERM, SYS_ioctl, 0, TIOCLINUX);
	SAYS(EPERM, SYS_ioctl, 0, TIOCSETD);
	SAYS(EPERM, SYS_ioctl, 0, TIOCLINUX | UINT64_C(1) << 63);
	SAYS(ALLOW, SYS_ioctl, 0, TIOCGWINSZ);
	SAYS(ALLOW, SYS_ioctl, 0, TCGETS);
	SAYS(ALLOW, SYS_ioctl, TIOCSTI, 0);
}

static void no_new_namespaces(void **state)
{
	static const uint64_t flags[] = {
		CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		SAYS(EPERM, SYS_clone, flags[i] | 17, 0);
		SAYS(EPERM, SYS_clone, flags[i] | CLONE_VM | CLONE_FS, 0);
		SAYS(EPERM, SYS_unshare, flags[i], 0);
		SAYS(EPERM, SYS_unshare, flags[i] | UINT64_C(1) << 40, 0);
	}
	SAYS(EPERM, SYS_unshare, 0x80, 0); /* CLONE_NEWTIME; for clone this bit is part of the signal */
	SAYS(ALLOW, SYS_clone, CLONE_VM | CLONE_VFORK | 17, 0);
	SAYS(ALLOW, SYS_unshare, CLONE_FS | CLONE_FILES, 0);
	SAYS(ENOSYS, SYS_clone3, 0, 0);
}

static void execution_domains_are_harmless(void **state)
{
	static const uint64_t harmless[] = {0, 8, 0x20000, 0x20008, 0xffffffff};

	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
		SAYS(ALLOW, SYS_personality, harmless[i], 0);
		SAYS(ALLOW, SYS_personality, harmless[i] | UINT64_C(5) << 32, 0);
	}
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t one = UINT32_C(1) << bit;

		if (one != 8 && one != 0x20000)
			SAYS(EPERM, SYS_personality, one, 0);
		SAYS(EPERM, SYS_personality, ~one, 0);
	}
	SAYS(EPERM, SYS_personality, ADDR_NO_RANDOMIZE | UINT64_C(1) << 32, 0);
}

static void unknown_machines_get_nothing(void **state)
{
	assert_int_equal(answer(AUDIT_ARCH_SPARC64, SYS_read, 0, 0), ENOSYS);
	assert_int_equal(answer(0, SYS_mount, 0, 0) > 0, 1);
}

static void only_the_host_s_other_doors_of_sockets_are_closed(void **state)
{
	SAYS(EPERM, SYS_socket, 40, 0); /* AF_VSOCK */
	SAYS(EPERM, SYS_socket, 40 | UINT64_C(1) << 32, 0);
	SAYS(ALLOW, SYS_socket, 2, 0);
	SAYS(ALLOW, SYS_socket, 10, 0);
	SAYS(ALLOW, SYS_socket, 16, 0);
}
#endif

#ifdef __x86_64__
static void the_32_bit_calls_are_no_way_round(void **state)
{
	/* i386's own numbers: mount 21, clone 120, personality 136, ioctl 54, getpid 20, unshare 310, clone3 435 */
	assert_int_equal(answer(AUDIT_ARCH_I386, 20, 0, 0), ALLOW);
	assert_int_equal(answer(AUDIT_ARCH_I386, 21, 0, 0), EPERM);
	assert_int_equal(answer(AUDIT_ARCH_I386, 120, CLONE_NEWUSER, 0), EPERM);
	assert_int_equal(answer(AUDIT_ARCH_I386, 120, 17, 0), ALLOW);
	assert_int_equal(answer(AUDIT_ARCH_I386, 136, ADDR_NO_RANDOMIZE, 0), EPERM);
	assert_int_equal(answer(AUDIT_ARCH_I386, 136, 0, 0), ALLOW);
	assert_int_equal(answer(AUDIT_ARCH_I386, 54, 0, TIOCSTI), EPERM);
	assert_int_equal(answer(AUDIT_ARCH_I386, 310, CLONE_NEWUSER, 0), EPERM);
	assert_int_equal(answer(AUDIT_ARCH_I386, 435, 0, 0), ENOSYS);
	assert_int_equal(answer(AUDIT_ARCH_I386, 467, 0, 0), EPERM);
}

static void the_x32_calls_are_no_way_round(void **state)
{
	assert_int_equal(answer(AUDIT_ARCH_X86_64, 0x40000000 | SYS_getpid, 0, 0), ENOSYS);
	assert_int_equal(answer(AUDIT_ARCH_X86_64, 0x40000000 | SYS_mount, 0, 0), ENOSYS);
	assert_int_equal(answer(AUDIT_ARCH_X86_64, 0x40000000 | SYS_personality, ADDR_NO_RANDOMIZE, 0), ENOSYS);
	assert_int_equal(answer(AUDIT_ARCH_X86_64, 0x40000000 | 514, 0, TIOCSTI), ENOSYS);
}
#endif

/* ---- files ---- */

static void write_file(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void a_file_is_checked(void **state)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	char path[] = "/tmp/jail_filter_XXXXXX", text[256];
	struct sock_filter *code = NULL;
	size_t count = 0;
	struct err e;
	char *big = calloc(4097, 8);

	close(mkstemp(path));
	assert_int_equal(filter_read(path, &code, &count, &e), -EINVAL); /* empty */
	write_file(path, "123456789", 9);
	assert_int_equal(filter_read(path, &code, &count, &e), -EINVAL);
	snprintf(text, sizeof text,
		"filter %s has 9 bytes: expected compiled BPF, 8 bytes for each of at most 4096 instructions", path);
	assert_string_equal(e.text, text);
	write_file(path, big, (size_t)4097 * 8);
	assert_int_equal(filter_read(path, &code, &count, &e), -EINVAL);
	write_file(path, big, (size_t)4096 * 8);
	assert_int_equal(filter_read(path, &code, &count, &e), 0);
	assert_int_equal(count, 4096);
	free(code);
	write_file(path, &allow, sizeof allow);
	assert_int_equal(filter_read(path, &code, &count, &e), 0);
	assert_int_equal(count, 1);
	assert_memory_equal(code, &allow, sizeof allow);
	free(code);
	free(big);
	unlink(path);
	assert_int_equal(filter_read(path, &code, &count, &e), -ENOENT);
	assert_int_equal(filter_read("/tmp", &code, &count, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef NATIVE
		cmocka_unit_test(ordinary_calls_are_allowed),
		cmocka_unit_test(dangerous_calls_are_denied),
		cmocka_unit_test(nothing_types_into_the_terminal),
		cmocka_unit_test(no_new_namespaces),
		cmocka_unit_test(execution_domains_are_harmless),
		cmocka_unit_test(unknown_machines_get_nothing),
		cmocka_unit_test(only_the_host_s_other_doors_of_sockets_are_closed),
#endif
#ifdef __x86_64__
		cmocka_unit_test(the_32_bit_calls_are_no_way_round),
		cmocka_unit_test(the_x32_calls_are_no_way_round),
#endif
		cmocka_unit_test(a_file_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
