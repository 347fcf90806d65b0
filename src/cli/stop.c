/* virtualing stop, virtualing kill */
#include "cli/commands.h"
#include "cli/remote.h"

enum { ANSWER_MS = 5000, SUPERVISOR_MS = 15000 /* what it needs beside the program's own time */ };

int stop_virtual(const char *name, unsigned timeout_ms)
{
	struct err e;
	json_t *answer;

	if (remote_call(name, json_pack("{s:s, s:i}", "op", "stop", "timeout_ms", (int)timeout_ms),
		    (int)timeout_ms + SUPERVISOR_MS, &answer, &e) < 0)
		return cli_fail(&e);
	json_decref(answer);
	return 0;
}

int kill_virtual(const char *name, int signal)
{
	struct err e;
	json_t *answer;

	if (remote_call(name, json_pack("{s:s, s:i}", "op", "kill", "signal", signal), ANSWER_MS, &answer, &e) < 0)
		return cli_fail(&e);
	json_decref(answer);
	return 0;
}
