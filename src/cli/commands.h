/* What the commands do once their options are parsed. Each returns the exit status of the program. */
#pragma once

#include <stdbool.h>

int list_virtuals(bool json);
int show_virtual(const char *name, bool json);
int stop_virtual(const char *name, unsigned timeout_ms);
int kill_virtual(const char *name, int signal);
int set_virtual(const char *name, char *const *words, bool force); /* "memory=512M" ..., NULL at the end */
int events_of(const char *name, bool follow, bool json);	   /* name NULL: of all */
