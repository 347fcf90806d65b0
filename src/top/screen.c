#include "top/screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

#include "top/ui.h"

enum { ESCAPE_MS = 50, CTRL_L = 12, SIDE_MAX = SHRT_MAX }; /* curses counts cells in shorts */

struct screen {
	SCREEN *terminal;
	struct frame shown; /* what stands there; empty: nothing is known of it */
	bool colour;
};

enum glyphs screen_glyphs(void)
{
	const char *term = getenv("TERM");

	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return GLYPHS_ASCII;
	return term && strncmp(term, "linux", 5) == 0 ? GLYPHS_BLOCKS : GLYPHS_ALL;
}

/* newterm() fails without a reason. */
static int check_terminal(struct err *e)
{
	const char *term = getenv("TERM"), *cup;
	bool moves;
	int known = 0;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(e, ENOTTY,
			"top: standard %s is not a terminal: `virtualing top --once` prints one picture as text",
			isatty(STDIN_FILENO) ? "output" : "input");
	if (!term || !*term || setupterm(term, STDOUT_FILENO, &known) == ERR)
		return err_set(e, ENOTSUP,
			"top: the terminal's kind, TERM=%s, is not known here: set TERM (xterm fits most), or take "
			"`virtualing top --once`",
			term ? term : "");
	cup = tigetstr("cup");
	moves = cup && cup != (char *)-1;
	del_curterm(cur_term); /* newterm() makes its own */
	if (!moves)
		return err_set(e, ENOTSUP,
			"top: a terminal of the kind %s cannot move its cursor: `virtualing top --once` prints one "
			"picture as text",
			term);
	return 0;
}

/* Colours of the text only, such as can be read on black and on white. */
static void open_colours(struct screen *s)
{
	static const short colours[STYLE_COUNT] = {
		[STYLE_GOOD] = COLOR_GREEN, [STYLE_CARE] = COLOR_MAGENTA, [STYLE_BAD] = COLOR_RED};

	if (s->colour && has_colors() && start_color() == OK && use_default_colors() == OK) {
		for (short i = STYLE_GOOD; i < STYLE_COUNT; i++)
			init_pair(i, colours[i], -1);
		return;
	}
	s->colour = false;
}

int screen_open(bool colour, struct screen **ret, struct err *e)
{
	struct screen *s;
	int r = check_terminal(e);

	if (r < 0)
		return r;
	s = calloc(1, sizeof *s);
	if (!s)
		return err_set(e, ENOMEM, "out of memory");
	s->colour = colour;
	s->terminal = newterm(NULL, stdout, stdin);
	if (!s->terminal) {
		free(s);
		return err_set(e, ENOTSUP,
			"top: the terminal cannot be used: `virtualing top --once` prints one "
			"picture as text");
	}
	open_colours(s);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	typeahead(-1); /* else it looks for keys, and writes, row by row */
	set_escdelay(ESCAPE_MS);
	*ret = s;
	return 0;
}

void screen_close(struct screen **s)
{
	if (!*s)
		return;
	endwin();
	delscreen((*s)->terminal);
	frame_drop(&(*s)->shown);
	free(*s);
	*s = NULL;
}

void screen_size(struct screen *s, unsigned *ret_width, unsigned *ret_height)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row && size.ws_col <= SIDE_MAX &&
		size.ws_row <= SIDE_MAX && (size.ws_col != COLS || size.ws_row != LINES)) {
		resizeterm(size.ws_row, size.ws_col);
		erase();
		frame_drop(&s->shown);
	}
	*ret_width = (unsigned)COLS;
	*ret_height = (unsigned)LINES;
}

/* ---- pictures ---- */

static attr_t attributes(const struct screen *s, uint8_t style, short *ret_pair)
{
	static const attr_t plain[STYLE_COUNT] = {[STYLE_STRONG] = A_BOLD,
		[STYLE_FAINT] = A_DIM,
		[STYLE_HEAD] = A_REVERSE,
		[STYLE_CARE] = A_BOLD,
		[STYLE_BAD] = A_BOLD};

	*ret_pair = s->colour && style >= STYLE_GOOD ? style : 0;
	return plain[style];
}

static void put(const struct screen *s, int x, int y, const struct cell *c)
{
	wchar_t text[2] = {(wchar_t)c->rune, 0};
	cchar_t character;
	short pair;
	attr_t attribute = attributes(s, c->style, &pair);

	setcchar(&character, text, attribute, pair, NULL);
	mvadd_wch(y, x, &character);
}

static bool is_same(const struct cell *a, const struct cell *b)
{
	return a->rune == b->rune && a->style == b->style;
}

void screen_show(struct screen *s, const struct frame *f)
{
	bool known = s->shown.cells && s->shown.width == f->width && s->shown.height == f->height;
	size_t count = (size_t)f->width * f->height;

	for (size_t i = 0; i < count; i++)
		if (f->cells[i].rune && !(known && is_same(&f->cells[i], &s->shown.cells[i])))
			put(s, (int)(i % f->width), (int)(i / f->width), &f->cells[i]);
	refresh();
	if (!known) {
		frame_drop(&s->shown);
		frame_open(&s->shown, f->width, f->height, f->glyphs);
	}
	memcpy(s->shown.cells, f->cells, count * sizeof *f->cells);
}

/* ---- keys ---- */

uint32_t screen_key(struct screen *s)
{
	static const struct {
		int curses;
		uint32_t key;
	} keys[] = {
		{KEY_UP, KEY_UP_},
		{KEY_DOWN, KEY_DOWN_},
		{KEY_LEFT, KEY_LEFT_},
		{KEY_RIGHT, KEY_RIGHT_},
		{KEY_PPAGE, KEY_PAGE_UP},
		{KEY_NPAGE, KEY_PAGE_DOWN},
		{KEY_HOME, KEY_FIRST},
		{KEY_END, KEY_LAST},
		{KEY_ENTER, KEY_ENTER_},
		{'\r', KEY_ENTER_},
		{'\n', KEY_ENTER_},
		{27, KEY_ESCAPE},
		{KEY_BACKSPACE, KEY_ERASE},
		{127, KEY_ERASE},
		{'\b', KEY_ERASE},
	};
	int c;

	while ((c = getch()) != ERR) {
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
			if (keys[i].curses == c)
				return keys[i].key;
		if (c >= ' ' && c < 0x7f)
			return (uint32_t)c;
		if (c == CTRL_L)
			clearok(curscr, TRUE); /* what stands there is not what we have written */
	}
	return 0;
}
