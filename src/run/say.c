#include "run/say.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { READER_MS = 200 };

/* A supervisor that waits for a full pipe would neglect its virtuals. */
static void put(const char *line, size_t length)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&p, 1, READER_MS) > 0 && write(STDERR_FILENO, line, length) < 0)
		return;
}

void say_line(const char *text)
{
	char line[PIPE_BUF];
	int length = snprintf(line, sizeof line - 1, "%s", text);

	if (length > (int)sizeof line - 2)
		length = (int)sizeof line - 2;
	line[length++] = '\n';
	put(line, (size_t)length);
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
	put(line, (size_t)length);
}
