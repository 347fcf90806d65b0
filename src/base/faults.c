#include "base/faults.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void faults_add(struct faults *f, const char *section, const char *key, const char *format, ...)
{
	struct fault *list = reallocarray(f->list, f->count + 1, sizeof *list);
	struct fault *new;
	va_list args;
	int length;

	if (!list)
		abort();
	f->list = list;
	new = &list[f->count++];
	snprintf(new->section, sizeof new->section, "%s", section);
	snprintf(new->key, sizeof new->key, "%s", key);
	va_start(args, format);
	length = vsnprintf(new->text, sizeof new->text, format, args);
	va_end(args);
	if (length >= (int)sizeof new->text)
		memcpy(new->text + sizeof new->text - 4, "...", 4);
	text_tidy(new->section);
	text_tidy(new->key);
	text_tidy(new->text);
}

void faults_drop(struct faults *f)
{
	free(f->list);
	*f = FAULTS_NONE;
}

/* ":memory: " or "--memory-high: "; nothing when there is no key or the text names it. */
static void put_key(const struct fault *f, bool option, char *buffer, size_t size)
{
	char symbol[sizeof f->key + 2];

	snprintf(symbol, sizeof symbol, ":%s", f->key);
	buffer[0] = '\0';
	if (!f->key[0] || (!option && strstr(f->text, symbol)))
		return;
	snprintf(buffer, size, "%s%s: ", option ? "--" : ":", f->key);
	for (char *c = buffer; option && *c; c++)
		if (*c == '_')
			*c = '-';
}

void fault_format(const struct fault *f, const char *file, unsigned line, char *buffer, size_t size)
{
	char key[sizeof f->key + 8];

	put_key(f, !file, key, sizeof key);
	if (!file)
		snprintf(buffer, size, "virtualing: %s%s", key, f->text);
	else if (line)
		snprintf(buffer, size, "%s:%u: %s%s%s%s", file, line, f->section, f->section[0] ? ": " : "", key,
			f->text);
	else
		snprintf(buffer, size, "%s: %s%s%s%s", file, f->section, f->section[0] ? ": " : "", key, f->text);
}
