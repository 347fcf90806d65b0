#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An option of either table. */
struct found {
	const char *arg; /* NULL: a switch */
	int own;	 /* index of the command's row; -1: a key */
	struct spec_key key;
	bool is_help;
};

static bool same_name(const char *name, size_t length, const char *other)
{
	return strlen(other) == length && memcmp(name, other, length) == 0;
}

/* By long name, or by letter where name is NULL. */
static bool find_own(const struct command *command, char letter, const char *name, size_t length, struct found *ret)
{
	for (int i = 0; command->options && command->options[i].name; i++) {
		const struct option_row *row = &command->options[i];

		if (name ? !same_name(name, length, row->name) : row->letter != letter)
			continue;
		*ret = (struct found){.arg = row->arg, .own = i};
		return true;
	}
	if (name ? same_name(name, length, "help") : letter == 'h') {
		*ret = (struct found){.own = -1, .is_help = true};
		return true;
	}
	return false;
}

static bool find_long(const struct command *command, const char *name, size_t length, struct found *ret)
{
	if (find_own(command, '\0', name, length, ret))
		return true;
	*ret = (struct found){.own = -1};
	for (size_t i = 0; spec_key_at(i, &ret->key); i++)
		if (ret->key.use & command->use && same_name(name, length, ret->key.option)) {
			ret->arg = ret->key.arg;
			return true;
		}
	return false;
}

enum { KEYS_MAX = 96 };

/* The one word that begins like this: what somebody means who stops typing early. */
static const char *only_completion(const char *word, const char *const *words)
{
	const char *found = NULL;

	for (; *word && *words; words++) {
		if (strncmp(word, *words, strlen(word)) != 0)
			continue;
		if (found)
			return NULL;
		found = *words;
	}
	return found;
}

static int unknown(const struct command *command, const char *name, size_t length, struct err *e)
{
	struct spec_key keys[KEYS_MAX];
	const char *words[KEYS_MAX + OPTIONS_OWN_MAX + 2];
	char word[64];
	const char *near = NULL;
	size_t count = 0;

	words[count++] = "help";
	for (int i = 0; command->options && command->options[i].name; i++)
		words[count++] = command->options[i].name;
	for (size_t i = 0; i < KEYS_MAX && spec_key_at(i, &keys[i]); i++)
		if (keys[i].use & command->use)
			words[count++] = keys[i].option;
	words[count] = NULL;
	if (length < sizeof word) {
		memcpy(word, name, length);
		word[length] = '\0';
		near = parse_nearest(word, words);
		near = near ? near : only_completion(word, words);
	}
	return err_set(e, EINVAL, "unknown option --%.*s%s%s%s", (int)length, name, near ? " (did you mean --" : "",
		near ? near : "", near ? "?)" : "");
}

static int store(const struct found *found, const char *shown, const char *value, json_t *document,
	struct options_values *ret, struct err *e)
{
	if (found->is_help) {
		ret->help = true;
		return 0;
	}
	if (found->own < 0)
		return spec_option(document, &found->key, value, e) < 0 ? err_while(e, "%s", shown) : 0;
	if (ret->own[found->own] && found->arg)
		return err_set(e, EINVAL, "%s is given twice", shown);
	ret->own[found->own] = value ? value : "";
	return 0;
}

/* value: what stands in the same word, or NULL. next: the word after it, or NULL; *used_next: it was the value. */
static int take(const struct found *found, const char *shown, const char *value, const char *next, bool *used_next,
	json_t *document, struct options_values *ret, struct err *e)
{
	if (!found->arg && value)
		return err_set(e, EINVAL, "%s takes no value", shown);
	if (found->arg && !value) {
		if (!next || strncmp(next, "--", 2) == 0)
			return err_set(e, EINVAL, "%s needs a value: %s", shown, found->arg);
		value = next;
		*used_next = true;
	}
	return store(found, shown, value, document, ret, e);
}

