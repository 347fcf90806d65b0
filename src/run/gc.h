/* Removing what supervisors that were killed left behind: their journals say what, and groups of ours without a state
 * folder are nobody's.  Running virtuals hold the lock of their folder and are not touched. */
#pragma once

#include <stdbool.h>

/* Prints a line for each thing. dry_run: removes nothing. Returns the exit status: 0, or 125 when something stayed. */
int gc_run(bool dry_run);
