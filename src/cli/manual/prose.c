#include "cli/manual/prose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

enum { FILE_MAX = 256 * 1024 };

static int fail(const char *path)
{
	fprintf(stderr, "tables: read %s: %s\n", path, strerror(errno));
	return -1;
}

static char *read_all(FILE *file)
{
	char *text = calloc(1, FILE_MAX + 2); /* split() may move it by one */

	if (text && fread(text, 1, FILE_MAX, file) == FILE_MAX)
		errno = EFBIG;
	else if (text && !ferror(file))
		return text;
	free(text);
	return NULL;
}

/* The first heading at or after a line; NULL when there is none. In a literal block "# " is a shell's prompt. */
static char *next_heading(char *line)
{
	bool is_literal = false;

	for (; *line; line += *line == '\n') {
		if (strncmp(line + strspn(line, "\t"), "```", 3) == 0)
			is_literal = !is_literal;
		else if (!is_literal && strncmp(line, "# ", 2) == 0)
			return line;
		line += strcspn(line, "\n");
	}
	return NULL;
}

/* Ends the description before the first heading. */
static char *split(char *text)
{
	char *heading = next_heading(text);

	if (!heading)
		return text + strlen(text);
	if (heading == text) { /* there is no line before it that could end */
		memmove(text + 1, text, strlen(text) + 1);
		heading++;
	}
	heading[-1] = '\0';
	return heading;
}

int prose_read(const char *directory, const char *name, struct prose *ret)
{
	char path[4096];
	FILE *file;

	*ret = (struct prose){0};
	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "re");
	if (!file && errno != ENOENT)
		return fail(path);
	ret->description = file ? read_all(file) : calloc(1, 1);
	if (file)
		fclose(file);
	if (!ret->description)
		return fail(path);
	ret->sections = split(ret->description);
	return 0;
}

void prose_drop(struct prose *p)
{
	free_drop(&p->description);
	p->sections = NULL;
}

const char *prose_section(const struct prose *p, const char *heading)
{
	size_t length = strlen(heading);

	for (char *at = p->sections; (at = next_heading(at)); at++)
		if (strncmp(at + 2, heading, length) == 0 && at[2 + length] == '\n')
			return at;
	return NULL;
}

bool prose_next_note(const char **at, char *name, size_t length)
{
	const char *line = *at;

	while (line && strncmp(line, "; ", 2) != 0) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return false;
	snprintf(name, length, "%.*s", (int)strcspn(line + 2, "\n"), line + 2);
	*at = line + strcspn(line, "\n");
	return true;
}

bool prose_note(FILE *out, const struct prose *p, const char *name, const char *indent)
{
	const char *at = p->description;
	char found[64];

	do
		if (!prose_next_note(&at, found, sizeof found))
			return false;
	while (strcmp(found, name) != 0);
	for (at += *at == '\n'; *at && strncmp(at, "; ", 2) != 0; at += *at == '\n') {
		size_t length = strcspn(at, "\n");

		fprintf(out, "%s%.*s\n", length ? indent : "", (int)length, at);
		at += length;
	}
	return true;
}
