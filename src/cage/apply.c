#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cage/file.h"
#include "cage/form.h"

/* ---- one file ---- */

static int remember(struct cage *c, const struct limit_write *w, struct err *e)
{
	struct cage_setting new = {.which = w->which, .group = w->group}, *more;

	snprintf(new.file, sizeof new.file, "%s", w->file);
	snprintf(new.device, sizeof new.device, "%s", w->device);
	for (size_t i = 0; i < c->settings_count; i++) {
		struct cage_setting *s = &c->settings[i];

		if (s->group == new.group && !strcmp(s->file, new.file) && !strcmp(s->device, new.device))
			return 0;
	}
	more = reallocarray(c->settings, c->settings_count + 1, sizeof *more);
	if (!more)
		return err_set(e, ENOMEM, "out of memory");
	c->settings = more;
	c->settings[c->settings_count++] = new;
	return 0;
}

/* A cage joins only the controllers that it was made with limits of. */
static int not_joined(const struct limit_row *row, const char *where, struct err *e)
{
	char option[32];

	snprintf(option, sizeof option, "%s", row->key);
	for (char *c = option; (c = strchr(c, '_'));)
		*c = '-';
	return err_set(e, ENOENT,
		"it was started without such a limit, so there is none in %s to change: start it with --%s", where,
		option);
}

static int failed(const struct limit_write *w, const char *file, int code, int opened, struct err *e)
{
	const struct limit_row *row = &limit_rows[w->which];

	if (!opened && code == ENOENT && !(w->group->controllers & 1U << row->controller))
		return not_joined(row, w->group->path, e);
	if (!opened && code == ENOENT)
		return err_set(e, code, "%s/%s: %s", w->group->path, file,
			w->lacking ? w->lacking : "this kernel does not have it");
	errno = code;
	return err_sys(e, "write \"%s\" to %s/%s", w->text, w->group->path, file);
}

static bool agrees(const struct limit_write *w, char *got)
{
	char line[256];

	if (!w->device[0])
		return w->holds(w->text, got, w);
	if (file_line(got, w->device, line, sizeof line) < 0)
		line[0] = 0;
	return w->holds(w->text, line, w);
}

int apply_write(struct cage *c, const struct limit_write *w, struct err *e)
{
	char got[FILE_TEXT];
	int opened, r = file_exchange(w->group->fd, w->file, w->text, got, sizeof got, &opened);

	if (r < 0)
		return failed(w, w->file, -r, opened, e);
	if (!agrees(w, got))
		return err_set(
			e, EINVAL, "%s/%s says \"%s\" after \"%s\" was written", w->group->path, w->file, got, w->text);
	return remember(c, w, e);
}

/* ---- one limit ---- */

/* What every new group has is only looked at; it is written where a group above has handed down something else. */
static int apply_normal(struct cage *c, const struct limit_write *w, struct err *e)
{
	char got[FILE_TEXT];
	ssize_t n = file_read(w->group->fd, w->file, got, sizeof got);

	if (n == -ENOENT)
		return 0; /* what cannot be limited is not limited */
	return n >= 0 && agrees(w, got) ? remember(c, w, e) : apply_write(c, w, e);
}

static int apply_unit(const struct limit_file *file, const struct cage_group *g, struct err *e)
{
	char got[64];
	ssize_t n = file_read(g->fd, file->unit_file, got, sizeof got);

	if (n >= 0 && strcmp(got, file->unit_text) == 0)
		return 0;
	if (n >= 0)
		n = file_write(g->fd, file->unit_file, file->unit_text);
	if (n == -ENOENT)
		return err_set(e, ENOENT, "%s/%s: %s", g->path, file->unit_file, file->lacking);
	errno = (int)-n;
	return n < 0 ? err_sys(e, "write \"%s\" to %s/%s", file->unit_text, g->path, file->unit_file) : 0;
}

static int verify_effect(const struct limit_write *w, const char *effect, struct err *e)
{
	char got[FILE_TEXT];
	ssize_t n = file_read(w->group->fd, effect, got, sizeof got);

	if (n == -ENOENT || (n >= 0 && w->holds(w->text, got, w)))
		return 0;
	if (n >= 0)
		return err_set(
			e, EINVAL, "%s/%s: only \"%s\" of \"%s\" is in effect", w->group->path, effect, got, w->text);
	errno = (int)-n;
	return err_sys(e, "read %s/%s", w->group->path, effect);
}

