/* The terminal, through ncurses. Shows frames, of which only the cells that have changed are written; gives keys. */
#pragma once

#include "base/err.h"
#include "top/frame.h"

struct screen;

/* Takes the terminal of standard input and output over.  -ENOTTY, -ENOTSUP: there is none, or it cannot move its
 * cursor; then nothing was changed. colour: false for NO_COLOR. SIGWINCH and what ends us should be blocked before. */
int screen_open(bool colour, struct screen **ret, struct err *e);
void screen_close(struct screen **s); /* gives the terminal back as it was; NULL is fine */

void screen_size(struct screen *s, unsigned *ret_width, unsigned *ret_height); /* as it is now */
void screen_show(struct screen *s, const struct frame *f);
uint32_t screen_key(struct screen *s); /* the next that was pressed: a character or enum key; 0: none now */

/* What this terminal's font is likely to have. */
enum glyphs screen_glyphs(void);
