#include "top/layout.h"

static const struct {
	const char *key, *text;
} keys[] = {
	{"up, down, page, home, end", "choose a virtual"},
	{"Enter", "look at it; again or Esc: all of them"},
	{"o, O", "order by the next, the one before; i: the other way round"},
	{"left, right", "other columns, where not all fit"},
	{"t", "time that the graph shows: 1 min, 5 min, 30 min, all"},
	{"p, r", "pause; resume"},
	{"s", "stop it (asks before)"},
	{"l", "memory limit: asks for a size like 512M, or max"},
	{"+, -", "memory limit up, down by an eighth"},
	{"q", "quit"},
};

static const char *const words[] = {
	"THR%    share of the time for which its CPU limit made it wait",
	"STALL%  share of the last 10 s in which somebody inside waited for memory",
	"RESC    how often its full cage was held until there was room again",
	"KILL    processes that the kernel has killed for memory",
	"held    the cage is full, and its guard asks for room; full: it waits for it",
};

void layout_help(struct frame *f)
{
	unsigned y = 0;

	frame_text(f, 0, y, f->width, STYLE_STRONG, "virtualing top: keys");
	y++;
	for (size_t i = 0; i < sizeof keys / sizeof *keys && y + 1 < f->height; i++, y++) {
		frame_text(f, 1, y, 26, STYLE_STRONG, keys[i].key);
		frame_text(f, f->width < 70 ? 12 : 28, y, f->width, STYLE_PLAIN, keys[i].text);
	}
	y += f->height > y + 8;
	for (size_t i = 0; i < sizeof words / sizeof *words && y + 1 < f->height; i++, y++)
		frame_text(f, 1, y, f->width, STYLE_PLAIN, words[i]);
}
