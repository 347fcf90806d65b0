/* virtualing stop, kill, pause, resume: one request each. */
#include <stdio.h>

#include "base/parse.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "sys/proc.h"

enum {
	ANSWER_MS = 5000,
	SUPERVISOR_MS = 15000, /* what it needs beside the program's own time */
	STOP_TIMEOUT_S = 10,
	STOP_TIMEOUT_MAX_S = 24 * 3600
};

static int stop_virtual(const char *name, unsigned timeout_ms, bool release)
{
	struct err e;
	json_t *answer;

	if (remote_call(name,
		    json_pack("{s:s, s:i, s:b}", "op", "stop", "timeout_ms", (int)timeout_ms, "release", release),
		    (int)timeout_ms + SUPERVISOR_MS, &answer, &e) < 0)
		return cli_fail(&e);
	json_decref(answer);
	return 0;
}

int cmd_stop(const struct options_values *own, json_t *document)
{
	const char *text = options_get(own, "timeout");
	uint64_t seconds = STOP_TIMEOUT_S;

	if (text && parse_number(text, STOP_TIMEOUT_MAX_S, &seconds) < 0) {
		fprintf(stderr, "virtualing: stop: --timeout: \"%s\" is not a number of seconds up to %d\n", text,
			STOP_TIMEOUT_MAX_S);
		return CLI_FAILED;
	}
	return stop_virtual(own->args[0], (unsigned)seconds * 1000, options_get(own, "release") != NULL);
}

static int kill_virtual(const char *name, int signal)
{
	struct err e;
	json_t *answer;

	if (remote_call(name, json_pack("{s:s, s:i}", "op", "kill", "signal", signal), ANSWER_MS, &answer, &e) < 0)
		return cli_fail(&e);
	json_decref(answer);
	return 0;
}

int cmd_kill(const struct options_values *own, json_t *document)
{
	const char *text = options_get(own, "signal");
	int signal = proc_signal_number(text ? text : "TERM");

	if (signal < 0) {
		fprintf(stderr, "virtualing: kill: --signal: \"%s\" is not a signal: see `kill -l`\n", text);
		return CLI_FAILED;
	}
	return kill_virtual(own->args[0], signal);
}

static int ask(const char *name, const char *operation)
{
	struct err e;
	json_t *answer;

	if (remote_call(name, json_pack("{s:s}", "op", operation), ANSWER_MS, &answer, &e) < 0)
		return cli_fail(&e);
	json_decref(answer);
	return 0;
}

int cmd_pause(const struct options_values *own, json_t *document)
{
	return ask(own->args[0], "pause");
}

int cmd_resume(const struct options_values *own, json_t *document)
{
	return ask(own->args[0], "resume");
}
