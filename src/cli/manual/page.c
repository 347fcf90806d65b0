#include "cli/manual/page.h"

#include <string.h>

#include "base/own.h"
#include "cli/manual/prose.h"
#include "cli/manual/scd.h"
#include "cli/options.h"

static void print_title(FILE *out, const char *name, int section, const char *summary)
{
	fprintf(out, "%s(%d) \"virtualing " VERSION "\" \"virtualing\"\n\n# NAME\n\n%s - ", name, section, name);
	scd_text(out, summary);
	fputs("\n\n", out);
}

/* The description's paragraphs: the table's, then the hand-written ones. */
static void print_description(FILE *out, const char *summary, const char *details, const struct prose *prose)
{
	fputs("# DESCRIPTION\n\n", out);
	if (summary)
		scd_sentence(out, summary);
	if (details) {
		fputs("\n\n", out);
		scd_text(out, details);
	}
	fprintf(out, "\n\n%s\n", prose->description);
}

static void print_options(FILE *out, const struct command *command)
{
	const char *title = NULL;
	struct option_shown option;

	for (size_t i = 0; options_at(command, i, &option); i++) {
		if (!title)
			fputs("# OPTIONS\n\n", out);
		else if (option.title != title)
			fprintf(out, "## %s\n\n", option.title);
		title = option.title;
		if (option.letter)
			fprintf(out, "*-%c*, ", option.letter);
		fprintf(out, "*--%s*", option.name);
		if (option.arg) {
			fputc(' ', out);
			scd_args(out, option.arg);
		}
		fputs("\n\t", out);
		scd_sentence(out, option.help);
		fputs(option.repeats ? " May be repeated.\n\n" : "\n\n", out);
	}
}

static void print_status(FILE *out, const char *status)
{
	fputs("# EXIT STATUS\n\n", out);
	scd_sentence(out, status);
	fputs("\n\n", out);
}

/* What every page of a command has, unless its hand-written part says it otherwise. */
static void print_end(FILE *out, const struct prose *prose, const char *status, const char *see)
{
	const char *last = prose_section(prose, "SEE ALSO");
	size_t before = last ? (size_t)(last - prose->sections) : strlen(prose->sections);

	fprintf(out, "%.*s\n\n", (int)before, prose->sections);
	if (status)
		print_status(out, status);
	if (last)
		fputs(last, out);
	else
		fprintf(out, "# SEE ALSO\n\n%s\n", see);
}

int page_command(FILE *out, const struct command *command, const char *prose_directory)
{
	AUTO(prose_drop) struct prose prose;
	char name[64], file[64];

	snprintf(name, sizeof name, "virtualing-%s", command->name);
	snprintf(file, sizeof file, "%s.scd", command->name);
	if (prose_read(prose_directory, file, &prose) < 0)
		return -1;
	print_title(out, name, 1, command->summary);
	fprintf(out, "# SYNOPSIS\n\n*virtualing %s* [_OPTION_...]%s", command->name, *command->args ? " " : "");
	scd_args(out, command->args);
	fputs("\n\n", out);
	print_description(out, command->summary, command->details, &prose);
	print_options(out, command);
	print_end(out, &prose,
		command->status ? command->status
				: "0 when it is done; 125 when it is not, and a line on standard error says what was "
				  "attempted, and why it failed",
		"*virtualing*(1), *virtualing*(5)");
	return 0;
}

static void print_commands(FILE *out, const struct command *table)
{
	fputs("# COMMANDS\n\n*virtualing* _FILE.rb_ [_ARG_...]\n\tRun what the file describes: see "
	      "*virtualing*(5).\n\n",
		out);
	for (const struct command *c = table; c->name; c++) {
		fprintf(out, "*virtualing %s*%s", c->name, *c->args ? " " : "");
		scd_args(out, c->args);
		fputs("\n\t", out);
		scd_sentence(out, c->summary);
		fputs("\n\n", out);
	}
	fputs("*virtualing --help*\n\tList the commands. *virtualing* _COMMAND_ *--help* lists the options of one.\n\n"
	      "*virtualing --version*\n\tPrint the version.\n\n",
		out);
}

static void list_pages(FILE *out, const struct command *table)
{
	fputs("*virtualing*(5), *virtualing-load*(1)", out);
	for (const struct command *c = table; c->name; c++)
		fprintf(out, ", *virtualing-%s*(1)", c->name);
	fputc('\n', out);
}

int page_main(FILE *out, const struct command *table, const char *prose_directory)
{
	AUTO(prose_drop) struct prose prose;

	if (prose_read(prose_directory, "virtualing.scd", &prose) < 0)
		return -1;
	print_title(out, "virtualing", 1, "run programs inside walls described in a few lines of Ruby");
	fputs("# SYNOPSIS\n\n*virtualing* _FILE.rb_ [_ARG_...]++\n*virtualing* _COMMAND_ [_OPTION_...] [_ARG_...]\n\n",
		out);
	print_description(out, NULL, NULL, &prose);
	print_commands(out, table);
	print_end(out, &prose, NULL, "");
	list_pages(out, table);
	return 0;
}
