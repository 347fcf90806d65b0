/* The options' side of the table: their texts become values of a document, and faults name them again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "spec/row.h"

int pairs_parse(json_t *hash, const char *text, char between, struct err *e)
{
	AUTO(free_drop) char *copy = strdup(text);
	char *rest = copy;

	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	for (char *pair; (pair = strsep(&rest, ","));) {
		char *value = strchr(pair, between);

		if (!value || value == pair || !value[1])
			return err_set(e, EINVAL, "%s is not NAME%cVALUE", shown_text(pair).text, between);
		*value++ = '\0';
		if (json_object_get(hash, pair))
			return err_set(e, EINVAL, "%s is there twice", shown_text(pair).text);
		if (json_object_set_new(hash, pair, json_string(value)) < 0)
			return err_set(e, EINVAL, "%s is not UTF-8", shown_text(pair).text);
	}
	return 0;
}

/* The hash or list at a key, made if it is not there. Borrowed. */
static json_t *at(json_t *parent, const char *key, json_t *(*make)(void))
{
	json_t *child = json_object_get(parent, key);

	if (child)
		return child;
	if (json_object_set_new(parent, key, make()) < 0)
		return NULL;
	return json_object_get(parent, key);
}

static int put(json_t *parent, const char *key, json_t *value, struct err *e)
{
	if (!value)
		return err_set(e, EINVAL, "not UTF-8");
	if (json_object_get(parent, key)) {
		json_decref(value);
		return err_set(e, EINVAL, "given twice");
	}
	json_object_set_new(parent, key, value);
	return 0;
}

/* A switch has no text. As KEY=VALUE it says which. */
static int put_switch(json_t *parent, const char *key, bool value, const char *text, struct err *e)
{
	if (!text) {
		json_object_set_new(parent, key, json_boolean(value)); /* twice the same is no contradiction */
		return 0;
	}
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return err_set(e, EINVAL, "%s is neither true nor false", shown_text(text).text);
	return put(parent, key, json_boolean(text[0] == 't'), e);
}

static int put_list(json_t *parent, const char *key, const char *text, struct err *e)
{
	if (json_array_append_new(at(parent, key, json_array), json_string(text)) < 0)
		return err_set(e, EINVAL, "not UTF-8");
	return 0;
}

/* "PATH:read=10M,write=10M"; the last colon counts, so that a path may be "8:0". */
static int put_io(json_t *parent, const char *key, const char *text, struct err *e)
{
	const char *colon = strrchr(text, ':');
	AUTO(free_drop) char *path = colon ? strndup(text, (size_t)(colon - text)) : NULL;
	json_t *kinds;

	if (!path || !*path || !strchr(colon, '='))
		return err_set(e, EINVAL,
			"%s is not PATH:read=SIZE,write=SIZE,riops=N,wiops=N (one of the four or more)",
			shown_text(text).text);
	kinds = at(at(parent, key, json_object), path, json_object);
	if (!kinds)
		return err_set(e, EINVAL, "the path is not UTF-8");
	return pairs_parse(kinds, colon + 1, '=', e);
}

static int put_vip(json_t *parent, const char *text, struct err *e)
{
	const char *device = strrchr(text, '@');
	AUTO(free_drop) char *address = device ? strndup(text, (size_t)(device - text)) : NULL;
	int r;

	if (!address || !*address || !device[1])
		return err_set(e, EINVAL, "%s is not ADDRESS[/LENGTH]@DEVICE", shown_text(text).text);
	r = put(parent, "vip", json_string(address), e);
	return r < 0 ? r : put(parent, "dev", json_string(device + 1), e);
}

static bool row_find(enum spec_section section, const char *key, struct row *ret)
{
	for (size_t i = 0; row_at(i, ret); i++)
		if (ret->section == section &&
			(strcmp(ret->key, key) == 0 || (ret->seed_key && strcmp(ret->seed_key, key) == 0)))
			return true;
	return false;
}

int spec_option(json_t *document, const struct spec_key *key, const char *text, struct err *e)
{
	struct row row;
	json_t *parent = document;

	if (!row_find(key->section, key->key, &row))
		return err_set(e, EINVAL, "no such key: %s", key->key);
	if (row.section != SPEC_OTHER)
		parent = at(document, spec_section_names[row.section], json_object);
	switch (row.form) {
	case FORM_TEXT:
		return put(parent, key->key, json_string(text), e);
	case FORM_LIST:
		return put_list(parent, key->key, text, e);
	case FORM_PAIRS:
		return pairs_parse(at(parent, key->key, json_object), text, '=', e);
	case FORM_PAGES:
		return pairs_parse(at(parent, key->key, json_object), text, ':', e);
	case FORM_ON:
		return put_switch(parent, key->key, true, text, e);
	case FORM_OFF:
		return put_switch(parent, key->key, false, text, e);
	case FORM_IO:
		return put_io(parent, key->key, text, e);
	case FORM_VIP:
		return put_vip(parent, text, e);
	}
	return err_set(e, EINVAL, "no such form of an option");
}

/* ---- faults ---- */

static bool is_section(const char *name, enum spec_section section)
{
	return strcmp(name, section == SPEC_OTHER ? "" : spec_section_names[section]) == 0;
}

/* The option for a key in either spelling; NULL when there is none. Its name goes to key->option. */
static const char *option_of(const char *section, const char *name, size_t length, struct spec_key *key)
{
	for (size_t i = 0; spec_key_at(i, key); i++) {
		const char *seed = key->seed_key ? key->seed_key : "";
		bool same = (strlen(key->key) == length && memcmp(key->key, name, length) == 0) ||
			    (strlen(seed) == length && length && memcmp(seed, name, length) == 0);

		if (same && *key->option && is_section(section, key->section))
			return key->option;
	}
	return NULL;
}

/* ":root" stands for the key in a text; where it came from options, it becomes "--root". */
static void name_options(const struct fault *f, char *buffer, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	size_t used = 0;

	for (const char *c = f->text; *c && used + 1 < length;) {
		size_t symbol =
			*c == ':' && (c == f->text || c[-1] == ' ' || c[-1] == '(') ? strspn(c + 1, letters) : 0;
		struct spec_key key;
		const char *option = symbol ? option_of(f->section, c + 1, symbol, &key) : NULL;

		if (option) {
			used += (size_t)snprintf(buffer + used, length - used, "--%s", option);
			c += 1 + symbol;
		} else {
			buffer[used++] = *c++;
		}
	}
	buffer[used < length ? used : length - 1] = '\0';
}

void spec_fault_as_option(struct fault *fault)
{
	struct spec_key key;
	const char *option = option_of(fault->section, fault->key, strlen(fault->key), &key);
	char text[sizeof fault->text];

	name_options(fault, text, sizeof text);
	memcpy(fault->text, text, sizeof text);
	snprintf(fault->key, sizeof fault->key, "%s", option ? option : "");
}
