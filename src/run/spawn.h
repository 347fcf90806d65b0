/* Who runs, as whom, and who waits for whom:
 *
 *     supervisor          root, outside; holds the cage, the journal, the pidfds
 *      └─ init            pid 1 of the jail's pid namespace, behind all walls: forwards signals, reaps, and says on
 *          │              the report socket what becomes of the command.  Without one (--no-init, or no jail) its
 *          │              place is taken by the command itself.
 *          └─ command
 *
 * spawn() is the only clone with namespaces.  Its child borrows the supervisor's memory (sys/borrow.h) and runs
 * stage.c: it raises the walls and executes the command, or init (init/main.c), which executes the command.  The
 * supervisor sleeps until the child has executed: with the walls it waits for whatever they wait for (a disk, a file
 * system in the network).  Afterwards they share nothing but the report socket.  Nobody else is inside before: a
 * command that may trace others must not find the supervisor's memory in its pid 1.
 *
 * If the supervisor dies, the child is killed (PR_SET_PDEATHSIG), and with a pid namespace everything in it.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"
#include "cage/cage.h"
#include "jail/jail.h"
#include "run/report.h"

/* What children shall have of how we were called, and not of what the supervisor has made of itself; and what it has
 * ready for them. */
struct spawn_origin {
	sigset_t mask;
	struct rlimit nofile; /* rlim_cur 0: as it is */
	int policy, nice;     /* a supervisor that guards is quick, and its children are ordinary (sched(7)) */
	int in, out;	      /* what standard input, and output and error, shall be; 0: as ours */
	int init;	      /* the program init, as a file; -1 until spawn() needs it */
};

struct spawn {
	const struct jail_ready *jail;
	const struct cage_gate *gate;
	struct spawn_origin *origin;
	bool apart; /* in a process group of its own, whose signals are not passed on by init: for exec.h */
	int out;    /* standard output and error of this one; 0: as the origin says */
};

struct spawned {
	pid_t pid; /* of our child: init, or the command; 0: there is none */
	int pidfd;
	pid_t main_pid; /* of the command, on this host; 0: it is not known any more, or not yet (init reports it) */
	int main_pidfd;
	int report; /* init's, non-blocking; -1 without one */
};
#define SPAWNED_NONE ((struct spawned){.pidfd = -1, .main_pidfd = -1, .report = -1})

/* Starts the child in its cage and namespaces.  0: the command has been executed; or init has, and the first report
 * tells of the command.  -errno: neither, and *ret_status is what that means: 125, 126 (cannot be executed), 127 (is
 * not there); ret->pid is then 0, or a child that has ended or is about to and must still be waited for. */
int spawn(const struct spawn *what, struct spawned *ret, int *ret_status, struct err *e);

/* Reads one report of init's. 1: *ret is set; 0: nothing now; -EPIPE: the end. REPORT_STARTED brings what is known of
 * the command to s. */
int spawn_report(struct spawned *s, struct report *ret);

/* 127: the command is not there; 126: it cannot be executed. */
int spawn_exec_status(const struct err *e);

/* Starts the program `path` as an ordinary child of ours with descriptor 3 = fd3, ordinary signals, PR_SET_PDEATHSIG;
 * without a report. */
int spawn_program(const char *path, char *const *argv, int fd3, const struct spawn_origin *origin, struct spawned *ret,
	struct err *e);

/* ---- the child's side; not for callers ---- */

struct stage { /* in the memory that both use */
	const struct spawn *what;
	int report;	/* the child's end */
	int other_end;	/* whose closing tells the child that the supervisor has died */
	bool executing; /* what kills it now kills the command, or init */
	int status;	/* 125, 126, 127 */
	struct err err; /* code 0: nothing went wrong */
};
__attribute__((noreturn)) void stage_main(void *stage);
void stage_restore_schedule(const struct spawn_origin *origin);
void stage_restore_signals(const struct spawn_origin *origin);
void stage_restore_descriptors(const struct spawn_origin *origin);
int stage_connect(int in, int out, struct err *e); /* the standard streams; 0: as they are */
