#include "top/ui.h"

#include <stdarg.h>
#include <string.h>

#include "base/parse.h"
#include "top/figure.h"

const uint64_t ui_spans_ms[SPANS] = {60000, 300000, 1800000, 0};

enum { MESSAGE_MS = 6000, MIB = 1 << 20 };

void ui_say(struct ui *ui, const struct model *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ui->message, sizeof ui->message, format, args);
	va_end(args);
	ui->message_until_ms = m->now_ms + MESSAGE_MS;
}

/* ---- the selection ---- */

static size_t place_of(const struct ui *ui, const struct model *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->items[i]->id == ui->selected)
			return i;
	return SIZE_MAX;
}

static void select_at(struct ui *ui, const struct model *m, size_t place)
{
	ui->adrift = false;
	if (m->count)
		ui->selected = m->items[place < m->count ? place : m->count - 1]->id;
}

void ui_settle(struct ui *ui, struct model *m)
{
	size_t place;

	model_sort(m, ui->order, ui->reversed);
	place = place_of(ui, m);
	if (place == SIZE_MAX) {
		bool had_one = ui->selected != 0;

		place = ui->place < m->count ? ui->place : m->count ? m->count - 1 : 0;
		select_at(ui, m, place);
		ui->adrift = had_one;
	}
	ui->place = place;
	if (ui->rows == 0)
		return;
	if (place < ui->first)
		ui->first = place;
	if (place >= ui->first + ui->rows)
		ui->first = place - ui->rows + 1;
	if (ui->first + ui->rows > m->count)
		ui->first = m->count > ui->rows ? m->count - ui->rows : 0;
}

static void move(struct ui *ui, const struct model *m, long by)
{
	size_t place = place_of(ui, m);
	long to = (place == SIZE_MAX ? 0 : (long)place) + by;

	select_at(ui, m, to < 0 ? 0 : (size_t)to);
}

static bool moved(struct ui *ui, const struct model *m, uint32_t key)
{
	long page = ui->rows ? (long)ui->rows : 10;

	switch (key) {
	case KEY_UP_:
		move(ui, m, -1);
		return true;
	case KEY_DOWN_:
		move(ui, m, 1);
		return true;
	case KEY_PAGE_UP:
		move(ui, m, -page);
		return true;
	case KEY_PAGE_DOWN:
		move(ui, m, page);
		return true;
	case KEY_FIRST:
		select_at(ui, m, 0);
		return true;
	case KEY_LAST:
		select_at(ui, m, m->count);
		return true;
	default:
		return false;
	}
}

/* ---- prompts ---- */

static void ask(struct ui *ui, enum prompt prompt, const struct item *i)
{
	ui->prompt = prompt;
	ui->prompt_for = i->id;
	ui->typed[0] = 0;
	ui->message_until_ms = 0;
}

static struct action answer_limit(struct ui *ui, const struct model *m, struct item *i)
{
	uint64_t bytes;

	if (parse_size(ui->typed, 1, &bytes) == 0)
		return (struct action){ACTION_LIMIT, i, bytes};
	ui_say(ui, m, "\"%s\" is not a size: give one like 512M, or max", ui->typed);
	return (struct action){0};
}

static void type(struct ui *ui, uint32_t key)
{
	size_t length = strlen(ui->typed);

	if (key == KEY_ERASE && length)
		ui->typed[length - 1] = 0;
	else if (key > ' ' && key < 0x7f && length + 1 < sizeof ui->typed) {
		ui->typed[length] = (char)key;
		ui->typed[length + 1] = 0;
	}
}

static struct action prompt_key(struct ui *ui, struct model *m, uint32_t key)
{
	struct item *i = model_find(m, ui->prompt_for);
	enum prompt prompt = ui->prompt;

	if (key == KEY_ESCAPE || !i || i->state == ITEM_ENDED) {
		ui->prompt = PROMPT_NONE;
		return (struct action){0};
	}
	if (prompt == PROMPT_STOP) {
		ui->prompt = PROMPT_NONE;
		return (struct action){key == 'y' || key == 'Y' ? ACTION_STOP : ACTION_NONE, i, 0};
	}
	if (key != KEY_ENTER_) {
		type(ui, key);
		return (struct action){0};
	}
	ui->prompt = PROMPT_NONE;
	return ui->typed[0] ? answer_limit(ui, m, i) : (struct action){0};
}

