/* `virtualing doctor`: what this host can do, found by trying.  Each row of its table is the description of a tiny
 * virtual that needs one thing; it is really run, and what it says when it cannot be is the reason. */
#pragma once

#include <stdbool.h>

/* Prints a line for each thing: "yes", "no" with the reason, or "part". Returns 0 when a virtual can be run in a cage
 * and in a jail, else 125. */
int doctor_run(bool json);
