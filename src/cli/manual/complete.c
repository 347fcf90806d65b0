#include "cli/manual/complete.h"

#include <string.h>

#include "cli/manual/words.h"
#include "cli/options.h"

/* "auto decoy @file": what completions/ calls choices. */
static void print_choices(FILE *out, const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s%s", i ? " " : "", words[i].kind ? "@" : "",
			words[i].kind ? words[i].kind : words[i].literal);
}

static void print_value(FILE *out, const char *arg)
{
	struct word words[WORDS_MAX] = {0};
	size_t count = words_of_value(arg, words);

	print_choices(out, words, count);
}

/* Text between single quotes. special: what gets a backslash. quote: how a single quote is written there. */
static void print_quoted(FILE *out, const char *text, const char *special, const char *quote)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs(quote, out);
		else if (strchr(special, *text))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

/* What `virtualing set` can change. */
static void print_keys(FILE *out)
{
	bool first = true;
	struct spec_key key;

	for (size_t i = 0; spec_key_at(i, &key); i++) {
		if (!(key.use & USE_SET))
			continue;
		fprintf(out, "%s%s", first ? "" : " ", key.key);
		first = false;
	}
}

/* ---- bash and fish: functions that tell what stands in the tables ---- */

struct style {
	const char *head, *tail; /* of a function: its name follows, and what is asked */
	const char *pattern;	 /* of a case: command, option or number */
	const char *end, *none;
};

static const struct style bash = {
	"\n%s() {\n\tcase $1 in\n", "\tesac\n}\n", "\t'%s %s'%s) echo '", "' ;;\n", "\t*) return 1 ;;\n"};
static const struct style fish = {"\nfunction %s\n\tswitch \"$argv\"\n", "\tend\nend\n", "\tcase '%s %s%s'\n\t\techo '",
	"'\n", "\tcase '*'\n\t\treturn 1\n"};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are the ones above */

static void print_head(FILE *out, const struct style *style, const char *name)
{
	fprintf(out, style->head, name);
}

static void print_case(FILE *out, const struct style *style, const char *command, const char *what, const char *any)
{
	fprintf(out, style->pattern, command, what, any);
}

#pragma GCC diagnostic pop

static void print_values(FILE *out, const struct style *style, const struct command *table)
{
	struct option_shown option;
	char name[40];

	for (; table->name; table++)
		for (size_t i = 0; options_at(table, i, &option); i++) {
			if (!option.arg)
				continue;
			snprintf(name, sizeof name, "--%s", option.name);
			print_case(out, style, table->name, name, "");
			print_value(out, option.arg);
			fputs(style->end, out);
			if (!option.letter)
				continue;
			snprintf(name, sizeof name, "-%c", option.letter);
			print_case(out, style, table->name, name, "");
			print_value(out, option.arg);
			fputs(style->end, out);
		}
	fputs(style->none, out);
}

static void print_arguments(FILE *out, const struct style *style, const struct command *table)
{
	struct word words[WORDS_MAX] = {0};
	char number[12];
	int is_rest;

	for (; table->name; table++)
		for (unsigned i = 1; i <= words_count(table->args); i++) {
			size_t count = words_of_argument(table->args, i, &is_rest, words);

			snprintf(number, sizeof number, "%u", i);
			print_case(out, style, table->name, is_rest ? "" : number, is_rest ? "*" : "");
			print_choices(out, words, count);
			fputs(style->end, out);
		}
	fputs(style->none, out);
}

static void print_functions(FILE *out, const struct style *style, const char *prefix, const struct command *table)
{
	char name[40];

	snprintf(name, sizeof name, "%svirtualing_value", prefix);
	print_head(out, style, name);
	print_values(out, style, table);
	fputs(style->tail, out);
	snprintf(name, sizeof name, "%svirtualing_argument", prefix);
	print_head(out, style, name);
	print_arguments(out, style, table);
	fputs(style->tail, out);
}

static void print_names(FILE *out, const struct command *table, bool only_first)
{
	bool first = true;

	for (; table->name; table++) {
		if (only_first && !table->options_first)
			continue;
		fprintf(out, "%s%s", first ? "" : " ", table->name);
		first = false;
	}
}

static void print_bash(FILE *out, const struct command *table)
{
	struct option_shown option;

	fputs("# bash completion for virtualing\n# shellcheck shell=bash\n\n_virtualing_commands='", out);
	print_names(out, table, false);
	fputs("'\n_virtualing_options_first='", out);
	print_names(out, table, true);
	fputs("'\n_virtualing_keys='", out);
	print_keys(out);
	fputs("'\n", out);
	print_head(out, &bash, "_virtualing_options");
	for (const struct command *c = table; c->name; c++) {
		fprintf(out, "\t%s) echo '", c->name);
		for (size_t i = 0; options_at(c, i, &option); i++) {
			if (option.letter)
				fprintf(out, "-%c ", option.letter);
			fprintf(out, "--%s ", option.name);
		}
		fputs("' ;;\n", out);
	}
	fputs(bash.tail, out);
	print_functions(out, &bash, "_", table);
}

