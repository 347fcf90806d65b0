/* All that is wrong with a description, not only the first thing.
 *
 * Each fault names the section ("resource", "jail", "ip") and the key it is about, as the user wrote it, so that
 * a front end can put the file and line, or the option, before the text.
 */
#pragma once

#include <stddef.h>

struct fault {
	char section[16]; /* "" when it is about the whole */
	char key[48];	  /* "" when it is about the section */
	char text[320];	  /* "unknown key :memroy (did you mean :memory?)", one line */
};

struct faults {
	struct fault *list; /* owned */
	size_t count;
};

#define FAULTS_NONE     \
	(struct faults) \
	{               \
		NULL, 0 \
	}

/* Copies all three. Memory exhausted aborts: losing a fault would let a wrong description pass. */
void faults_add(struct faults *f, const char *section, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void faults_drop(struct faults *f);

/* One line without its newline.  With a file: "httpd.rb:7: resource: :memory: TEXT" (line 0: none is known); without
 * one, as options are called: "virtualing: --memory: TEXT".  A text that names the key itself is not given it twice. */
void fault_format(const struct fault *f, const char *file, unsigned line, char *buffer, size_t size);
