/* virtualing set */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "spec/spec.h"

enum { ANSWER_MS = 10000, KEYS_MAX = 64 };

/* A key as in a description or as an option is written: memory_high, memory-high, mem.  The seeds' spelling stays as it
 * is, for it may say which unit is meant. */
static bool is_called(struct spec_key *k, const char *word)
{
	if (k->seed_key && strcmp(k->seed_key, word) == 0) {
		k->key = k->seed_key;
		return true;
	}
	return strcmp(k->key, word) == 0 || strcmp(k->option, word) == 0;
}

static int find_key(const char *word, struct spec_key *ret, struct err *e)
{
	const char *known[KEYS_MAX + 1] = {NULL};
	size_t count = 0;
	const char *near;

	for (size_t i = 0; spec_key_at(i, ret); i++) {
		if (!(ret->use & USE_SET))
			continue;
		if (is_called(ret, word))
			return 0;
		if (count < KEYS_MAX)
			known[count++] = ret->key;
	}
	if (spec_is_limit(word))
		return err_set(e, EINVAL, "set: %s cannot be changed while it runs, yet", word);
	near = parse_nearest(word, known);
	return err_set(e, EINVAL, "set: %s cannot be changed while it runs, or is no limit%s%s%s", word,
		near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int put(json_t *document, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	AUTO(free_drop) char *name = equals ? strndup(word, (size_t)(equals - word)) : NULL;
	struct spec_key key;

	if (!name || !*name || !equals[1])
		return err_set(e, EINVAL, "set: \"%s\" is not KEY=VALUE, like memory=512M", word);
	if (find_key(name, &key, e) < 0)
		return -e->code;
	if (spec_option(document, &key, equals + 1, e) < 0)
		return err_while(e, "set: %s", name);
	return 0;
}

static int set_virtual(const char *name, char *const *words, bool force)
{
	json_t *document = json_object(), *answer;
	struct err e;
	int r = 0;

	for (; r == 0 && *words; words++)
		r = put(document, *words, &e);
	if (r == 0)
		r = remote_call(name,
			json_pack("{s:s, s:O, s:b}", "op", "set", "resource", json_object_get(document, "resource"),
				"force", force),
			ANSWER_MS, &answer, &e);
	json_decref(document);
	if (r < 0)
		return cli_fail(&e);
	json_decref(answer);
	return 0;
}

int cmd_set(const struct options_values *own, json_t *document)
{
	return set_virtual(own->args[0], own->args + 1, options_get(own, "force") != NULL);
}
