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
	STOP_TIMEOUT_MAX_S = 24 * 3600
};

/* What its description gives it; -errno. */
static int own_time_ms(const char *name, struct err *e)
{
	json_t *virtual = remote_show(name, e);
	double seconds = json_number_value(json_object_get(json_object_get(virtual, "description"), "stop_timeout"));

	json_decref(virtual);
	return virtual ? (int)(seconds * 1000) : -e->code;
}

/* request: taken over.  time_ms: how long the virtual may take; the supervisor needs some more. */
static int stop_virtual(const char *name, json_t *request, int time_ms, struct err *e)
{
	json_t *answer;

	if (remote_call(name, request, time_ms + SUPERVISOR_MS, &answer, e) < 0)
		return cli_fail(e);
	json_decref(answer);
	return 0;
}

int cmd_stop(const struct options_values *own, json_t *document)
{
	const char *text = options_get(own, "timeout"), *name = own->args[0];
	bool release = options_get(own, "release") != NULL;
	uint64_t seconds;
	json_t *request;
	int time_ms;
	struct err e;

	if (text && parse_number(text, STOP_TIMEOUT_MAX_S, &seconds) < 0) {
		fprintf(stderr, "virtualing: stop: --timeout: \"%s\" is not a number of seconds up to %d\n", text,
			STOP_TIMEOUT_MAX_S);
		return CLI_FAILED;
	}
	time_ms = text ? (int)seconds * 1000 : own_time_ms(name, &e);
	if (time_ms < 0)
		return cli_fail(&e);
	request = json_pack("{s:s, s:b}", "op", "stop", "release", release);
	if (text) /* else the supervisor knows */
		json_object_set_new(request, "timeout_ms", json_integer(time_ms));
	return stop_virtual(name, request, time_ms, &e);
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
