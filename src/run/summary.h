/* A virtual's life in one JSON object, for --report. */
#pragma once

#include <jansson.h>

#include "base/err.h"

/* Writes it beside the file and renames: whoever reads it finds all of it. summary: borrowed. */
int summary_write(const char *file, const json_t *summary, struct err *e);
