/* What the tests of descriptions share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"

/* JSON with ' for ", so that it can be read in C. New reference. */
static inline json_t *json_of(const char *text)
{
	char *copy = strdup(text);
	json_error_t why;
	json_t *json;

	for (char *c = copy; (c = strchr(c, '\''));)
		*c = '"';
	json = json_loads(copy, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!json)
		fail_msg("%s: %s", why.text, text);
	free(copy);
	return json;
}

/* "jail: :root: TEXT" of each fault, one per line. */
static inline void print_faults(const struct faults *f, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < f->count && used < size; i++) {
		char line[512];

		fault_format(&f->list[i], "f", 0, line, sizeof line);
		used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? "\n" : "", line + strlen("f: "));
	}
}

/* Reads a document that has no faults. */
static inline struct spec *read_good(const char *text)
{
	struct faults f = FAULTS_NONE;
	json_t *document = json_of(text);
	struct spec *s = spec_read(document, "httpd", &f, NULL, NULL);
	char lines[2048];

	print_faults(&f, lines, sizeof lines);
	if (!s || f.count)
		fail_msg("%s\n%s", text, lines);
	json_decref(document);
	return s;
}

/* The faults of a document, as lines; it must have some, and no description comes of it. */
static inline const char *faults_of(const json_t *document, const char *default_name, char *buffer, size_t size)
{
	struct faults f = FAULTS_NONE;
	struct spec *s = spec_read(document, default_name, &f, NULL, NULL);

	if (s || !f.count)
		fail_msg("no fault was found");
	print_faults(&f, buffer, size);
	faults_drop(&f);
	return buffer;
}
