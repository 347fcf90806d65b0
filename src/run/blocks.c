#include "run/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"

enum value_kind { VALUE_NONE, VALUE_SIZE, VALUE_PERCENT };

static const struct type {
	const char *name;
	enum value_kind value;
	const char *needs;
} types[] = {
	{"oom", VALUE_NONE, NULL},
	{"usage", VALUE_SIZE, "a size like 4194304, \"64M\" or \"80%\" of the limit"},
	{"pressure", VALUE_PERCENT, "a share of the time like \"10%\""},
	{"killed", VALUE_NONE, NULL},
	{"exit", VALUE_NONE, NULL},
};
enum { TYPES = sizeof types / sizeof *types };

struct block {
	const struct type *type;
	int id;
	uint64_t value;
	bool is_share; /* value is in percent */
	bool once, called, running;
	json_int_t count; /* since it was called last */
	json_t *latest;
};

struct blocks {
	bool (*send)(void *arg, json_t *message);
	void *arg;
	size_t count;
	struct block list[];
};

/* ---- reading ---- */

static const struct type *find_type(const char *name)
{
	for (int i = 0; name && i < TYPES; i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

static bool read_percent(const char *text, uint64_t *ret)
{
	size_t length = text ? strlen(text) : 0;
	char digits[8];

	if (length < 2 || length > 4 || text[length - 1] != '%')
		return false;
	memcpy(digits, text, length - 1);
	digits[length - 1] = '\0';
	return parse_number(digits, 100, ret) == 0 && *ret > 0;
}

/* A share is read here even without a limit that it could be of: that is told in words of its own. */
static bool read_value(struct block *b, const json_t *value)
{
	const char *text = json_string_value(value);

	if (b->type->value == VALUE_NONE)
		return !value || json_is_null(value);
	b->is_share = read_percent(text, &b->value);
	if (b->type->value == VALUE_PERCENT || b->is_share)
		return b->is_share;
	if (json_is_integer(value) && json_integer_value(value) > 0) {
		b->value = (uint64_t)json_integer_value(value);
		return true;
	}
	return text && parse_size(text, 0, &b->value) == 0 && b->value > 0;
}

static int refuse_value(const struct block *b, const json_t *value, struct err *e)
{
	AUTO(free_drop) char *given = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	if (!b->type->needs)
		return err_set(e, EINVAL, ":%s takes no value, and is given %.80s", b->type->name, given ? given : "?");
	return err_set(e, EINVAL, ":%s needs %s%s%.80s", b->type->name, b->type->needs, given ? ", not " : "",
		given ? given : "");
}

static int read_block(const json_t *one, bool limited, struct block *ret, struct err *e)
{
	const char *name = json_string_value(json_object_get(one, "type"));
	const json_t *value = json_object_get(one, "value");

	*ret = (struct block){.type = find_type(name),
		.id = (int)json_integer_value(json_object_get(one, "id")),
		.once = json_is_true(json_object_get(one, "once"))};
	if (!ret->type)
		return err_set(e, EINVAL, "there is no event :%s: there are :oom, :usage, :pressure, :killed and :exit",
			name ? name : "?");
	if (!read_value(ret, value))
		return refuse_value(ret, value, e);
	if (ret->type->value == VALUE_SIZE && ret->is_share && !limited)
		return err_set(e, EINVAL,
			":%s: there is no memory limit of which %s could be a share: give a size, or "
			"limit :memory",
			name, json_string_value(value));
	return 0;
}

int blocks_check_last(const json_t *list, bool limited, struct err *e)
{
	size_t count = json_array_size(list);
	struct block ignored;

	return count ? read_block(json_array_get(list, count - 1), limited, &ignored, e) : 0;
}

int blocks_read(const json_t *list, bool limited, bool (*send)(void *arg, json_t *message), void *arg,
	struct blocks **ret, struct err *e)
{
	AUTO(blocks_drop) struct blocks *b = calloc(1, sizeof *b + json_array_size(list) * sizeof *b->list);
	size_t i;
	json_t *one;

	if (!b)
		return err_set(e, ENOMEM, "out of memory");
	b->send = send;
	b->arg = arg;
	json_array_foreach ((json_t *)list, i, one) {
		if (read_block(one, limited, &b->list[b->count], e) < 0)
			return -e->code;
		b->count++;
	}
	*ret = b;
	b = NULL;
	return 0;
}

void blocks_drop(struct blocks **b)
{
	if (!*b)
		return;
	for (size_t i = 0; i < (*b)->count; i++)
		json_decref((*b)->list[i].latest);
	free(*b);
	*b = NULL;
}

/* ---- asking ---- */

static bool is_of(const struct block *block, const char *type)
{
	return strcmp(block->type->name, type) == 0;
}

bool blocks_want(const struct blocks *b, const char *type)
{
	for (size_t i = 0; b && i < b->count; i++)
		if (is_of(&b->list[i], type) && !(b->list[i].once && b->list[i].called))
			return true;
	return false;
}

void blocks_each(
	struct blocks *b, const char *type, void (*each)(void *arg, int id, uint64_t value, bool is_share), void *arg)
{
	for (size_t i = 0; b && i < b->count; i++)
		if (is_of(&b->list[i], type))
			each(arg, b->list[i].id, b->list[i].value, b->list[i].is_share);
}

bool blocks_busy(const struct blocks *b, const char *type)
{
	for (size_t i = 0; b && i < b->count; i++)
		if (is_of(&b->list[i], type) && (b->list[i].running || b->list[i].count))
			return true;
	return false;
}

/* ---- telling ---- */

static bool call(struct blocks *b, struct block *block)
{
	json_t *event = json_copy(block->latest);

	json_object_set_new(event, "count", json_integer(block->count));
	block->running = b->send(b->arg, json_pack("{s:o, s:i}", "event", event, "block", block->id));
	block->called = true;
	block->count = 0;
	return block->running;
}

bool blocks_tell(struct blocks *b, const json_t *event, int id)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	bool told = false;

	for (size_t i = 0; b && i < b->count; i++) {
		struct block *block = &b->list[i];

		if (!is_of(block, type) || (id && block->id != id))
			continue;
		if (block->once && block->called) {
			told |= block->running;
			continue;
		}
		block->count++;
		json_decref(block->latest);
		block->latest = json_deep_copy(event);
		told |= block->running || call(b, block);
	}
	return told;
}

void blocks_answered(struct blocks *b, int id)
{
	for (size_t i = 0; b && i < b->count; i++) {
		struct block *block = &b->list[i];

		if (block->id != id)
			continue;
		block->running = false;
		if (block->once)
			block->count = 0;
		else if (block->count)
			call(b, block);
	}
}

void blocks_end(struct blocks *b)
{
	for (size_t i = 0; b && i < b->count; i++)
		if (b->list[i].running && b->list[i].count && !b->list[i].once)
			call(b, &b->list[i]);
}
