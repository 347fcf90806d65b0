#include "cli/manual/scd.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static void put(FILE *out, char c)
{
	if (c == '`') {
		fputc('*', out);
		return;
	}
	if (strchr("\\*_+", c))
		fputc('\\', out);
	fputc(c, out);
}

void scd_text(FILE *out, const char *text)
{
	for (; *text; text++)
		put(out, *text);
}

void scd_sentence(FILE *out, const char *text)
{
	size_t length = strlen(text);

	if (!length)
		return;
	if (strchr("#[]|;-", *text)) /* at the beginning of a line they mean something, too */
		fputc('\\', out);
	put(out, (char)toupper((unsigned char)*text));
	scd_text(out, text + 1);
	if (text[length - 1] != '.')
		fputc('.', out);
}

void scd_args(FILE *out, const char *args)
{
	while (*args) {
		bool is_word = isupper((unsigned char)*args);

		if (!isalnum((unsigned char)*args)) {
			put(out, *args++);
			continue;
		}
		if (is_word)
			fputc('_', out);
		while (isalnum((unsigned char)*args))
			fputc(*args++, out);
		if (is_word)
			fputc('_', out);
	}
}