static int take_word(const struct command *command, const char *word, const char *next, bool *used_next,
	json_t *document, struct options_values *ret, struct err *e)
{
	struct found found;
	const char *value;
	char shown[32];
	size_t length;

	if (word[1] != '-') {
		if (!find_own(command, word[1], NULL, 0, &found))
			return err_set(e, EINVAL, "unknown option %s", word);
		snprintf(shown, sizeof shown, "-%c", word[1]);
		return take(&found, shown, word[2] ? word + 2 : NULL, next, used_next, document, ret, e);
	}
	length = strcspn(word + 2, "=");
	if (!find_long(command, word + 2, length, &found))
		return unknown(command, word + 2, length, e);
	value = word[2 + length] ? word + 3 + length : NULL;
	snprintf(shown, sizeof shown, "--%.*s", (int)length, word + 2);
	return take(&found, shown, value, next, used_next, document, ret, e);
}

static int check_count(const struct command *command, const struct options_values *values, struct err *e)
{
	const char *wanted = *command->args ? command->args : "no arguments";

	if (values->arg_count < command->args_min)
		return err_set(e, EINVAL, "an argument is missing: it takes %s", wanted);
	if (command->args_max >= 0 && values->arg_count > command->args_max)
		return err_set(e, EINVAL, "\"%s\" is too much: it takes %s", values->args[command->args_max], wanted);
	return 0;
}

static int parse(const struct command *command, int argc, char **argv, json_t *document, struct options_values *ret,
	struct err *e)
{
	bool ended = false;

	/* Arguments move to the front; they never overtake what is still to be read. */
	for (int i = 1; i < argc; i++) {
		bool is_option = argv[i][0] == '-' && argv[i][1] && !ended, used_next = false;
		int r;

		if (is_option && strcmp(argv[i], "--") == 0) {
			ended = true;
			ret->command_follows = ret->arg_count == 0;
			continue;
		}
		if (!is_option) {
			ret->args[ret->arg_count++] = argv[i];
			ended = ended || command->options_first;
			continue;
		}
		r = take_word(command, argv[i], argv[i + 1], &used_next, document, ret, e);
		if (r < 0 || ret->help)
			return r;
		i += used_next;
	}
	ret->args[ret->arg_count] = NULL;
	return check_count(command, ret, e);
}

int options_parse(const struct command *command, int argc, char **argv, json_t *document, struct options_values *ret,
	struct err *e)
{
	*ret = (struct options_values){.command = command, .args = argv + 1};
	return parse(command, argc, argv, document, ret, e) < 0 ? err_while(e, "%s", command->name) : 0;
}

const char *options_get(const struct options_values *values, const char *name)
{
	const struct option_row *rows = values->command->options;

	for (int i = 0; rows && rows[i].name; i++)
		if (strcmp(rows[i].name, name) == 0)
			return values->own[i];
	abort(); /* a command asks for an option that is not in its table */
}

static bool own_at(const struct command *command, size_t *index, struct option_shown *ret)
{
	static const struct option_row help[] = {{'h', "help", NULL, "show this help"}, {0}};
	const struct option_row *lists[] = {command->options ? command->options : help + 1, help};

	for (size_t list = 0; list < 2; list++)
		for (const struct option_row *row = lists[list]; row->name; row++) {
			if ((*index)--)
				continue;
			*ret = (struct option_shown){
				.title = "Options", .letter = row->letter, .arg = row->arg, .help = row->help};
			snprintf(ret->name, sizeof ret->name, "%s", row->name);
			return true;
		}
	return false;
}

bool options_at(const struct command *command, size_t index, struct option_shown *ret)
{
	static const char *const titles[SPEC_SECTIONS] = {"Cage", "Jail", "Vip", "Other"};
	struct spec_key key;

	if (own_at(command, &index, ret))
		return true;
	for (unsigned section = 0; section < SPEC_SECTIONS; section++)
		for (size_t i = 0; spec_key_at(i, &key); i++) {
			if (key.section != section || !(key.use & command->use) || index--)
				continue;
			*ret = (struct option_shown){
				.title = titles[section], .arg = key.arg, .help = key.help, .repeats = key.repeats};
			snprintf(ret->name, sizeof ret->name, "%s", key.option);
			return true;
		}
	return false;
}

const struct command *command_find(const struct command *table, const char *name, const char **near)
{
	const char *words[64];
	size_t count = 0;

	for (const struct command *c = table; c->name; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
		if (count + 1 < sizeof words / sizeof *words)
			words[count++] = c->name;
	}
	words[count] = NULL;
	*near = parse_nearest(name, words);
	return NULL;
}
