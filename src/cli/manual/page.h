/* Manual pages as source for scdoc(1), from the tables and the hand-written parts.  0, or -1 and it has been said. */
#pragma once

#include <stdio.h>

#include "cli/command.h"

/* virtualing(1). */
int page_main(FILE *out, const struct command *table, const char *prose_directory);

/* virtualing-COMMAND(1). */
int page_command(FILE *out, const struct command *command, const char *prose_directory);

/* virtualing(5): the configuration file. */
int page_file(FILE *out, const char *prose_directory);
