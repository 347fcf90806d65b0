/* The jail of a virtual: file system, namespaces, ids, capabilities, limits of resources, system-call filter.
 *
 * Three steps, on two sides of one clone:
 *   jail_check    supervisor: looks, reports every fault, makes nothing
 *   jail_prepare  supervisor: resolves users, opens the root, makes what is missing under it (with an undo for each)
 *   jail_enter    the child, in its new namespaces: an ordered table of steps; no allocation, no stdio
 * and jail_undo for what jail_prepare made.
 *
 * Everything under the root is reached by descriptor with openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS): a
 * symbolic link there never leads a mount or a file outside.
 *
 * Sources: jailing(1) for the rules of the file system; mount_setattr(2), open_tree(2), move_mount(2), openat2(2),
 * pivot_root(2), capabilities(7), seccomp(2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/faults.h"
#include "base/undo.h"

struct jail_bind {
	char *source, *target; /* absolute */
	bool read_only;
};

struct jail_tmpfs {
	char *target;	/* absolute */
	uint64_t bytes; /* 0: the kernel's default, half of memory */
};

struct jail_rlimit {
	int resource;	     /* RLIMIT_... */
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

enum jail_filter { FILTER_DEFAULT, FILTER_NONE, FILTER_FILE };

enum { /* namespaces that --share leaves shared; net is shared unless asked otherwise */
	SHARE_PID = 1,
	SHARE_IPC = 2,
	SHARE_UTS = 4,
	SHARE_NET = 8
};

/* jailing's six: CHOWN, DAC_OVERRIDE, KILL, SETGID, SETUID, NET_BIND_SERVICE */
#define JAIL_CAPS_DEFAULT ((1ULL << 0) | (1ULL << 1) | (1ULL << 5) | (1ULL << 6) | (1ULL << 7) | (1ULL << 10))
#define JAIL_CAPS_ALL UINT64_MAX

/* What the user asked for. Zero-initialised and then jail_defaults(); owned by whoever filled it. */
struct jail {
	char *root;	   /* absolute; NULL: no jail, the command runs on the host's file system */
	bool plain_chroot; /* chroot and nothing else of all this, see below */
	struct jail_bind *binds;
	size_t bind_count;
	struct jail_tmpfs *tmpfs;
	size_t tmpfs_count;
	bool read_only; /* the root too; /tmp, /run and /var/tmp are then tmpfs */
	bool dev, proc; /* a minimal /dev, an own /proc: true by default */
	bool init;	/* pid 1 reaps and forwards: true by default */
	unsigned share; /* SHARE_...: SHARE_NET by default. With SHARE_PID /proc shows the host's processes, and a
			   jailed root may signal them */
	char *hostname; /* NULL: the virtual's name */
	char *user;	/* "NAME", "UID", "UID:GID", "NAME:GROUP", of the jail's own files; NULL: as called */
	char *workdir;	/* absolute, inside; NULL: "/" (without a jail: as called) */
	char **env;	/* "K=V" to set, in order */
	size_t env_count;
	bool clear_env;
	struct jail_rlimit *rlimits;
	size_t rlimit_count;
	uint64_t caps; /* bits 1 << CAP_...; what may stay. For a user other than root they are ambient if they were
			* asked for (differ from the default), for else exec would drop them; otherwise none is */
	enum jail_filter filter;
	char *filter_file; /* compiled BPF (struct sock_filter[]) for FILTER_FILE */
};
/* A plain chroot (and all of this without a root) still has user, limits, workdir and environment.  It does not stop: a
 * second chroot() as root, fchdir() to a descriptor passed in from outside, mknod() of the disk, ptrace() and signals
 * to processes of the host, /proc/1/root where /proc is mounted, mount(), new namespaces, loading modules.  Only a user
 * other than root makes it a wall at all.  Binds, tmpfs, read_only, hostname, caps and filter are faults then. */

void jail_defaults(struct jail *j);
void jail_clear(struct jail *j); /* frees what hangs on it */

/* Names for the two word lists. -EINVAL when unknown. jail_caps_parse: "keep=chown,kill", "none", "all". */
int jail_caps_parse(const char *text, uint64_t *ret, struct err *e);
int jail_rlimit_parse(const char *name, const char *value, struct jail_rlimit *ret,
	struct err *e); /* "nofile", "1024" or "512:1024" */
const char *jail_rlimit_name(int resource);

/* Everything about the jail that this host cannot do or that is wrong: root not absolute, not a directory (missing is
 * fine: it is made), a bind source that is missing, an unknown user, a target under a bind that does not exist, a
 * workdir through /proc/self/fd ...; section "jail". argv: to tell early that a command cannot be found. */
struct jail_look; /* what jail_check saw, so that jail_prepare need not look again; it holds the root's lock */
void jail_check(
	const struct jail *j, char *const *argv, struct faults *f, struct jail_look **ret); /* NULL: takes no lock */
void jail_look_drop(struct jail_look **look);						    /* NULL is fine */

/* ---- */

struct jail_ready; /* resolved: descriptors, ids, environment, argv; what the child needs and nothing else */

/* environ: the caller's. argv: borrowed until the drop. name: the virtual's. look: taken over; NULL: looks anew.
 * The root is locked (shared) from here until the drop, which must come when nothing runs in it any more and before its
 * undo is replayed: jail_undo leaves alone what lies in a root that anybody has locked. */
int jail_prepare(const struct jail *j, struct jail_look *look, const char *name, char *const *argv,
	char *const *environ, struct undo *u, struct jail_ready **ret, struct err *e);
void jail_ready_drop(struct jail_ready **r); /* closes, unlocks, frees; what was made on disk stays. NULL is fine */

/* Who the command runs as, as it was found; borrowed. */
struct ids;
const struct ids *jail_ids(const struct jail_ready *r);

/* The same for one more command in a jail that stands already: nothing is made, and jail_enter joins instead.
 * inside: a pidfd of a process in that jail's namespaces, which also has them as its own; borrowed until jail_enter,
 * and not looked at without a jail.  ids: as jail_ids() said when that jail was made, for its files may have changed
 * since; copied.  rlimits: what the limits of resources begin with, before those of j; copied. */
int jail_prepare_to_join(const struct jail *j, int inside, const struct ids *ids, const struct jail_rlimit *rlimits,
	size_t rlimit_count, char *const *argv, char *const *environ, struct jail_ready **ret, struct err *e);

/* CLONE_NEW... flags for the one clone3; 0 without a jail, and for who joins one. */
uint64_t jail_clone_flags(const struct jail_ready *r);
bool jail_wants_init(const struct jail_ready *r);	    /* who joins a pid namespace does: only a child is in it */
bool jail_limits(const struct jail_ready *r, int resource); /* the description has a limit of this RLIMIT_... */

/* The walls, in the child, which must be its own process with its own descriptor table (it may share memory; 48 KiB of
 * stack are enough).  Returns 0 when it stands inside, as the user it shall be, not dumpable until exec; or -errno, and
 * the error begins with "jail: " and the step.  All descriptors above 2 are closed but those to keep (-1: none), which
 * are made close-on-exec.  Changes of ids clear PR_SET_PDEATHSIG: set it again afterwards. */
enum { JAIL_KEEP = 2 };
int jail_enter(const struct jail_ready *r, const int keep[JAIL_KEEP], struct err *e);

/* Looks for the command in the jail's PATH and executes it. Returns only on failure: -ENOENT (127), others (126). In a
 * child that shares memory 24 KiB of stack are enough. */
int jail_exec(const struct jail_ready *r, struct err *e);

/* The same for a child that is to be pid 1: executes the program init (a descriptor of it), which executes the command
 * from its arguments and its environment as soon as it can be sure of itself. Returns only on failure. */
int jail_exec_init(const struct jail_ready *r, int init, struct err *e);

/* Puts into words why init could not execute the command (jail/execute.h). Returns -ENOENT (127) or others (126). */
struct execution;
int jail_explain(const struct jail_ready *r, const struct execution *x, struct err *e);

/* Undoes UNDO_DIR, UNDO_LINK, UNDO_FILE. 0 also when it is gone already, not empty any more, changed since, or when
 * another virtual stands in that root: the last one of them takes all away.  UNDO_DIR with the path "" stands for all
 * that any start made in this root (tree.h). */
int jail_undo(enum undo_kind kind, const char *root, const char *path, const char *detail, struct err *e);
