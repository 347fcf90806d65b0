/* Completions for shells: tables made from the commands and their options.  What works with them is hand-written, in
 * completions/. */
#pragma once

#include <stdio.h>

#include "cli/command.h"

/* The tables for one of "bash", "zsh", "fish".  0, or -1 when there is no such shell. */
int complete_print(FILE *out, const char *shell, const struct command *table);
