/* virtualing: finds the command that is meant, and runs it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"

static int fail(const char *text, const char *what)
{
	fprintf(stderr, "virtualing: %s%s\n", what, text);
	return CLI_FAILED;
}

/* What stands in the help beside the commands. */
static const struct command file[] = {
	{.name = "FILE.rb", .args = "[ARG...]", .summary = "run what the file describes"}, {0}};
static const struct command alone[] = {{.name = "-h, --help", .args = "", .summary = "show this help"},
	{.name = "--version", .args = "", .summary = "print the version"}, {0}};

static void print_help(FILE *out)
{
	fputs("Usage: virtualing FILE.rb [ARG...]\n"
	      "       virtualing COMMAND [OPTION...]\n\n"
	      "Runs programs inside walls described in a few lines of Ruby.\n\n",
		out);
	commands_help(out, (const struct command *const[]){file, cli_commands, alone, NULL});
	fputs("\n`virtualing COMMAND --help` says more about each.\n", out);
}

static int unknown(const char *name, const char *near)
{
	fprintf(stderr, "virtualing: unknown command %s", name);
	if (near)
		fprintf(stderr, " (did you mean %s?)", near);
	fputs(": see `virtualing --help`\n", stderr);
	return CLI_FAILED;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	json_t *document = json_object();
	struct options_values own;
	struct err e;
	int status;

	if (options_parse(command, argc, argv, document, &own, &e) < 0) {
		status = cli_fail(&e);
	} else if (own.help) {
		options_help(stdout, command);
		status = 0;
	} else {
		status = command->run(&own, document);
	}
	json_decref(document);
	return status;
}

/* A descriptor that is opened later must not become somebody's standard output; and what whoever called us has left
 * open (a shell's `> >(tee log)`) is not for us to hold, nor for a confined program to inherit. */
static int settle_descriptors(void)
{
	int fd;

	close_range(STDERR_FILENO + 1, ~0U, 0);
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int run_any(int argc, char **argv)
{
	const struct command *command;
	const char *near;
	size_t seed;

	/* 16 random bytes that the kernel has given us anyway; else jansson opens /dev/urandom (getauxval(3)). */
	memcpy(&seed, (const void *)getauxval(AT_RANDOM), sizeof seed); /* they stand at any address */
	json_object_seed(seed | 1);
	if (argc < 2) {
		print_help(stderr);
		return CLI_FAILED;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("virtualing " VERSION);
		return 0;
	}
	command = command_find(cli_commands, argv[1], &near);
	if (command)
		return run_command(command, argc - 1, argv + 1);
	if (!cli_is_file(argv[1]) && !strchr(argv[1], '/'))
		return unknown(argv[1], near);
	return cli_run_file(argv + 1);
}

int main(int argc, char **argv)
{
	int status;

	/* A root may have /proc/self/exe as its command: this program then runs inside, before anything else does, and
	 * its file is the host's.  What it starts there must not reach that through /proc/PID/exe. */
	prctl(PR_SET_DUMPABLE, 0);
	if (settle_descriptors() < 0)
		return fail(strerrordesc_np(errno), "open /dev/null: ");
	status = run_any(argc, argv);
	if (fflush(stdout) == EOF || ferror(stdout))
		return fail(strerrordesc_np(errno), "write to standard output: ");
	return status;
}
