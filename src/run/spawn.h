/* Who runs, as whom, and who waits for whom:
 *
 *     supervisor          root, outside; holds the cage, the journal, the pidfds
 *      └─ init            pid 1 of the jail's pid namespace, behind all walls: forwards signals, reaps, and says on
 *          │              the report socket what becomes of the command.  Without one (--no-init, or no jail) its
 *          │              place is taken by the command itself.
 *          └─ command
 *
 * spawn() is the only clone with namespaces.  The child runs stage.c up to exec or init.c; supervisor and child
 * share nothing afterwards but the report socket, which is SOCK_SEQPACKET: one struct report a message, and its end
 * (EOF) without an error is "executed".  If the supervisor dies, the child is killed (PR_SET_PDEATHSIG), and with
 * a pid namespace everything in it.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"
#include "cage/cage.h"
#include "jail/jail.h"

enum report_kind {
	REPORT_FAILED,	/* err is set; value is the exit status that it stands for: 125, 126, 127 */
	REPORT_STARTED, /* from init: the command has been executed; its pidfd comes along */
	REPORT_STOPPED, /* from init: the command was stopped by signal `value` */
	REPORT_ENDED,	/* from init: the command ended with wait status `value` */
};

struct report {
	enum report_kind kind;
	int value;
	struct err err;
};

/* What a child shall have of how we were called, and not of what the supervisor has made of itself. */
struct spawn_origin {
	sigset_t mask;
	struct rlimit nofile; /* rlim_cur 0: as it is */
};

struct spawn {
	const struct jail_ready *jail;
	const struct cage_gate *gate;
	const struct spawn_origin *origin;
};

struct spawned {
	pid_t pid; /* of init, or of the command; our child */
	int pidfd;
	int report; /* socket, non-blocking */
};

/* Clones the child into its cage and namespaces. Returns once it exists; what becomes of it comes as reports. */
int spawn(const struct spawn *what, struct spawned *ret, struct err *e);

/* Reads one report. 1: *ret is set (*ret_pidfd for REPORT_STARTED, else -1); 0: nothing now; -EPIPE: the end. */
int spawn_report(int report, struct report *ret, int *ret_pidfd, struct err *e);

/* Starts the program `path` as an ordinary child of ours with descriptor 3 = fd3, ordinary signals, PR_SET_PDEATHSIG.
 */
int spawn_program(const char *path, char *const *argv, int fd3, const struct spawn_origin *origin, struct spawned *ret,
	struct err *e);

/* ---- the child's side; not for callers ---- */

struct stage {
	const struct spawn *what;
	int report; /* the child's end */
};
__attribute__((noreturn)) void stage_main(struct stage *s);
__attribute__((noreturn)) void init_main(struct stage *s);
void stage_send(int report, const struct report *r, int pidfd); /* best effort: without a supervisor nobody listens */
int stage_watch_parent(int report, struct err *e);
void stage_restore_signals(const struct spawn_origin *origin);
void stage_restore_descriptors(const struct spawn_origin *origin);
int stage_exec_status(const struct err *e); /* 127: the command is not there; 126: it cannot be executed */
