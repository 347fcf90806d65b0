/* virtualing: the commands and their options, and what each does with them. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "run/check.h"
#include "run/doctor.h"
#include "run/gc.h"
#include "run/supervisor.h"
#include "sys/proc.h"

enum { EXIT_OWN_FAILURE = 125, STOP_TIMEOUT_S = 10, STOP_TIMEOUT_MAX_S = 24 * 3600 };

static int fail(const char *text, const char *what)
{
	fprintf(stderr, "virtualing: %s%s\n", what, text);
	return EXIT_OWN_FAILURE;
}

/* Everything but `check` and the help needs it; better one sentence now than EACCES from somewhere deep. */
static int need_root(void)
{
	return geteuid() == 0 ? 0 : fail("needs root: run it with sudo", "");
}

static bool ends_in_rb(const char *name)
{
	size_t length = strlen(name);

	return length > 3 && strcmp(name + length - 3, ".rb") == 0;
}

/* A virtual without --name is called after its command and our pid: "sleep-4711". */
static void make_name(const char *command, char *ret, size_t size)
{
	const char *base = strrchr(command, '/');
	size_t used = 0;

	for (base = base ? base + 1 : command; *base && used < 40; base++)
		if (isalnum((unsigned char)*base) || (used && strchr("._-", *base)))
			ret[used++] = *base;
	snprintf(ret + used, size - used, "%s%d", used ? "-" : "run-", (int)getpid());
}

static int run_options(const struct options_values *own, json_t *document)
{
	struct faults faults = FAULTS_NONE;
	struct spec *spec;
	struct err e;
	char name[64];

	make_name(own->args[0], name, sizeof name);
	if (spec_command(document, own->args, &e) < 0)
		return cli_fail(&e);
	spec = spec_read(document, name, &faults, NULL, NULL);
	if (!spec) {
		supervisor_print_faults(NULL, &faults);
		faults_drop(&faults);
		return EXIT_OWN_FAILURE;
	}
	return supervisor_run(spec);
}

/* `run FILE.rb` and `run -- CMD`: a file ends in .rb, and has no options beside it. */
static int cmd_run(const struct options_values *own, json_t *document)
{
	if (need_root())
		return EXIT_OWN_FAILURE;
	if (ends_in_rb(own->args[0]) && json_object_size(document) == 0)
		return supervisor_run_file(own->args);
	return run_options(own, document);
}

static int cmd_check(const struct options_values *own, json_t *document)
{
	return check_run(own->args, options_get(own, "json") != NULL);
}

static int cmd_list(const struct options_values *own, json_t *document)
{
	return list_virtuals(options_get(own, "json") != NULL);
}

static int cmd_show(const struct options_values *own, json_t *document)
{
	return show_virtual(own->args[0], options_get(own, "json") != NULL);
}

static int cmd_stop(const struct options_values *own, json_t *document)
{
	const char *text = options_get(own, "timeout");
	uint64_t seconds = STOP_TIMEOUT_S;

	if (text && parse_number(text, STOP_TIMEOUT_MAX_S, &seconds) < 0) {
		fprintf(stderr, "virtualing: stop: --timeout: \"%s\" is not a number of seconds up to %d\n", text,
			STOP_TIMEOUT_MAX_S);
		return EXIT_OWN_FAILURE;
	}
	return stop_virtual(own->args[0], (unsigned)seconds * 1000);
}

static int cmd_kill(const struct options_values *own, json_t *document)
{
	const char *text = options_get(own, "signal");
	int signal = proc_signal_number(text ? text : "TERM");

	if (signal < 0) {
		fprintf(stderr, "virtualing: kill: --signal: \"%s\" is not a signal: see `kill -l`\n", text);
		return EXIT_OWN_FAILURE;
	}
	return kill_virtual(own->args[0], signal);
}

static int cmd_set(const struct options_values *own, json_t *document)
{
	return set_virtual(own->args[0], own->args + 1, options_get(own, "force") != NULL);
}

static int cmd_events(const struct options_values *own, json_t *document)
{
	return events_of(own->args[0], options_get(own, "follow") != NULL, options_get(own, "json") != NULL);
}

static int cmd_gc(const struct options_values *own, json_t *document)
{
	return need_root() ? EXIT_OWN_FAILURE : gc_run(options_get(own, "dry-run") != NULL);
}

static int cmd_doctor(const struct options_values *own, json_t *document)
{
	return doctor_run(options_get(own, "json") != NULL);
}

static const struct option_row json_option[] = {{0, "json", NULL, "print JSON"}, {0}};
static const struct option_row stop_options[] = {
	{0, "timeout", "SECONDS", "how long it may take before everything in it is killed; 10 unless given"}, {0}};
