/* virtualing attach */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "cli/start.h"
#include "sys/proc.h"

static int read_pids(json_t *document, char *const *words, pid_t *ret_first, struct err *e)
{
	json_t *list = json_array();
	uint64_t pid = 0;

	json_object_set_new(document, "attach", list);
	for (char *const *word = words; *word; word++) {
		if (parse_number(*word, SPEC_PID_MAX, &pid) < 0 || pid == 0)
			return err_set(e, EINVAL, "attach: \"%s\" is not the number of a process (see `ps -e`)", *word);
		json_array_append_new(list, json_integer((json_int_t)pid));
		if (word == words)
			*ret_first = (pid_t)pid;
	}
	return 0;
}

/* Moving processes between groups is root's; who is told so learns whose process it is, too. */
static int need_root(pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	if (geteuid() == 0)
		return 0;
	if (stat(path, &st) < 0)
		fprintf(stderr, "virtualing: attach: there is no process %d\n", (int)pid);
	else if (st.st_uid != geteuid())
		fprintf(stderr,
			"virtualing: attach: process %d belongs to user %u, and attach needs root: run it with sudo\n",
			(int)pid, (unsigned)st.st_uid);
	else
		fputs("virtualing: attach: needs root, for your own processes, too: run it with sudo\n", stderr);
	return -EPERM;
}

int cmd_attach(const struct options_values *own, json_t *document)
{
	char command[32];
	struct err e;
	pid_t first = 0;

	if (read_pids(document, own->args, &first, &e) < 0)
		return cli_fail(&e);
	if (need_root(first) < 0)
		return CLI_FAILED;
	proc_name(first, command, sizeof command);
	return start_described(document, command, first, options_get(own, "detach") != NULL);
}
