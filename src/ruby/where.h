/* Where in a Ruby source a key of a description stands: for messages that name the line. */
#pragma once

#include <stddef.h>

/* The line (from 1) that a fault about section and key is best shown at.
 *
 * at: a line within the call of Virtual.new, from its first line to that of its last argument (mruby tells only the
 * line of what it did last). section, key: as the description was read; "" for none, and a key without a section is
 * looked for among the sections.
 *
 * The key's own line when it stands in the literal hash that the call is given; when that is built elsewhere, the one
 * place in the file where the key is given a value; else the section's line, else the call's first line, else at. */
int where_line(const char *source, size_t length, int at, const char *section, const char *key);
