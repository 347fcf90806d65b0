/* What the user looks at, and what keys do to it. No terminal: keys are characters, or these. */
#pragma once

#include "top/frame.h"
#include "top/model.h"

enum key {
	KEY_UP_ = 0x110000,
	KEY_DOWN_,
	KEY_LEFT_,
	KEY_RIGHT_,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_FIRST,
	KEY_LAST,
	KEY_ENTER_,
	KEY_ESCAPE,
	KEY_ERASE
};

enum view { VIEW_ALL, VIEW_ONE, VIEW_HELP };
enum prompt { PROMPT_NONE, PROMPT_STOP, PROMPT_LIMIT };
enum { SPANS = 4, PROMPT_TEXT = 24 };

struct ui {
	enum view view, before_help;
	uint64_t selected;     /* id of an item; 0: none */
	bool adrift;	       /* that one is gone, and the user has not chosen another one */
	size_t place;	       /* where it stood */
	size_t first;	       /* the uppermost row that is shown */
	unsigned rows;	       /* that fit; set by the layout */
	unsigned first_column; /* how many columns are passed over */
	enum order order;
	bool reversed;
	bool printed; /* nobody will press a key */
	size_t span;  /* which span of time the graph shows */
	enum prompt prompt;
	uint64_t prompt_for; /* id of an item */
	char typed[PROMPT_TEXT];
	char message[256];
	uint64_t message_until_ms;
};

extern const uint64_t ui_spans_ms[SPANS]; /* the last is 0: since the first reading */

enum action_kind { ACTION_NONE, ACTION_QUIT, ACTION_PAUSE, ACTION_RESUME, ACTION_STOP, ACTION_LIMIT };
struct action {
	enum action_kind kind;
	struct item *item;
	uint64_t limit_bytes;
};

/* What the key asks for; changes of the view are made at once. */
struct action ui_key(struct ui *ui, struct model *m, uint32_t key);

/* Before a frame is drawn: sorts, and keeps the selection on something that is there. */
void ui_settle(struct ui *ui, struct model *m);

void ui_say(struct ui *ui, const struct model *m, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One frame of the width and height that f has. */
void layout(struct frame *f, struct ui *ui, const struct model *m);