static int apply_scalar(struct cage *c, enum limit which, const struct limit_file *file, const struct cage_group *g,
	const struct limits *l, struct err *e)
{
	char text[FILE_TEXT];
	struct limit_write w = {
		.which = which,
		.group = g,
		.file = file->file,
		.text = text,
		.device = "",
		.lacking = file->lacking,
		.holds = file->form->holds,
		.slack = file->form->slack ? file->form->slack() : 0,
	};
	int r = file->unit_file ? apply_unit(file, g, e) : 0;

	file->form->print(text, sizeof text, l->value[which], l);
	if (r == 0)
		r = plan_wants(l, which) ? apply_write(c, &w, e) : apply_normal(c, &w, e);
	if (r == 0 && file->effect)
		r = verify_effect(&w, file->effect, e);
	return r;
}

static int apply_limit(struct cage *c, enum limit which, const struct limits *l, struct err *e)
{
	const struct limit_row *row = &limit_rows[which];
	const struct cage_tree *tree = c->host->of[row->controller];
	const struct limit_file *file = tree ? &row->on[tree->version] : NULL;
	const struct cage_group *g;

	if (!file || !file->file)
		return plan_wants(l, which) ? err_set(e, EOPNOTSUPP, "%s: %s", row->key,
						      file ? file->lacking : "this host lacks the controller for it")
					    : 0;
	g = cage_find(c, tree, file->place);
	if (!g) {
		not_joined(row, tree->mount, e);
		return err_while(e, "%s", row->key);
	}
	if (file->form->apply ? file->form->apply(c, which, file, g, l, e) : apply_scalar(c, which, file, g, l, e))
		return err_while(e, "%s", row->key);
	return 0;
}

/* ---- all limits ---- */

/* v1 limits memory and swap together, and that sum may at no moment be below the memory limit. */
static bool swap_rises(const struct cage *c, const struct limits *l)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct limit_file *file = tree ? &limit_rows[LIMIT_SWAP].on[tree->version] : NULL;
	const struct cage_group *g = tree ? cage_find(c, tree, file->place) : NULL;
	char text[32];
	uint64_t now;

	if (!g || !file->above_memory || !limits_has(l, LIMIT_MEMORY) || !limits_has(l, LIMIT_SWAP))
		return false;
	if (file_read(g->fd, file->file, text, sizeof text) < 0 || parse_number(text, UINT64_MAX, &now) < 0)
		return false;
	return l->value[LIMIT_MEMORY] > now;
}

/* The memory has been set, for what was in it fits into swap, and the sum of both cannot be. */
static void put_back_memory(struct cage *c, const struct limits *l, uint64_t before_bytes)
{
	struct limits old = *l;
	struct err ignored;

	old.value[LIMIT_MEMORY] = before_bytes; /* UINT64_MAX: there was no limit */
	if (before_bytes != l->value[LIMIT_MEMORY])
		apply_limit(c, LIMIT_MEMORY, &old, &ignored);
}

int cage_apply(struct cage *c, const struct limits *l, struct err *e)
{
	bool swap_first = swap_rises(c, l),
	     swap_last = !swap_first && limits_has(l, LIMIT_MEMORY) && limits_has(l, LIMIT_SWAP);
	struct cage_usage before;

	if (swap_first && apply_limit(c, LIMIT_SWAP, l, e) < 0)
		return err_while(e, "set the limits");
	if (swap_last)
		cage_memory(c, &before);
	for (int i = 0; i < LIMIT_COUNT; i++) {
		if (!limits_has(l, (enum limit)i) || limit_rows[i].by_guard || (i == LIMIT_SWAP && swap_first))
			continue;
		if (apply_limit(c, (enum limit)i, l, e) == 0)
			continue;
		if (i == LIMIT_SWAP && swap_last)
			put_back_memory(c, l, before.memory_limit_bytes);
		return err_while(e, "set the limits");
	}
	return 0;
}

/* ---- what was set ---- */

static void show_setting(const struct cage_setting *s, cage_row *row, void *arg)
{
	char path[PATH_MAX], text[FILE_TEXT], line[256];

	snprintf(path, sizeof path, "%s/%s", s->group->path, s->file);
	if (file_read(s->group->fd, s->file, text, sizeof text) < 0)
		snprintf(text, sizeof text, "?");
	if (!s->device[0]) {
		file_line(text, NULL, line, sizeof line);
		row(arg, limit_rows[s->which].key, path, line);
		return;
	}
	if (file_line(text, s->device, line, sizeof line) < 0)
		snprintf(line, sizeof line, "max");
	snprintf(text, sizeof text, "%s %s", s->device, line);
	row(arg, limit_rows[s->which].key, path, text);
}

void cage_each(const struct cage *c, cage_row *row, void *arg)
{
	char names[128];

	for (size_t i = 0; i < c->count; i++) {
		const struct cage_group *g = &c->groups[i];

		controllers_text(names, sizeof names, g->controllers, g->tree->version);
		row(arg, "group", g->path, names[0] ? names : "unified");
	}
	for (size_t i = 0; i < c->settings_count; i++)
		show_setting(&c->settings[i], row, arg);
}