static const struct option_row kill_options[] = {{'s', "signal", "SIGNAL", "name or number; TERM unless given"}, {0}};
static const struct option_row set_options[] = {
	{0, "force", NULL, "even if the kernel would kill for it, or the host would keep less than its reserve"}, {0}};
static const struct option_row events_options[] = {{'f', "follow", NULL, "go on, and print what happens"},
	{0, "json", NULL, "print JSON, one object a line"}, {0}};
static const struct option_row gc_options[] = {{0, "dry-run", NULL, "only say what would be removed"}, {0}};

static const struct command commands[] = {
	{
		.name = "run",
		.args = "-- CMD [ARG...]",
		.summary = "run a command inside limits and walls given as options",
		.details = "Without --root there is no jail, only the cage (and the vip). Without any limit there is "
			   "still a cage: "
			   "it is what stop, show and gc hold on to.\n\n"
			   "The exit status is the command's; 128+N if signal N ended it; 125 if virtualing itself "
			   "failed, 126 if the "
			   "command could not be executed, 127 if it was not found.\n\n"
			   "`virtualing run FILE.rb` is the same as `virtualing FILE.rb`.",
		.use = USE_RUN,
		.args_min = 1,
		.args_max = -1,
		.options_first = true,
		.run = cmd_run,
	},
	{
		.name = "check",
		.args = "FILE.rb [ARG...]",
		.summary = "evaluate and validate a file; start nothing",
		.options = json_option,
		.args_min = 1,
		.args_max = -1,
		.run = cmd_check,
	},
	{.name = "list", .args = "", .summary = "list the running virtuals", .options = json_option, .run = cmd_list},
	{
		.name = "show",
		.args = "NAME",
		.summary = "show every limit with the kernel file that holds it, usage and processes",
		.options = json_option,
		.args_min = 1,
		.args_max = 1,
		.run = cmd_show,
	},
	{
		.name = "stop",
		.args = "NAME",
		.summary = "end a virtual: SIGTERM, then SIGKILL to the whole cage",
		.options = stop_options,
		.args_min = 1,
		.args_max = 1,
		.run = cmd_stop,
	},
	{
		.name = "kill",
		.args = "NAME",
		.summary = "send one signal to the main process of a virtual",
		.options = kill_options,
		.args_min = 1,
		.args_max = 1,
		.run = cmd_kill,
	},
	{
		.name = "set",
		.args = "NAME KEY=VALUE...",
		.options = set_options,
		.summary = "change limits of a running virtual, all or nothing",
		.details =
			"The keys are those of the limits: memory, memory_high, swap, cpu, cpu_weight, pids. A memory "
			"limit is lowered only as far as the kernel need not kill for it: what can be reclaimed is "
			"reclaimed first.",
		.args_min = 2,
		.args_max = -1,
		.run = cmd_set,
	},
	{
		.name = "events",
		.args = "[NAME]",
		.summary = "print what has happened: started, grew, rescued, killed, exited",
		.options = events_options,
		.args_max = 1,
		.run = cmd_events,
	},
	{
		.name = "gc",
		.args = "",
		.summary = "remove what killed supervisors left behind",
		.options = gc_options,
		.run = cmd_gc,
	},
	{
		.name = "doctor",
		.args = "",
		.summary = "try what this host can do, and say why not",
		.options = json_option,
		.run = cmd_doctor,
	},
	{0},
};

static void print_help(FILE *out)
{
	fputs("Usage: virtualing FILE.rb [ARG...]\n"
	      "       virtualing COMMAND [OPTION...]\n\n"
	      "Runs programs inside walls described in a few lines of Ruby.\n\n"
	      "  FILE.rb [ARG...]        run what the file describes\n",
		out);
	commands_help(out, commands);
	fputs("\n`virtualing COMMAND --help` says more about each.\n", out);
}

static int unknown(const char *name, const char *near)
{
	fprintf(stderr, "virtualing: unknown command %s", name);
	if (near)
		fprintf(stderr, " (did you mean %s?)", near);
	fputs(": see `virtualing --help`\n", stderr);
	return EXIT_OWN_FAILURE;
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
		return EXIT_OWN_FAILURE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("virtualing " VERSION);
		return 0;
	}
	command = command_find(commands, argv[1], &near);
	if (command)
		return run_command(command, argc - 1, argv + 1);
	if (!ends_in_rb(argv[1]) && !strchr(argv[1], '/'))
		return unknown(argv[1], near);
	return need_root() ? EXIT_OWN_FAILURE : supervisor_run_file(argv + 1);
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
