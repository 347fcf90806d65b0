#include "base/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void faults_add(struct faults *f, const char *section, const char *key, const char *format, ...)
{
	struct fault *list = reallocarray(f->list, f->count + 1, sizeof *list);
	struct fault *new;
	va_list args;

	if (!list)
		abort();
	f->list = list;
	new = &list[f->count++];
	snprintf(new->section, sizeof new->section, "%s", section);
	snprintf(new->key, sizeof new->key, "%s", key);
	va_start(args, format);
	vsnprintf(new->text, sizeof new->text, format, args);
	va_end(args);
}

void faults_drop(struct faults *f)
{
	free(f->list);
	*f = FAULTS_NONE;
}