static void print_fish_option(FILE *out, const struct command *command, const struct option_shown *option)
{
	fprintf(out, "complete -c virtualing -n '__virtualing_in %s' -l %s", command->name, option->name);
	if (option->letter)
		fprintf(out, " -s %c", option->letter);
	if (option->arg) {
		fputs(" -x -a '(__virtualing_any ", out);
		print_value(out, option->arg);
		fputs(")'", out);
	}
	fputs(" -d '", out);
	print_quoted(out, option->help, "\\", "\\'");
	fputs("'\n", out);
}

static void print_fish(FILE *out, const struct command *table)
{
	struct option_shown option;

	fputs("# fish completion for virtualing\n\nset -g __virtualing_options_first ", out);
	print_names(out, table, true);
	fputs("\nset -g __virtualing_keys ", out);
	print_keys(out);
	fputc('\n', out);
	print_functions(out, &fish, "__", table);
	fputs("\ncomplete -c virtualing -f\n", out);
	for (const struct command *c = table; c->name; c++) {
		fprintf(out, "\ncomplete -c virtualing -n __virtualing_wants_command -a %s -d '", c->name);
		print_quoted(out, c->summary, "\\", "\\'");
		fputs("'\n", out);
		for (size_t i = 0; options_at(c, i, &option); i++)
			print_fish_option(out, c, &option);
	}
}

/* ---- zsh: _arguments has a notation for all of it ---- */

static void print_zsh_option(FILE *out, const struct option_shown *option)
{
	static const char special[] = "\\[]:";

	fprintf(out, " \\\n\t\t%s", option->repeats ? "'*'" : "");
	if (option->letter) /* one excludes the other; help excludes everything */
		fprintf(out, "'(%s-%c --%s)'{-%c%s,--%s%s}'[", strcmp(option->name, "help") == 0 ? "- * " : "",
			option->letter, option->name, option->letter, option->arg ? "+" : "", option->name,
			option->arg ? "=" : "");
	else
		fprintf(out, "'--%s%s[", option->name, option->arg ? "=" : "");
	print_quoted(out, option->help, special, "'\\''");
	fputc(']', out);
	if (option->arg) {
		fputc(':', out);
		print_quoted(out, option->arg, special, "'\\''");
		fputs(": _virtualing_any ", out);
		print_value(out, option->arg);
	}
	fputc('\'', out);
}

static bool is_foreign(const struct word *words, size_t count)
{
	return count && words[0].kind && strcmp(words[0].kind, "command") == 0;
}

static void print_zsh_arguments(FILE *out, const struct command *command)
{
	unsigned all = words_count(command->args);
	struct word words[WORDS_MAX] = {0};
	int is_rest;

	for (unsigned i = 1; i <= all; i++) {
		size_t count = words_of_argument(command->args, i, &is_rest, words);

		if (is_foreign(words, count)) { /* from here on it is another program's line */
			fputs(" \\\n\t\t'*::: : _normal'", out);
			return;
		}
		if (is_rest)
			fputs(" \\\n\t\t'*:argument: _virtualing_any ", out);
		else
			fprintf(out, " \\\n\t\t'%u:%sargument: _virtualing_any ", i,
				i > (unsigned)command->args_min ? ":" : "");
		print_choices(out, words, count);
		fputc('\'', out);
	}
}

static void print_zsh(FILE *out, const struct command *table)
{
	struct option_shown option;

	fputs("#compdef virtualing\n\n_virtualing_commands=(\n", out);
	for (const struct command *c = table; c->name; c++) {
		fprintf(out, "\t'%s:", c->name);
		print_quoted(out, c->summary, "\\", "'\\''");
		fputs("'\n", out);
	}
	fputs(")\n_virtualing_keys=(", out);
	print_keys(out);
	fputs(")\n", out);
	for (const struct command *c = table; c->name; c++) {
		fprintf(out, "\n_virtualing_command_%s() {\n\t_arguments -s -S%s", c->name,
			c->options_first ? " -A '-*'" : "");
		for (size_t i = 0; options_at(c, i, &option); i++)
			print_zsh_option(out, &option);
		print_zsh_arguments(out, c);
		fputs("\n}\n", out);
	}
}

int complete_print(FILE *out, const char *shell, const struct command *table)
{
	static const struct {
		const char *name;
		void (*print)(FILE *out, const struct command *table);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(shells[i].name, shell) == 0) {
			shells[i].print(out, table);
			return 0;
		}
	return -1;
}
