/* The script host seen from the outside: starting it, and printing what it found wrong with the file. */
#pragma once

#include <jansson.h>
#include <signal.h>

#include "run/spawn.h"

/* Starts virtualing-ruby on argv (argv[0] is FILE.rb). *ret_socket: our end of the protocol. */
int script_start(char **argv, const struct spawn_origin *origin, struct spawned *ret, int *ret_socket, struct err *e);

/* Faults as a reply has them, for the script host to find their lines: [{"section", "key", "text"}]. New reference. */
struct faults;
json_t *script_faults_json(const struct faults *f);

/* [{"file", "line", "section"?, "key"?, "text", "trace"?: ["httpd.rb:3", ...]}], a line each on standard error. */
void print_script_faults(const json_t *list);
