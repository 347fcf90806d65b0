#include "base/text.h"

#include <stdbool.h>
#include <string.h>

static bool between(unsigned char c, unsigned low, unsigned high)
{
	return c >= low && c <= high;
}

/* The second byte says whether a form is overlong, a surrogate, or beyond U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return between(second, 0xa0, 0xbf);
	case 0xed:
		return between(second, 0x80, 0x9f);
	case 0xf0:
		return between(second, 0x90, 0xbf);
	case 0xf4:
		return between(second, 0x80, 0x8f);
	default:
		return between(second, 0x80, 0xbf);
	}
}

size_t text_character(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t length;

	if (!*c)
		return 0;
	if (*c < 0x80)
		return 1;
	if (between(*c, 0xc2, 0xdf))
		length = 2;
	else if (between(*c, 0xe0, 0xef))
		length = 3;
	else if (between(*c, 0xf0, 0xf4))
		length = 4;
	else
		return 0;
	if (!second_fits(c[0], c[1]))
		return 0;
	for (size_t i = 2; i < length; i++)
		if (!between(c[i], 0x80, 0xbf))
			return 0;
	return length;
}

/* C0, DEL, and C1 (U+0080 to U+009F, where 8-bit terminals have their CSI). */
static bool is_control(const char *text, size_t length)
{
	unsigned char first = (unsigned char)text[0];

	return length == 1 ? first < 0x20 || first == 0x7f
			   : length == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0;
}

void text_tidy(char *text)
{
	while (*text) {
		size_t length = text_character(text);

		if (length == 0 || is_control(text, length)) {
			length = length ? length : 1;
			memset(text, '?', length);
		}
		text += length;
	}
}
