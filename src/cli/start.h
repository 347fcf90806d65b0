/* A virtual that is described by options: run and attach. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

/* Checks the description and lives with it until its end.  Without --name it is called after its command and a number:
 * "sleep-4711".  detached: it lives on in the background, and the name is printed (run/detach.h).  Returns the exit
 * status of the program. */
int start_described(json_t *document, const char *command, pid_t number, bool detached);
