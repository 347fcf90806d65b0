#include "jail/ids.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

enum { NAME_LONGEST = 256, PASSWD_FIELDS = 7, GROUP_FIELDS = 4, FIELDS_MAX = 8, GROUPS_MAX = 65536 };
#define ID_MAX (UINT32_MAX - 1) /* the last number means "leave it alone" to setresuid() */

struct field {
	const char *text;
	size_t length;
};

/* Cuts the line at `*cursor` into its fields. Returns how many, 0 at the end of the text, and moves on. */
static int next_line(const char **cursor, struct field field[FIELDS_MAX])
{
	const char *end = strchrnul(*cursor, '\n');
	int count = 0;

	if (!**cursor)
		return 0;
	for (const char *c = *cursor;; count++) {
		const char *colon = memchr(c, ':', (size_t)(end - c));

		if (count < FIELDS_MAX)
			field[count] = (struct field){c, (size_t)((colon ? colon : end) - c)};
		if (!colon)
			break;
		c = colon + 1;
	}
	*cursor = *end ? end + 1 : end;
	return count + 1;
}

static bool is_text(const struct field *f, const char *text)
{
	return strlen(text) == f->length && memcmp(f->text, text, f->length) == 0;
}

static bool is_id(const struct field *f, uint32_t *ret)
{
	char text[16];
	uint64_t value;

	if (f->length == 0 || f->length >= sizeof text)
		return false;
	memcpy(text, f->text, f->length);
	text[f->length] = '\0';
	if (parse_number(text, ID_MAX, &value) < 0)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* The first whole line of that name, or (name NULL) of that number. */
static bool find_user(const char *passwd, const char *name, uid_t uid, struct ids *i)
{
	struct field f[FIELDS_MAX];
	int count;

	while ((count = next_line(&passwd, f)) > 0) {
		uint32_t u, g;

		if (count != PASSWD_FIELDS || !f[0].length || !is_id(&f[2], &u) || !is_id(&f[3], &g))
			continue;
		if (name ? !is_text(&f[0], name) : u != uid)
			continue;
		i->uid = u;
		i->gid = g;
		i->name = strndup(f[0].text, f[0].length);
		i->home = strndup(f[5].text, f[5].length);
		return true;
	}
	return false;
}

static bool find_group(const char *group, const char *name, gid_t *ret)
{
	struct field f[FIELDS_MAX];
	int count;

	while ((count = next_line(&group, f)) > 0)
		if (count == GROUP_FIELDS && is_text(&f[0], name) && is_id(&f[2], ret))
			return true;
	return false;
}

static bool lists(const struct field *members, const char *name)
{
	size_t length = strlen(name);
	const char *end = members->text + members->length;

	for (const char *c = members->text; c < end;) {
		const char *comma = memchr(c, ',', (size_t)(end - c));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - c) == length && memcmp(c, name, length) == 0)
			return true;
		c = stop + 1;
	}
	return false;
}

static int add_group(struct ids *i, gid_t gid, struct err *e)
{
	gid_t *more;

	if (i->group_count >= GROUPS_MAX)
		return err_set(e, E2BIG, "user %s is in more than %d groups", i->name, GROUPS_MAX);
	more = realloc(i->groups, (i->group_count + 1) * sizeof *more);
	if (!more)
		return err_set(e, ENOMEM, "groups of user %s", i->name);
	i->groups = more;
	i->groups[i->group_count++] = gid;
	return 0;
}

static int find_supplementary(const char *group, struct ids *i, struct err *e)
{
	struct field f[FIELDS_MAX];
	int count, r = add_group(i, i->gid, e);

	while (r == 0 && (count = next_line(&group, f)) > 0) {
		gid_t gid;

		if (count == GROUP_FIELDS && is_id(&f[2], &gid) && gid != i->gid && lists(&f[3], i->name))
			r = add_group(i, gid, e);
	}
	return r;
}

