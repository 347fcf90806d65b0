/* Who ends a program when its supervisor has been killed, and nothing else does.
 *
 * With an init and a pid namespace the kernel does: init dies with the supervisor (PR_SET_PDEATHSIG), everything inside
 * with init.  Without one the death signal reaches the command only, and not even that when it has changed its user id.
 * And whoever is frozen on cgroup v1, init too, does not act on SIGKILL before somebody thaws him.
 * So such virtuals have an undertaker: a child of the supervisor in a session of its own that holds the cage and one
 * end of a socket, and sleeps.  When the socket closes without a goodbye it kills everything in the cage.  What is to
 * be removed stays for `gc` and the next start, as ever.
 *
 * A cage round processes that ran before is left instead: they did not need us to live.  Its undertaker becomes a
 * `virtualing gc`, which moves them back to where they came from.
 *
 * It shares the supervisor's memory (but nothing else), which makes it as cheap as a thread.  The one death that it
 * does not survive is the supervisor's by the kernel's OOM killer, which takes all that share the memory.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "cage/cage.h"

struct undertaker {
	pid_t pid; /* 0: there is none */
	pid_t supervisor;
	int socket, theirs, cage;
	bool leave;
	void *stack;
};

/* u: stays where it is until undertaker_dismiss. leave: nobody is killed. */
int undertaker_call(struct undertaker *u, const struct cage *c, bool leave, struct err *e);
void undertaker_dismiss(struct undertaker *u); /* waits for its end; may be called twice */
