/* The commands of virtualing and their own options.  Parser, help, manual pages and completions follow from these rows
 * and from the table of keys (spec/spec.h). */
#include "cli/commands.h"

static const struct option_row json_option[] = {{0, "json", NULL, "print JSON"}, {0}};
static const struct option_row run_options[] = {
	{0, "detach", NULL, "return when it runs, and print its name; it goes on in the background"}, {0}};
static const struct option_row stop_options[] = {{0, "timeout", "SECONDS",
							 "how long it may take before everything in it is killed; "
							 "unless given, what its description says, or 10"},
	{0, "release", NULL, "end nobody: move attached processes back to where they came from"}, {0}};
static const struct option_row kill_options[] = {{'s', "signal", "SIGNAL", "name or number; TERM unless given"}, {0}};
static const struct option_row set_options[] = {
	{0, "force", NULL, "even if the kernel would kill for it, or the host would keep less than its reserve"}, {0}};
static const struct option_row events_options[] = {{'f', "follow", NULL, "go on, and print what happens"},
	{0, "json", NULL, "print JSON, one object a line"}, {0}};
static const struct option_row plot_options[] = {
	{'o', "output", "FILE", "where it goes; its ending says what it is: .svg, .png, .json, .csv"},
	{0, "json", NULL, "all samples and events as JSON"}, {0, "csv", NULL, "the same as one table"}, {0}};
static const struct option_row top_options[] = {{0, "once", NULL, "print one picture as text, and end"},
	{0, "interval", "SECONDS", "time between two looks; 0.3 unless given"}, {0}};
static const struct option_row gc_options[] = {{0, "dry-run", NULL, "only say what would be removed"}, {0}};

const struct command cli_commands[] = {
	{
		.name = "run",
		.args = "-- CMD [ARG...]",
		.summary = "run a command inside limits and walls given as options",
		.details = "Without --root there is no jail, only the cage (and the vip). Without any limit there is "
			   "still a cage: "
			   "it is what stop, show and gc hold on to.\n\n"
			   "`virtualing run FILE.rb` is the same as `virtualing FILE.rb`; there --detach and --log may "
			   "stand before it. Behind -- it is a command.",
		.status = "the command's own; 128+N if signal N ended it; 125 if virtualing itself failed before the "
			  "command ran, 126 if the command could not be executed, 127 if it was not found",
		.options = run_options,
		.use = USE_RUN,
		.args_min = 1,
		.args_max = -1,
		.options_first = true,
		.run = cmd_run,
	},
	{
		.name = "attach",
		.args = "PID...",
		.summary = "put a cage round running processes, and all that they start from then on",
		.details =
			"All their threads move at once. Memory that they have already stays charged to where it was; "
			"what they take from now on counts in the cage.\n\n"
			"It goes on until none of them is left, or until Ctrl-C, SIGTERM or `virtualing stop "
			"--release`: "
			"then everybody in the cage is moved back to where he came from. `virtualing stop` without "
			"that "
			"option ends them.",
		.status = "0 when they have been released or are gone (how they ended only their parents learn); 125 "
			  "when they could not be attached",
		.options = run_options,
		.use = USE_ATTACH,
		.args_min = 1,
		.args_max = -1,
		.run = cmd_attach,
	},
	{
		.name = "check",
		.args = "FILE.rb [ARG...]",
		.summary = "evaluate and validate a file; start nothing",
		.status = "0 when nothing is wrong; 125 otherwise",
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
		.name = "exec",
		.args = "NAME -- CMD [ARG...]",
		.summary = "run one more command inside the same cage and jail",
		.details =
			"It has the cage, the jail, the user, the limits and the environment that the virtual was "
			"described with, the caller's terminal or streams, and ends with the virtual at the latest, or "
			"when this client is killed.",
		.status = "the command's own; 128+N if signal N ended it; 125 if it could not be brought inside, 126 "
			  "if it could not be executed, 127 if it was not found",
		.args_min = 2,
		.args_max = -1,
		.options_first = true,
		.run = cmd_exec,
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
		.name = "pause",
		.args = "NAME",
		.summary = "stop everything in a virtual until it is resumed",
		.details = "Returns when everything inside has stopped. Signals wait until it is resumed; SIGKILL and "
			   "`virtualing stop` act at once, and end the pause.",
		.args_min = 1,
		.args_max = 1,
		.run = cmd_pause,
	},
	{
		.name = "resume",
		.args = "NAME",
		.summary = "let a paused virtual go on",
		.args_min = 1,
		.args_max = 1,
		.run = cmd_resume,
	},
	{
		.name = "set",
		.args = "NAME KEY=VALUE...",
		.options = set_options,
		.summary = "change limits of a running virtual, all or nothing",
		.details = "The keys are those of the limits: memory, memory_high, swap, oom_group, cpu, cpu_weight, "
			   "pids, io. A memory limit is lowered only as far as the kernel need not kill for it: what "
			   "can be reclaimed is "
			   "reclaimed first.",
		.args_min = 2,
		.args_max = -1,
		.run = cmd_set,
	},
	{
		.name = "events",
		.args = "[NAME]",
		.summary = "print what has happened: started, paused, grew, rescued, killed, exited",
		.options = events_options,
		.args_max = 1,
		.run = cmd_events,
	},
	{
		.name = "plot",
		.args = "NAME|RECORDING...",
		.summary = "draw a recording: memory against its limit, events, CPU, I/O, pressure",
		.details = "A recording is made by `run --record FILE`. It may be drawn while it is written, and after "
			   "its "
			   "supervisor was killed. Several recordings are drawn one over the other with the same axes. "
			   "Without -o the SVG, or with --json or --csv the figures, go to standard output.",
		.options = plot_options,
		.args_min = 1,
		.args_max = 16,
		.run = cmd_plot,
	},
	{
		.name = "top",
		.args = "[NAME]",
		.summary = "watch all virtuals, or one with its memory over time, on the terminal",
		.details = "Keys: up and down choose a virtual, Enter looks at it, o changes the order, p pauses, "
			   "r resumes, s stops, + and - and l change its memory limit, ? explains, q quits.\n\n"
			   "With --once the picture is as wide as COLUMNS says, or 80; what is counted per second is "
			   "counted over the interval.",
		.options = top_options,
		.args_max = 1,
		.run = cmd_top,
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
		.status = "0 when a command can be run in a cage; 125 when it cannot",
		.options = json_option,
		.run = cmd_doctor,
	},
	{0},
};