/* Digits make a number; anything else that could begin one ("-1", "+3", "0x0", "1 2") is no name either. */
static int check_word(const char *word, const char *what, const char *text, struct err *e)
{
	if (!*word)
		return err_set(e, EINVAL, "user \"%s\": the name of the %s is empty", text, what);
	if (strlen(word) >= NAME_LONGEST)
		return err_set(e, EINVAL, "user: the %s is longer than %d characters", what, NAME_LONGEST - 1);
	for (const char *c = word; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == ',' || *c == '/')
			return err_set(e, EINVAL, "user \"%s\": the %s has a character that no name has", text, what);
	if (!isdigit((unsigned char)*word) && *word != '-' && *word != '+')
		return 0;
	for (const char *c = word; *c; c++)
		if (!isdigit((unsigned char)*c))
			return err_set(e, EINVAL, "user \"%s\": the %s is neither a name nor a number", text, what);
	return 0;
}

static int number(const char *word, const char *what, const char *text, uint32_t *ret, struct err *e)
{
	uint64_t value;

	if (parse_number(word, ID_MAX, &value) < 0)
		return err_set(e, EINVAL, "user \"%s\": the number of the %s is above %llu", text, what,
			(unsigned long long)ID_MAX);
	*ret = (uint32_t)value;
	return 0;
}

static int resolve_group(const char *word, const char *group, const char *text, struct ids *i, struct err *e)
{
	int r = check_word(word, "group", text, e);

	if (r < 0)
		return r;
	if (isdigit((unsigned char)*word))
		return number(word, "group", text, &i->gid, e);
	if (find_group(group, word, &i->gid))
		return 0;
	return err_set(e, ENOENT, "user \"%s\": the jail's /etc/group has no group %s", text, word);
}

static int resolve_user(const char *word, const char *passwd, const char *text, struct ids *i, struct err *e)
{
	int r = check_word(word, "user", text, e);

	if (r < 0)
		return r;
	if (!isdigit((unsigned char)*word))
		return find_user(passwd, word, 0, i)
			       ? 0
			       : err_set(e, ENOENT, "the jail's /etc/passwd has no user %s", word);
	r = number(word, "user", text, &i->uid, e);
	if (r == 0 && !find_user(passwd, NULL, i->uid, i)) {
		i->gid = i->uid;
		i->name = strdup(word);
		i->home = strdup("/");
	}
	return r;
}

int ids_find(const char *text, const char *passwd, const char *group, struct ids *ret, struct err *e)
{
	struct ids i = {.given = true};
	char user[2 * NAME_LONGEST + 2];
	const char *colon = strchr(text, ':');
	int r;

	if (strlen(text) >= sizeof user)
		return err_set(e, EINVAL, "user: the text is longer than %zu characters", sizeof user - 1);
	strcpy(user, text);
	if (colon)
		user[colon - text] = '\0';
	r = resolve_user(user, passwd, text, &i, e);
	if (r == 0 && colon)
		r = resolve_group(colon + 1, group, text, &i, e);
	if (r == 0 && !isdigit((unsigned char)*user))
		r = find_supplementary(group, &i, e);
	if (r == 0 && (!i.name || !i.home))
		r = err_set(e, ENOMEM, "user %s", text);
	if (r < 0)
		ids_drop(&i);
	else
		*ret = i;
	return r;
}

int ids_copy(const struct ids *from, struct ids *ret, struct err *e)
{
	*ret = *from;
	ret->groups = from->group_count ? calloc(from->group_count, sizeof *ret->groups) : NULL;
	ret->name = from->name ? strdup(from->name) : NULL;
	ret->home = from->home ? strdup(from->home) : NULL;
	if (ret->groups)
		memcpy(ret->groups, from->groups, from->group_count * sizeof *ret->groups);
	if ((!from->group_count || ret->groups) && (!from->name || ret->name) && (!from->home || ret->home))
		return 0;
	ids_drop(ret);
	return err_set(e, ENOMEM, "out of memory");
}

void ids_drop(struct ids *i)
{
	free(i->groups);
	free(i->name);
	free(i->home);
	*i = (struct ids){0};
}
