/* The cage of a virtual: its control groups and limits, on cgroup v1, v2 and hybrid hosts alike.
 *
 * Order: cage_host_open once; then for a virtual cage_check (nothing is created), cage_create, cage_apply,
 * cage_gate around the clone, cage_usage and cage_each while it runs, cage_kill and cage_remove at its end.
 *
 * Sources: Documentation/admin-guide/cgroup-v1/, Documentation/admin-guide/cgroup-v2.rst, cgroups(7).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/faults.h"
#include "base/undo.h"
#include "cage/limit.h"

/* ---- the host's layout ---- */

struct cage_host;

/* Finds the mounted hierarchies. mountinfo: a path like "/proc/self/mountinfo" (a test passes its own, whose mount
 * points are directories of a fake tree). No cgroup mount at all is an error that says how to mount one. */
int cage_host_open(const char *mountinfo, struct cage_host **ret, struct err *e);
void cage_host_drop(struct cage_host **host); /* NULL is fine */

/* "v1", "v2", "hybrid" */
const char *cage_host_kind(const struct cage_host *host);

/* The directory of the hierarchy that holds a controller ("/sys/fs/cgroup/memory"), or NULL when the host lacks it.
 * cpuacct and freezer are controllers on v1 only: v2 does their work in every group, without a controller. */
const char *cage_host_controller(const struct cage_host *host, enum controller c);

/* ---- before anything is made ---- */

/* Reports everything about the limits that this host cannot do: missing controller, no memory-high on v1, unknown
 * device, path without a disk, swap below v1's rules, group outside what is allowed.  Section "resource", key the
 * limit's.  Warnings (limits that hold only in part: v1 does not throttle buffered writes) go through `warn`, which
 * may be NULL.  group: a plain name (then MOUNT/virtualing/NAME), or an absolute path below each hierarchy's mount. */
void cage_check(const struct cage_host *host, const char *group, const struct limits *l, struct faults *f,
	void (*warn)(void *arg, const char *text), void *arg);

/* ---- life ---- */

struct cage;

/* Makes the groups that the limits need, and those that the cage is held by (the unified group on hybrid hosts,
 * memory for its usage).  On failure nothing is left.  host: borrowed, must outlive it.
 *
 * Before each an undo is noted: UNDO_GROUP for the cage's own groups, UNDO_PARENT for missing parents of an absolute
 * group; the shared parent goes with the last group in it.  -EEXIST when a group is
 * there already: what we did not make is neither used nor removed. v2 controllers that had to be enabled above the
 * cage stay enabled. */
int cage_create(const struct cage_host *host, const char *group, const struct limits *l, struct undo *u,
	struct cage **ret, struct err *e);

/* The same for limits that are to change while a cage is there: what can be said of them without writing any.  l: those
 * together with the others that they depend on (swap and memory).  0; or -EINVAL with the first fault. */
int cage_check_change(const struct cage *c, const struct limits *l, struct err *e);

/* Writes the limits and reads each back; what the kernel did not take, or rounded by more than a page, is an error. The
 * cage must have been made with the same limits. */
int cage_apply(struct cage *c, const struct limits *l, struct err *e);

/* How a new process gets in.  into: for CLONE_INTO_CGROUP, or -1 where there is no v2 tree.  tasks[]: "tasks" files
 * of v1 groups; the child writes "0" to each while it is single-threaded.  Never cgroup.procs: that waits for an
 * RCU grace period.  The descriptors stay the cage's, until the gate is closed, and are close-on-exec. */
enum { CAGE_TASKS_MAX = CTRL_COUNT };
struct cage_gate {
	int into;
	int tasks[CAGE_TASKS_MAX];
	size_t tasks_count;
};
int cage_gate(struct cage *c, struct cage_gate *ret, struct err *e);
/* Which groups a gate leads to, for somebody who has no cage in his hands but wants to get in. */
void cage_each_gate(const struct cage *c, void (*each)(void *arg, const char *path, bool into), void *arg);
/* Adds one of them to a gate of his own, which begins with CAGE_GATE_NONE. -ENOENT: it is gone. */
int cage_gate_add(struct cage_gate *g, const char *path, bool into, struct err *e);
void cage_gate_drop(struct cage_gate *g);
#define CAGE_GATE_NONE ((struct cage_gate){.into = -1})

void cage_close_gate(struct cage *c); /* cage_gate() opens it again; twice is fine */

/* What memory is made of, as far as the kernel tells it apart: file without shmem. */
struct cage_parts {
	uint64_t anonymous_bytes, file_bytes, shmem_bytes, kernel_bytes;
};

struct cage_usage { /* UINT64_MAX where the kernel does not say */
	uint64_t memory_bytes, memory_peak_bytes, memory_limit_bytes, swap_bytes;
	uint64_t cpu_us, cpu_throttled_us;
	uint64_t pids;
	uint64_t oom_kills; /* of the program, not of the guard's decoys */
	uint64_t io_read_bytes, io_write_bytes;
	uint64_t memory_wait_us, cpu_wait_us, io_wait_us; /* somebody inside has waited for it so long: pressure */
	struct cage_parts parts;
};
void cage_usage(const struct cage *c, struct cage_usage *ret);	/* best effort, never fails */
void cage_memory(const struct cage *c, struct cage_usage *ret); /* only usage, limit and peak of the memory */
void cage_parts(const struct cage *c, struct cage_usage *ret);	/* those, and what it is made of */
uint64_t cage_oom_kills(const struct cage *c);			/* only that figure, for it is asked at every end */

