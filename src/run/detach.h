/* Going into the background: who called waits until the virtual runs, and the supervisor goes on without him.
 *
 *     caller        waits for news on a socket, and ends with status 0 when it says what runs, or else with the status
 *      └─ child     of its child, which becomes the supervisor: in a session of its own, without a terminal, standard
 *                   input from /dev/null.  Until everything runs it says on the caller's standard error what there is
 *                   to say, as it would without --detach; then it lets go of that, and of the caller's directory.
 *
 * When the caller ends before, by a signal too, the child finds its socket closed and stops what it has begun.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct detach {
	int news; /* to the caller; -1 when all is told */
	int null; /* /dev/null */
};
#define DETACH_NONE ((struct detach){-1, -1})

/* True in the caller, when all is over: *ret_status is what it ends with.  False in the child. */
bool detach_from(struct detach *ret, int *ret_status);

/* In the child: names, one a line, is what the caller prints.  Standard output and error lead to `out` from now on.
 * -EPIPE: the caller is gone. */
int detach_done(struct detach *d, int out, const char *names, struct err *e);
void detach_drop(struct detach *d);
