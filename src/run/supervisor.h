/* The supervisor: one process for all virtuals of a file or of a command line.  It sits on one event loop with the
 * signals, the control sockets, the script host and the virtuals, and it never runs a line of Ruby itself.
 *
 * Each of these is a whole life and returns the exit status of the program.
 */
#pragma once

#include <stdbool.h>

#include "spec/spec.h"

/* One virtual from the command line. Takes the description over. d: in the background (run/detach.h); or NULL. */
struct detach;
int supervisor_run(struct spec *spec, struct detach *d);

/* FILE.rb with its arguments: argv[0] is the file.  log: borrowed; output goes there that has no log of its own; -1:
 * there is none. */
int supervisor_run_file(char **argv, struct detach *d, int log);

/* Prints faults, one a line, on standard error: as a file's ("httpd.rb: resource: ...") or, with NULL, as options'. */
struct faults;
void supervisor_print_faults(const char *where, const struct faults *f);
