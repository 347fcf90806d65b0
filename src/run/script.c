#include "run/script.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/faults.h"
#include "base/own.h"
#include "run/say.h"
#include "sys/proc.h"

int script_start(char **argv, const struct spawn_origin *origin, struct spawned *ret, int *ret_socket, struct err *e)
{
	AUTO(fd_drop) int ours = -1;
	AUTO(fd_drop) int theirs = -1;
	AUTO(free_drop) char **args = NULL;
	char program[PATH_MAX];
	int pair[2], r = proc_find_program("virtualing-ruby", program, e);
	size_t count = 0;

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make the script host's socket");
	ours = pair[0];
	theirs = pair[1];
	while (argv[count])
		count++;
	args = calloc(count + 2, sizeof *args);
	if (!args)
		return err_set(e, ENOMEM, "out of memory");
	args[0] = program;
	memcpy(args + 1, argv, count * sizeof *args);
	r = spawn_program(program, args, theirs, origin, ret, e);
	if (r == 0)
		*ret_socket = fd_take(&ours);
	return r;
}

json_t *script_faults_json(const struct faults *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "section", f->list[i].section, "key",
						    f->list[i].key, "text", f->list[i].text));
	return list;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

void print_script_faults(const json_t *list)
{
	json_t *fault, *line;
	size_t i, j;

	json_array_foreach ((json_t *)list, i, fault) {
		struct fault f;
		char text[2048];

		snprintf(f.section, sizeof f.section, "%s", text_of(fault, "section"));
		snprintf(f.key, sizeof f.key, "%s", text_of(fault, "key"));
		snprintf(f.text, sizeof f.text, "%s", text_of(fault, "text"));
		fault_format(&f, text_of(fault, "file"), (unsigned)json_integer_value(json_object_get(fault, "line")),
			text, sizeof text);
		say_line(text);
		json_array_foreach (json_object_get(fault, "trace"), j, line) {
			snprintf(text, sizeof text, "\tfrom %s", json_string_value(line));
			say_line(text);
		}
	}
}
