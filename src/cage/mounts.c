#include "cage/mounts.h"

#include <stdio.h>
#include <string.h>

static int is_octal(const char *c)
{
	return c[0] >= '0' && c[0] <= '3' && c[1] >= '0' && c[1] <= '7' && c[2] >= '0' && c[2] <= '7';
}

/* "\040" and its like back to the byte, in place. */
static char *unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && is_octal(from + 1)) {
			*to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = 0;
	return text;
}

/* id parent major:minor root point options [fields] - type source super */
static int parse_line(char *line, struct mount_line *ret)
{
	char *rest = line, *separator = strstr(line, " - ");
	unsigned long long id;

	if (!separator)
		return 0;
	*separator = 0;
	strsep(&rest, " ");
	strsep(&rest, " ");
	char *device = strsep(&rest, " ");
	ret->root = strsep(&rest, " ");
	ret->point = strsep(&rest, " ");
	ret->options = strsep(&rest, " ");
	rest = separator + 3;
	ret->type = strsep(&rest, " ");
	ret->source = strsep(&rest, " ");
	ret->super = strsep(&rest, " ");
	if (!ret->options || !ret->super || sscanf(line, "%llu", &id) != 1 ||
		sscanf(device, "%u:%u", &ret->major, &ret->minor) != 2)
		return 0;
	ret->id = id;
	unescape(ret->root);
	unescape(ret->point);
	unescape(ret->source);
	return 1;
}

int mounts_next(char **text, const char *filter, struct mount_line *ret)
{
	while (*text && **text) {
		char *line = strsep(text, "\n");

		if ((!filter || strstr(line, filter)) && parse_line(line, ret))
			return 1;
	}
	return 0;
}

int mounts_option(const char *options, const char *word)
{
	size_t length = strlen(word);

	for (;;) {
		size_t end = strcspn(options, ",");

		if (end == length && strncmp(options, word, length) == 0)
			return 1;
		if (!options[end])
			return 0;
		options += end + 1;
	}
}
