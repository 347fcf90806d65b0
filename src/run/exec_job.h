/* A command in a process group of its own, and what a shell does for it: the terminal, signals, stopping and going on.
 *
 * Order: job_open, spawn() into job.child with the mask that it gives back, job_wait.  Signals stay blocked afterwards.
 * Source: tcsetpgrp(3), credentials(7), and "Implementing a Shell" in the manual of the GNU C library.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "run/spawn.h"

struct job {
	struct spawned child;
	int signals;
	int terminal; /* /dev/tty; -1: there is none */
};

int job_open(struct job *j, sigset_t *ret_mask, struct err *e);
void job_drop(struct job *j); /* takes the terminal back */

/* Until it has ended: true, and *ret_status is what a shell would call it; false: init says that it could not be
 * executed.  A command that died of the terminal's SIGINT or SIGQUIT takes us with it, as it would in our group. */
bool job_wait(struct job *j, int *ret_status, struct report *ret_failure);
