/* virtualing top: executes virtualing-top, which needs a library that this program does not carry. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "sys/proc.h"

int cmd_top(const struct options_values *own, json_t *document)
{
	const char *interval = options_get(own, "interval");
	char program[PATH_MAX];
	const char *words[7];
	size_t count = 0;
	struct err e;

	if (cli_need_root() < 0)
		return CLI_FAILED;
	if (proc_find_program("virtualing-top", program, &e) < 0) {
		err_while(&e, "top needs a program that is built only where ncurses is (libncurses-dev)");
		return cli_fail(&e);
	}
	words[count++] = program;
	if (options_get(own, "once"))
		words[count++] = "--once";
	if (interval) {
		words[count++] = "--interval";
		words[count++] = interval;
	}
	words[count++] = "--";
	words[count++] = own->args[0];
	words[count] = NULL;
	execv(program, (char *const *)words);
	err_sys(&e, "execute %s", program);
	return cli_fail(&e);
}