/* ---- keys for one virtual ---- */

/* A step of an eighth, in whole MiB, that lands on a multiple of itself. */
static struct action change_limit(struct ui *ui, const struct model *m, struct item *i, bool up)
{
	uint64_t limit = i->figures.usage.memory_limit_bytes, step;

	if (limit == UINT64_MAX) {
		ui_say(ui, m, "%s has no memory limit: l gives it one", i->label);
		return (struct action){0};
	}
	step = limit / 8 / MIB * MIB;
	if (step == 0)
		step = MIB;
	if (!up && limit <= step)
		return (struct action){0};
	limit = up ? limit + step : limit - step;
	return (struct action){ACTION_LIMIT, i, limit / MIB ? limit / MIB * MIB : limit};
}

static struct action item_key(struct ui *ui, struct model *m, struct item *i, uint32_t key)
{
	if (ui->adrift && key < 0x7f && strchr("pr+=-sl", (int)key)) {
		ui_say(ui, m, "the virtual that was chosen has ended: choose one");
		return (struct action){0};
	}
	switch (key) {
	case 'p':
		return (struct action){ACTION_PAUSE, i, 0};
	case 'r':
		return (struct action){ACTION_RESUME, i, 0};
	case '+':
	case '=':
		return change_limit(ui, m, i, true);
	case '-':
		return change_limit(ui, m, i, false);
	case 's':
		ask(ui, PROMPT_STOP, i);
		break;
	case 'l':
		ask(ui, PROMPT_LIMIT, i);
		break;
	default:
		break;
	}
	return (struct action){0};
}

/* ---- keys for the view ---- */

static void next_order(struct ui *ui, unsigned by)
{
	ui->order = (ui->order + by) % ORDER_COUNT;
	ui->reversed = false;
	ui->first = 0;
}

static bool all_key(struct ui *ui, struct model *m, uint32_t key)
{
	switch (key) {
	case 'o':
	case '>':
		next_order(ui, 1);
		return true;
	case 'O':
	case '<':
		next_order(ui, ORDER_COUNT - 1);
		return true;
	case 'i':
		ui->reversed = !ui->reversed;
		return true;
	case KEY_RIGHT_:
		ui->first_column++;
		return true;
	case KEY_LEFT_:
		ui->first_column -= ui->first_column > 0;
		return true;
	case KEY_ENTER_:
		ui->adrift = false;
		if (m->count)
			ui->view = VIEW_ONE;
		return true;
	default:
		return moved(ui, m, key);
	}
}

static bool one_key(struct ui *ui, struct model *m, uint32_t key)
{
	switch (key) {
	case 't':
		ui->span = (ui->span + 1) % SPANS;
		return true;
	case KEY_ENTER_:
	case KEY_ESCAPE:
	case KEY_LEFT_:
	case KEY_ERASE:
		ui->view = VIEW_ALL;
		return true;
	default:
		return moved(ui, m, key);
	}
}

static bool help_key(struct ui *ui, struct model *m, uint32_t key)
{
	ui->view = ui->before_help;
	return true;
}

struct action ui_key(struct ui *ui, struct model *m, uint32_t key)
{
	static bool (*const keys[])(struct ui * ui, struct model * m, uint32_t key) = {
		[VIEW_ALL] = all_key, [VIEW_ONE] = one_key, [VIEW_HELP] = help_key};
	struct item *i;

	if (ui->prompt)
		return prompt_key(ui, m, key);
	if (key == 'q' || key == 'Q')
		return (struct action){ACTION_QUIT, NULL, 0};
	if ((key == '?' || key == 'h') && ui->view != VIEW_HELP) {
		ui->before_help = ui->view;
		ui->view = VIEW_HELP;
		return (struct action){0};
	}
	if (keys[ui->view](ui, m, key))
		return (struct action){0};
	i = model_find(m, ui->selected);
	return i && i->state != ITEM_ENDED ? item_key(ui, m, i, key) : (struct action){0};
}
