#include "top/frame.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"

void frame_open(struct frame *f, unsigned width, unsigned height, enum glyphs glyphs)
{
	*f = (struct frame){width, height, glyphs, calloc((size_t)width * height + 1, sizeof *f->cells)};
	if (!f->cells)
		abort();
	for (size_t i = 0; i < (size_t)width * height; i++)
		f->cells[i].rune = ' ';
}

void frame_drop(struct frame *f)
{
	free(f->cells);
	*f = (struct frame){0};
}

struct cell *frame_at(struct frame *f, unsigned x, unsigned y)
{
	return x < f->width && y < f->height ? &f->cells[(size_t)y * f->width + x] : NULL;
}

void frame_rune(struct frame *f, unsigned x, unsigned y, int style, uint32_t rune)
{
	struct cell *c = frame_at(f, x, y);

	if (c)
		*c = (struct cell){rune, (uint8_t)style};
}

/* ---- text ---- */

/* Takes the next character from *text. "?" for what is none, and for what has no place of its own. */
static uint32_t next_rune(const char **text, unsigned *ret_columns)
{
	const unsigned char *c = (const unsigned char *)*text;
	size_t length = text_character(*text);
	uint32_t rune = '?';
	int columns;

	*text += length ? length : 1;
	if (length == 1)
		rune = c[0];
	else if (length == 2)
		rune = (c[0] & 0x1fU) << 6 | (c[1] & 0x3fU);
	else if (length == 3)
		rune = (c[0] & 0x0fU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU);
	else if (length == 4)
		rune = (c[0] & 0x07U) << 18 | (c[1] & 0x3fU) << 12 | (c[2] & 0x3fU) << 6 | (c[3] & 0x3fU);
	columns = rune < 0x7f ? 1 : wcwidth((wchar_t)rune);
	if (columns < 1 || rune < ' ') {
		rune = '?';
		columns = 1;
	}
	*ret_columns = (unsigned)columns;
	return rune;
}

unsigned frame_columns(const char *text)
{
	unsigned sum = 0, columns;

	while (*text) {
		next_rune(&text, &columns);
		sum += columns;
	}
	return sum;
}

unsigned frame_text(struct frame *f, unsigned x, unsigned y, unsigned width, int style, const char *text)
{
	unsigned used = 0, columns;

	while (*text) {
		uint32_t rune = next_rune(&text, &columns);

		if (used + columns > width || x + used + columns > f->width)
			break;
		if (f->glyphs == GLYPHS_ASCII && rune > 0x7e)
			rune = '?';
		frame_rune(f, x + used, y, style, rune);
		if (columns == 2)
			frame_rune(f, x + used + 1, y, style, rune == '?' ? '?' : 0);
		used += columns;
	}
	return used;
}

unsigned frame_print(struct frame *f, unsigned x, unsigned y, int style, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return frame_text(f, x, y, f->width, style, text);
}

void frame_right(struct frame *f, unsigned x, unsigned y, unsigned width, int style, const char *text)
{
	unsigned columns = frame_columns(text);

	frame_text(f, x + (columns < width ? width - columns : 0), y, width, style, text);
}

void frame_paint(struct frame *f, unsigned y, int style)
{
	for (unsigned x = 0; x < f->width; x++)
		frame_at(f, x, y)->style = (uint8_t)style;
}

/* ---- bars ---- */

static uint32_t part_of_cell(enum glyphs glyphs, unsigned eighths)
{
	switch (glyphs) {
	case GLYPHS_ALL:
		return eighths ? 0x2590U - eighths : ' '; /* U+2588 full, U+2589 seven eighths ... U+258F one */
	case GLYPHS_BLOCKS:
		return eighths == 8 ? 0x2588 : eighths >= 4 ? 0x258c : ' ';
	case GLYPHS_ASCII:
		return eighths >= 4 ? '#' : ' ';
	}
	return ' ';
}

void frame_bar(struct frame *f, unsigned x, unsigned y, unsigned width, int style, uint64_t part, uint64_t whole)
{
	double share = whole ? (double)part / (double)whole : 0;
	unsigned eighths = share >= 1 ? width * 8 : (unsigned)(share * width * 8 + 0.5);

	for (unsigned i = 0; i < width; i++) {
		unsigned here = eighths > i * 8 ? eighths - i * 8 : 0;
		uint32_t rune = part_of_cell(f->glyphs, here > 8 ? 8 : here);

		if (rune == ' ')
			frame_rune(f, x + i, y, STYLE_FAINT, f->glyphs == GLYPHS_ASCII ? '.' : 0xb7);
		else
			frame_rune(f, x + i, y, style, rune);
	}
}

/* ---- as text ---- */

static size_t encode(uint32_t rune, char *ret)
{
	if (rune < 0x80) {
		ret[0] = (char)rune;
		return 1;
	}
	if (rune < 0x800) {
		ret[0] = (char)(0xc0 | rune >> 6);
		ret[1] = (char)(0x80 | (rune & 0x3f));
		return 2;
	}
	if (rune < 0x10000) {
		ret[0] = (char)(0xe0 | rune >> 12);
		ret[1] = (char)(0x80 | (rune >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (rune & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | rune >> 18);
	ret[1] = (char)(0x80 | (rune >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (rune >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (rune & 0x3f));
	return 4;
}

void frame_write(const struct frame *f, FILE *out)
{
	for (unsigned y = 0; y < f->height; y++) {
		const struct cell *row = &f->cells[(size_t)y * f->width];
		unsigned end = f->width;

		while (end && row[end - 1].rune == ' ')
			end--;
		for (unsigned x = 0; x < end; x++) {
			char bytes[4] = "";
			size_t length = row[x].rune ? encode(row[x].rune, bytes) : 0;

			fwrite(bytes, 1, length, out);
		}
		putc('\n', out);
	}
}
