/* System calls that glibc 2.36 has no function for.  All return -1 and set errno, like the rest of libc. */
#pragma once

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opens below dir; source: openat2(2), Linux 5.6. */
static inline int sys_openat2(int dir, const char *path, const struct open_how *how)
{
	return (int)syscall(SYS_openat2, dir, path, how, sizeof *how);
}

/* Source: pivot_root(2). */
static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

/* The calling thread's own sets, one bit for each capability; source: capset(2), version 3 of its header. */
static inline int sys_capget(uint64_t *effective, uint64_t *permitted)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct half[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, half) < 0)
		return -1;
	*effective = half[0].effective | (uint64_t)half[1].effective << 32;
	*permitted = half[0].permitted | (uint64_t)half[1].permitted << 32;
	return 0;
}

static inline int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct half[_LINUX_CAPABILITY_U32S_3] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};

	return (int)syscall(SYS_capset, &header, half);
}

/* Linux 6.12; older headers lack the last field.  Source: landlock(7). */
struct sys_landlock_ruleset {
	uint64_t handled_files, handled_ports, scoped;
};
enum { SYS_SCOPE_ABSTRACT_SOCKETS = 1, SYS_SCOPE_SIGNALS = 2 };

/* A descriptor. E2BIG: the kernel does not know a field that is set; EINVAL: not a bit in it. */
static inline int sys_landlock_create(const struct sys_landlock_ruleset *rules)
{
	return (int)syscall(SYS_landlock_create_ruleset, rules, sizeof *rules, 0);
}

/* For the calling thread and its children, for ever. */
static inline int sys_landlock_restrict(int ruleset)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

/* A new, empty session keyring in the place of the caller's; source: keyctl(2). */
static inline int sys_new_session_keyring(void)
{
	return (int)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0);
}

/* The ids of this thread alone.  libc's functions of these names may stop other threads first, which is not for a
 * child that shares the memory of its parent. */
static inline int sys_setgroups(size_t count, const gid_t *list)
{
	return (int)syscall(SYS_setgroups, count, list);
}

static inline int sys_setresgid(gid_t gid)
{
	return (int)syscall(SYS_setresgid, gid, gid, gid);
}

static inline int sys_setresuid(uid_t uid)
{
	return (int)syscall(SYS_setresuid, uid, uid, uid);
}
