/* Prints what is made from the tables of commands, options and keys while building:
 *
 *     tables page PROSE              virtualing(1), as source for scdoc; PROSE is the folder of hand-written parts
 *     tables page PROSE COMMAND      virtualing-COMMAND(1)
 *     tables file PROSE              virtualing(5)
 *     tables complete SHELL HALF     a completion: the tables, then HALF, what is hand-written
 */
#include <errno.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/manual/complete.h"
#include "cli/manual/page.h"

static int print_page(int argc, char **argv)
{
	const struct command *command;
	const char *near;

	if (argc == 3)
		return page_main(stdout, cli_commands, argv[2]);
	command = command_find(cli_commands, argv[3], &near);
	if (command)
		return page_command(stdout, command, argv[2]);
	fprintf(stderr, "tables: there is no command %s\n", argv[3]);
	return -1;
}

static int append(const char *path)
{
	char buffer[4096];
	FILE *file = fopen(path, "re");
	size_t size;
	bool failed = !file;

	while (file && (size = fread(buffer, 1, sizeof buffer, file)))
		fwrite(buffer, 1, size, stdout);
	if (file) {
		failed = ferror(file);
		fclose(file);
	}
	if (failed)
		fprintf(stderr, "tables: read %s: %s\n", path, strerror(errno));
	return failed ? -1 : 0;
}

static int print(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (strcmp(what, "page") == 0)
		return print_page(argc, argv);
	if (strcmp(what, "file") == 0)
		return page_file(stdout, argv[2]);
	if (strcmp(what, "complete") == 0 && argc > 3 && complete_print(stdout, argv[2], cli_commands) == 0)
		return append(argv[3]);
	fputs("tables: page PROSE [COMMAND] | file PROSE | complete bash|zsh|fish HALF\n", stderr);
	return -1;
}

int main(int argc, char **argv)
{
	int r = print(argc, argv);

	if (fflush(stdout) == EOF || ferror(stdout)) {
		fprintf(stderr, "tables: write: %s\n", strerror(errno));
		return 1;
	}
	return r < 0;
}
