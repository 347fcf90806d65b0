/* Help, printed from the same tables that options are parsed with. */
#include <string.h>

#include "base/text.h"
#include "cli/options.h"

enum { WIDTH = 80, COLUMN_MAX = 30 };

/* Columns on the terminal: characters, not bytes. */
static int width_of(const char *text, size_t length)
{
	int width = 0;

	for (size_t at = 0; at < length; width++) {
		size_t bytes = text_character(text + at);

		at += bytes ? bytes : 1;
	}
	return width;
}

static void move_to(FILE *out, int from, int column)
{
	fprintf(out, "%*s", column > from ? column - from : 0, "");
}

/* Prints words from column `at` on, later lines from `indent` on, and ends the line. */
static void print_wrapped(FILE *out, const char *text, int at, int indent)
{
	bool first = true;

	while (*text) {
		size_t length = strcspn(text, " \n");
		int width = width_of(text, length);

		if (!first && at + 1 + width > WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			at = indent;
			first = true;
		}
		at += fprintf(out, "%s", first ? "" : " ");
		fwrite(text, 1, length, out);
		at += width;
		first = false;
		text += length;
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

static void print_row(FILE *out, const char *left, int column, const char *help)
{
	int width = width_of(left, strlen(left));

	fputs(left, out);
	if (width + 2 > column) {
		fputc('\n', out);
		width = 0;
	}
	move_to(out, width, column);
	print_wrapped(out, help, column, column);
}

/* The left side of a row: "  -f, --follow", "      --timeout S". */
struct left {
	char text[80];
};

static struct left left_of(const struct option_shown *option)
{
	struct left ret;
	int used = option->letter ? snprintf(ret.text, sizeof ret.text, "  -%c, ", option->letter)
				  : snprintf(ret.text, sizeof ret.text, "      ");

	snprintf(ret.text + used, sizeof ret.text - (size_t)used, "--%s%s%s", option->name, option->arg ? " " : "",
		option->arg ? option->arg : "");
	return ret;
}

static int widen(int column, const char *left)
{
	int width = width_of(left, strlen(left)) + 2;

	return width > column && width <= COLUMN_MAX ? width : column;
}

static int column_of(const struct command *command)
{
	struct option_shown option;
	int column = 0;

	for (size_t i = 0; options_at(command, i, &option); i++)
		column = widen(column, left_of(&option).text);
	return column;
}

static void print_options(FILE *out, const struct command *command)
{
	int column = column_of(command);
	const char *title = NULL;
	struct option_shown option;
	char help[512];

	for (size_t i = 0; options_at(command, i, &option); i++) {
		if (option.title != title)
			fprintf(out, "\n%s:\n", option.title);
		title = option.title;
		snprintf(help, sizeof help, "%s%s", option.help, option.repeats ? " (may be repeated)" : "");
		print_row(out, left_of(&option).text, column, help);
	}
}

static void print_paragraphs(FILE *out, const char *text)
{
	while (text) {
		const char *end = strstr(text, "\n\n");
		char paragraph[2048];

		snprintf(paragraph, sizeof paragraph, "%.*s", end ? (int)(end - text) : (int)strlen(text), text);
		fputc('\n', out);
		print_wrapped(out, paragraph, 0, 0);
		text = end ? end + 2 : NULL;
	}
}

void options_help(FILE *out, const struct command *command)
{
	bool has_options = command->options || command->use;

	fprintf(out, "Usage: virtualing %s%s%s%s\n\n", command->name, has_options ? " [OPTION...]" : "",
		*command->args ? " " : "", command->args);
	print_wrapped(out, command->summary, 0, 0);
	print_paragraphs(out, command->details);
	print_options(out, command);
	if (!command->status)
		return;
	fputs("\nExit status: ", out);
	print_wrapped(out, command->status, 13, 2);
}

static struct left left_of_command(const struct command *c)
{
	struct left ret;

	snprintf(ret.text, sizeof ret.text, "  %s %s", c->name, c->args);
	return ret;
}

void commands_help(FILE *out, const struct command *const *tables)
{
	int column = 0;

	for (int i = 0; tables[i]; i++)
		for (const struct command *c = tables[i]; c->name; c++)
			column = widen(column, left_of_command(c).text);
	for (int i = 0; tables[i]; i++) {
		if (i)
			fputc('\n', out);
		for (const struct command *c = tables[i]; c->name; c++)
			print_row(out, left_of_command(c).text, column, c->summary);
	}
}
