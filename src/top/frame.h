/* One picture of characters and styles: what a terminal shows, and what `--once` prints. No terminal is needed for it.
 *
 * Text is UTF-8; characters that take two columns take two cells, and what is no character, or steers a terminal, is
 * shown as "?".  What does not fit is cut; drawing outside of the frame does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum style {
	STYLE_PLAIN,
	STYLE_STRONG,
	STYLE_FAINT,
	STYLE_HEAD, /* reversed */
	STYLE_GOOD,
	STYLE_CARE,
	STYLE_BAD,
	STYLE_COUNT
};

/* What the terminal's font has: everything; the blocks of the oldest one (Linux' console); letters only. */
enum glyphs { GLYPHS_ALL, GLYPHS_BLOCKS, GLYPHS_ASCII };

struct cell {
	uint32_t rune; /* 0: the right half of a wide character */
	uint8_t style;
};

struct frame {
	unsigned width, height;
	enum glyphs glyphs;
	struct cell *cells; /* owned */
};

/* All blank. Memory exhausted aborts. */
void frame_open(struct frame *f, unsigned width, unsigned height, enum glyphs glyphs);
void frame_drop(struct frame *f);

struct cell *frame_at(struct frame *f, unsigned x, unsigned y); /* NULL: outside */
void frame_rune(struct frame *f, unsigned x, unsigned y, int style, uint32_t rune);

/* At most `width` columns; the number of columns that were written. */
unsigned frame_text(struct frame *f, unsigned x, unsigned y, unsigned width, int style, const char *text);
unsigned frame_print(struct frame *f, unsigned x, unsigned y, int style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Set to the right within `width` columns. */
void frame_right(struct frame *f, unsigned x, unsigned y, unsigned width, int style, const char *text);
/* A whole row in one style. */
void frame_paint(struct frame *f, unsigned y, int style);

/* A bar of part/whole in `width` columns. part and whole: any unit. */
void frame_bar(struct frame *f, unsigned x, unsigned y, unsigned width, int style, uint64_t part, uint64_t whole);

unsigned frame_columns(const char *text); /* that it takes */

/* The rows without blanks at their ends. */
void frame_write(const struct frame *f, FILE *out);
