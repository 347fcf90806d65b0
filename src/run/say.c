#include "run/say.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READER_MS = 200 };

struct log {
	struct log *next;
	char *name; /* NULL: of what is said about none */
	int fd;
};

static struct log *logs;

static const struct log *find_log(const char *name)
{
	const struct log *l = logs;

	while (l && !(l->name && name ? strcmp(l->name, name) == 0 : l->name == name))
		l = l->next;
	return l;
}

void say_log(const char *name, int fd)
{
	struct log *l = calloc(1, sizeof *l);

	if (!l || (name && !(l->name = strdup(name))))
		abort();
	l->fd = fd;
	l->next = logs;
	logs = l;
}

void say_log_end(int fd)
{
	struct log **at = &logs, *l;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	l = *at;
	if (!l)
		return;
	*at = l->next;
	free(l->name);
	free(l);
}

/* A supervisor that waits for a full pipe would neglect its virtuals. */
static void put_to(int fd, const char *line, size_t length)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (poll(&p, 1, READER_MS) > 0 && write(fd, line, length) < 0)
		return;
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void put(const char *name, const char *line, size_t length)
{
	const struct log *l = find_log(name);

	put_to(STDERR_FILENO, line, length);
	if (l && !is_same_file(l->fd, STDERR_FILENO))
		put_to(l->fd, line, length);
}

void say_text(const char *text, size_t length)
{
	put(NULL, text, length);
}

void say_line(const char *text)
{
	char line[PIPE_BUF];
	int length = snprintf(line, sizeof line - 1, "%s", text);

	if (length > (int)sizeof line - 2)
		length = (int)sizeof line - 2;
	line[length++] = '\n';
	put(NULL, line, (size_t)length);
}

void say(const char *name, const char *format, ...)
{
	char line[1024];
	int length = snprintf(line, sizeof line - 1, "virtualing: %s%s", name ? name : "", name ? ": " : "");
	va_list args;

	va_start(args, format);
	length += vsnprintf(line + length, sizeof line - 1 - (size_t)length, format, args);
	va_end(args);
	if (length > (int)sizeof line - 2)
		length = (int)sizeof line - 2;
	line[length++] = '\n';
	put(name, line, (size_t)length);
}