/* What is in use without the page cache that nobody has touched for long; UINT64_MAX: not known. */
uint64_t cage_working_set(const struct cage *c);

/* Before the memory limit of a running cage is lowered: reclaims what can be.  -EBUSY: more than that is in use, and on
 * v2 the kernel would kill. (v1 refuses by itself.)  stopped: nothing inside runs, so that this stays true, until the
 * limit has been written and cage_go_on() is called. */
int cage_make_room(struct cage *c, uint64_t limit_bytes, bool *ret_stopped, struct err *e);

/* The fault of a limit that the kernel did not take (v1), or would kill for (v2): -EBUSY. */
int cage_too_low(const struct cage *c, uint64_t limit_bytes, struct err *e);
void cage_go_on(struct cage *c);

/* Whether a cage with a memory limit is as good as full: that limit, or on v1 that of memory and swap together. */
bool cage_is_full(const struct cage *c);

typedef void cage_row(void *arg, const char *key, const char *file, const char *value);

/* Calls `row` for each group ("group", its path, the controllers of its tree or "unified") and for each limit that was
 * set ("memory", the kernel's file, what it says now). Limits of disks say "254:0 10485760". */
void cage_each(const struct cage *c, cage_row *row, void *arg);

/* Host pids of the processes inside; at most max are written, the true number is returned (or -errno). */
ssize_t cage_pids(const struct cage *c, pid_t *pids, size_t max);

/* Whether anybody is inside, in sub-groups too. A failure counts as "yes". */
bool cage_is_populated(const struct cage *c);

/* Stops everything inside; who is in the kernel, when it leaves that.  Does not wait.  Several may want it at the same
 * time: everything goes on when the last of them has let go.  Twice by one is fine, and so is to let go of what runs.
 */
enum cage_freezer {
	FREEZE_FOR_USER,  /* virtualing pause */
	FREEZE_FOR_GUARD, /* about to be full (guard/early.c) */
	FREEZE_FOR_ROOM,  /* full, and rests until its limit is raised */
	FREEZE_FOR_LIMIT, /* its limit is being lowered */
};
int cage_freeze(struct cage *c, enum cage_freezer who, bool frozen, struct err *e);
bool cage_is_frozen_for(const struct cage *c, enum cage_freezer who);

/* Whether it is to be frozen, by whomever; the program may be on its way there still. And by nobody of the above. */
bool cage_is_frozen(const struct cage *c);
bool cage_is_frozen_by_others(const struct cage *c);

/* Whether everything inside has stopped. */
bool cage_stands_still(const struct cage *c);

/* Whether somebody frozen is not ended by SIGKILL until he is thawed: with the freezer of cgroup v1. */
bool cage_frozen_defer_kills(const struct cage *c);

/* A trigger of the pressure on its memory, for epoll (EPOLLPRI): somebody inside has waited for memory for percent of
 * two seconds. A descriptor, the caller's; or -errno: the kernel has no pressure information, or no v2 tree is there.
 * Source: Documentation/accounting/psi.rst. */
int cage_open_pressure(const struct cage *c, unsigned percent, struct err *e);

/* Wakes when the kernel may have killed somebody inside for memory, for epoll (*ret_events): on v2 each time that it
 * has; on v1 just before, decoys too, and it goes on waking while nobody can be found.  cage_heard_kill(): after each
 * wake, -errno: the group goes.  A descriptor, the caller's; or -errno. */
int cage_open_kills(const struct cage *c, uint32_t *ret_events, struct err *e);
int cage_heard_kill(int fd);

/* SIGKILL to everything inside: cgroup.kill, or freeze-kill-thaw where it is missing.  Does not wait; while cage_remove
 * says -EBUSY, call both again: without cgroup.kill who forks fast may need several rounds. */
int cage_kill(struct cage *c, struct err *e);

/* The group that everybody in the cage is in, borrowed; and what somebody who holds nothing but it can do: SIGKILL
 * until nobody is left, for at most timeout_ms. */
int cage_holder(const struct cage *c);
void cage_kill_holder(int group, int timeout_ms);

/* Removes the groups, and the shared parent "virtualing" if it is empty. -EBUSY while processes are still dying. */
int cage_remove(struct cage *c, struct err *e);
void cage_drop(struct cage **c); /* frees memory only; the kernel's groups stay. NULL is fine */

/* ---- what a crash left ---- */

/* Undoes UNDO_GROUP: kills everything in the group at this absolute path and below it, waits up to timeout_ms for
 * the processes to be gone, removes it and an empty parent "virtualing".  0 also when it is gone already. */
int cage_undo_group(const char *path, int timeout_ms, struct err *e);

/* Undoes UNDO_PARENT. 0 also when it is gone already or others use it by now. */
int cage_undo_parent(const char *path, struct err *e);

/* Whether processes are in the group at this path or below it. */
bool cage_group_is_populated(const char *path);

/* Calls `each` for every group of ours, in any hierarchy ("/sys/fs/cgroup/memory/virtualing/web", "web"), for gc. */
int cage_host_each_group(const struct cage_host *host, void (*each)(void *arg, const char *path, const char *name),
	void *arg, struct err *e);

/* Removes the shared parent "virtualing" of each hierarchy where it is empty: what is left when a supervisor is killed
 * between making it and making its own group. */
void cage_host_tidy(const struct cage_host *host);
