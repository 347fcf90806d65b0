/* The hand-written part of a page: what stands before its first heading belongs to the description, then come whole
 * sections. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct prose {
	char *description; /* owned; "" for none */
	char *sections;	   /* into the same memory; "" for none */
};

/* A file that does not exist is an empty part.  0, or -1 and it has been said. */
int prose_read(const char *directory, const char *name, struct prose *ret);
void prose_drop(struct prose *p);

/* Where the section with this heading begins; NULL when there is none. Borrowed. */
const char *prose_section(const struct prose *p, const char *heading);

/* Notes in a prose without sections: each begins with a line "; NAME".  Prints the one of this name, each line after
 * indent; false when there is none. */
bool prose_note(FILE *out, const struct prose *p, const char *name, const char *indent);

/* The name of the note that begins at or after *at, which moves behind it; false when there is no more. */
bool prose_next_note(const char **at, char *name, size_t length);
