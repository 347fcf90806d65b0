/* The command: a list of words, or one text that follows the rule of Ruby's exec(text).
 *
 * That rule: a text without anything that only a shell understands is split at blanks and executed; any other is
 * given to /bin/sh -c.  What only a shell understands: its special characters; "=" in the first word before any
 * "/" (an assignment); and a first word that is reserved by the shell or built into it (POSIX.1-2017, Shell Command
 * Language, sections 2.4 and 2.14).
 */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "spec/row.h"

/* Of one argument, and of one variable of the environment: the kernel's MAX_ARG_STRLEN, with its NUL. */
enum { ARGUMENT_MAX = 131072 };

static const char blanks[] = " \t";

static bool is_shell_word(const char *word, size_t length)
{
	static const char *const words[] = {"!", ".", ":", "break", "case", "continue", "do", "done", "elif", "else",
		"esac", "eval", "exec", "exit", "export", "fi", "for", "if", "in", "readonly", "return", "set", "shift",
		"then", "times", "trap", "unset", "until", "while", NULL};

	for (const char *const *w = words; *w; w++)
		if (strlen(*w) == length && memcmp(*w, word, length) == 0)
			return true;
	return false;
}

bool command_needs_shell(const char *text)
{
	const char *first = text + strspn(text, blanks);
	size_t length = strcspn(first, blanks);
	size_t equals = strcspn(first, "=");

	if (strpbrk(text, "*?{}[]<>()~&|\\$;'`\"\n#"))
		return true;
	if (equals < length && !memchr(first, '/', equals))
		return true;
	return is_shell_word(first, length);
}

static void add_argument(struct reader *r, const char *text)
{
	char **more;

	if (strlen(text) >= ARGUMENT_MAX) {
		fault(r, "%s is longer than one argument can be (%d bytes)", shown_text(text).text, ARGUMENT_MAX - 1);
		return;
	}
	more = reallocarray(r->spec->argv, r->argc + 2, sizeof *more);
	if (!more) {
		fault(r, "out of memory");
		return;
	}
	r->spec->argv = more;
	more[r->argc++] = text_copy(r, text);
	more[r->argc] = NULL;
}

static void split(struct reader *r, const char *text)
{
	AUTO(free_drop) char *copy = text_copy(r, text);
	char *rest = copy;

	for (char *word; (word = strsep(&rest, blanks));)
		if (*word)
			add_argument(r, word);
}

static void read_list(struct reader *r, const json_t *list)
{
	size_t index;
	json_t *element;

	json_array_foreach (list, index, element) {
		const char *text = json_string_value(element);

		if (!text || (!*text && index == 0))
			fault(r, "word %zu, %s, is not %s", index + 1, shown(element).text,
				text ? "a program" : "a text");
		else if (strlen(text) != json_string_length(element))
			fault(r, "word %zu contains a NUL byte", index + 1);
		else
			add_argument(r, text);
	}
	if (json_array_size(list) == 0)
		fault(r, "[] is empty: there is nothing to run");
}

void read_command(struct reader *r, const struct row *row, const json_t *value)
{
	const char *text;

	if (json_is_array(value)) {
		read_list(r, value);
		return;
	}
	text = value_text(r, value, "a command: a text, or a list of texts");
	if (!text)
		return;
	if (!text[strspn(text, " \t\n")]) {
		fault(r, "%s is empty: there is nothing to run", shown(value).text);
	} else if (command_needs_shell(text)) {
		add_argument(r, "/bin/sh");
		add_argument(r, "-c");
		add_argument(r, text);
	} else {
		split(r, text);
	}
}

json_t *write_command(const struct spec *s, const struct row *row)
{
	json_t *list = s->argv ? json_array() : NULL;

	for (char **word = s->argv; word && *word; word++)
		json_array_append_new(list, json_string(*word));
	return list;
}

int spec_command(json_t *document, char *const *argv, struct err *e)
{
	json_t *jail = json_object_get(document, spec_section_names[SPEC_JAIL]);
	json_t *list = json_array();

	for (; *argv; argv++)
		if (json_array_append_new(list, json_string(*argv)) < 0) {
			json_decref(list);
			return err_set(e, EINVAL, "the argument \"%s\" is not UTF-8", *argv);
		}
	if (!jail) {
		jail = json_object();
		json_object_set_new(document, spec_section_names[SPEC_JAIL], jail);
	}
	json_object_set_new(jail, "cmnd", list);
	return 0;
}

/* ---- its environment ---- */

static void add_variable(struct reader *r, const char *text, void *unused)
{
	struct jail *j = &r->spec->jail;
	char **more;

	if (!strchr(text, '=')) {
		fault(r, "%s has no value: it is NAME=VALUE", shown_text(text).text);
	} else if (text[0] == '=') {
		fault(r, "%s has no name: it is NAME=VALUE", shown_text(text).text);
	} else if (strlen(text) >= ARGUMENT_MAX) {
		fault(r, "%s is longer than a variable can be (%d bytes)", shown_text(text).text, ARGUMENT_MAX - 1);
	} else if ((more = array_more(r, &j->env, j->env_count, sizeof *more)) && (*more = text_copy(r, text))) {
		j->env_count++;
	}
}

static void read_variable(struct reader *r, const char *name, const json_t *value)
{
	AUTO(free_drop) char *text = NULL;
	size_t length = strlen(name) + 1;

	if (strchr(name, '=')) {
		fault(r, "the name %s contains \"=\"", shown_text(name).text);
	} else if (!json_is_string(value)) {
		fault(r, "%s: %s is not a text", shown_text(name).text, shown(value).text);
	} else if (strlen(json_string_value(value)) != json_string_length(value)) {
		fault(r, "%s: the value contains a NUL byte", shown_text(name).text);
	} else if ((text = malloc(length + json_string_length(value) + 1))) {
		stpcpy(stpcpy(stpcpy(text, name), "="), json_string_value(value));
		add_variable(r, text, NULL);
	} else {
		fault(r, "out of memory");
	}
}

void read_env(struct reader *r, const struct row *row, const json_t *value)
{
	const char *name;
	json_t *text;

	if (!json_is_object(value)) {
		value_each(r, value, "a text NAME=VALUE, a hash", add_variable, NULL);
		return;
	}
	json_object_foreach ((json_t *)value, name, text)
		read_variable(r, name, text);
}

json_t *write_env(const struct spec *s, const struct row *row)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->jail.env_count; i++)
		json_array_append_new(list, json_string(s->jail.env[i]));
	return list;
}

/* ---- what runs already ---- */

static void add_pid(struct reader *r, const json_t *value)
{
	struct spec *s = r->spec;
	uint64_t number;
	pid_t *more;

	if (!value_count(r, value, 1, SPEC_PID_MAX, &number))
		return;
	more = array_more(r, &s->attach, s->attach_count, sizeof *more);
	if (more)
		s->attach[s->attach_count++] = (pid_t)number;
}

void read_pids(struct reader *r, const struct row *row, const json_t *value)
{
	json_t *pid;
	size_t i;

	if (!json_is_array(value))
		add_pid(r, value);
	else if (json_array_size(value) == 0)
		fault(r, "the list is empty: which processes?");
	json_array_foreach ((json_t *)value, i, pid)
		add_pid(r, pid);
}

json_t *write_pids(const struct spec *s, const struct row *row)
{
	json_t *list = s->attach_count ? json_array() : NULL;

	for (size_t i = 0; i < s->attach_count; i++)
		json_array_append_new(list, json_integer(s->attach[i]));
	return list;
}

json_t *write_tree(const struct spec *s, const struct row *row)
{
	return s->attach_tree ? json_true() : NULL;
}
