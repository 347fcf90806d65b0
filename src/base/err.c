#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Every text is finished here: what did not fit is marked, and what came from outside (a path may hold any byte) can
 * neither break the line nor the JSON that carries it. */
static void finish(struct err *e, int length)
{
	if (length >= ERR_TEXT)
		memcpy(e->text + ERR_TEXT - 4, "...", 4);
	text_tidy(e->text);
}

int err_set(struct err *e, int code, const char *format, ...)
{
	va_list args;

	e->code = code;
	va_start(args, format);
	finish(e, vsnprintf(e->text, sizeof e->text, format, args));
	va_end(args);
	return -code;
}

int err_sys(struct err *e, const char *format, ...)
{
	int code = errno;
	const char *words = strerrordesc_np(code); /* unlike strerror(): no locale, no allocation */
	va_list args;
	int length;

	e->code = code;
	va_start(args, format);
	length = vsnprintf(e->text, sizeof e->text, format, args);
	va_end(args);
	if (length >= 0 && length < ERR_TEXT)
		length += snprintf(
			e->text + length, sizeof e->text - (size_t)length, ": %s", words ? words : "unknown error");
	finish(e, length);
	return -code;
}

int err_while(struct err *e, const char *format, ...)
{
	char inner[ERR_TEXT];
	va_list args;
	int length;

	memcpy(inner, e->text, sizeof inner);
	va_start(args, format);
	length = vsnprintf(e->text, sizeof e->text, format, args);
	va_end(args);
	if (length >= 0 && length < ERR_TEXT)
		length += snprintf(e->text + length, sizeof e->text - (size_t)length, ": %s", inner);
	finish(e, length);
	return -e->code;
}
