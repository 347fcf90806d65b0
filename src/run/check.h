/* `virtualing check`: the script host evaluates the file as ever, but here nobody starts anything. */
#pragma once

#include <stdbool.h>

/* Prints faults on standard error; with json: {"ok", "virtuals": [...], "faults": [...]} on standard output.
 * Returns 0 when nothing is wrong, else 125. */
int check_run(char **argv, bool json);
