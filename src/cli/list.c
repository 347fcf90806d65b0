/* virtualing list */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "run/state.h"

static const char *size_of(const json_t *usage, const char *key, char *buffer, size_t size)
{
	const json_t *value = json_object_get(usage, key);

	return json_is_integer(value) ? print_size(buffer, size, (uint64_t)json_integer_value(value)) : "-";
}

#define ROW "%-24s %8s %9s %9s %9s %10s %8s %9s  %s\n"

/* Of one that has not answered no more is known than its name and state. */
static void print_unanswered(const json_t *v)
{
	printf(ROW, json_string_value(json_object_get(v, "name")), "-", "-", "-", "-", "-", "-", "-",
		json_string_value(json_object_get(v, "state")));
}

/* Kernels write "no limit" as a number near 2^63; the supervisor leaves it out. */
static void print_row(const json_t *v)
{
	const json_t *usage = json_object_get(v, "usage");
	char now[16], limit[16], peak[16], cpu[32] = "-", uptime[32];
	const json_t *cpu_us = json_object_get(usage, "cpu_us");
	const json_t *has_limit = json_object_get(usage, "memory_limit");
	json_int_t rescues = json_integer_value(json_object_get(json_object_get(v, "counts"), "rescued"));

	if (json_is_integer(cpu_us))
		snprintf(cpu, sizeof cpu, "%.2fs", (double)json_integer_value(cpu_us) / 1e6);
	printf("%-24s %8lld %9s %9s %9s %10s %8lld %9s  %s\n", json_string_value(json_object_get(v, "name")),
		(long long)json_integer_value(json_object_get(v, "pid")), size_of(usage, "memory", now, sizeof now),
		has_limit ? size_of(usage, "memory_limit", limit, sizeof limit) : "max",
		size_of(usage, "memory_peak", peak, sizeof peak), cpu, (long long)rescues,
		print_time(uptime, sizeof uptime, (uint64_t)json_integer_value(json_object_get(v, "uptime_ms"))),
		json_string_value(json_object_get(v, "state")));
}

/* What is shown of one that has not answered with v; NULL: it has gone meanwhile. */
static json_t *stand_in(const char *name, const struct err *e)
{
	if (e->code == ECONNREFUSED)
		return json_pack(
			"{s:s, s:s, s:i}", "name", name, "state", "crashed: `virtualing gc` removes it", "pid", 0);
	if (e->code == EAGAIN)
		return json_pack("{s:s, s:s, s:i}", "name", name, "state", "starting or stopping", "pid", 0);
	return e->code == ENOENT ? NULL : json_pack("{s:s, s:s, s:i}", "name", name, "state", e->text, "pid", 0);
}

/* NULL: one of them belongs to somebody else. */
static json_t *show_all(char *const *names, size_t count, struct err *e)
{
	AUTO(free_drop) json_t **shown = calloc(count + 1, sizeof *shown);
	AUTO(free_drop) struct err *errors = calloc(count + 1, sizeof *errors);
	json_t *all = json_array();
	bool denied = false;

	if (!shown || !errors)
		abort();
	remote_show_all(names, count, shown, errors);
	for (size_t i = 0; i < count; i++) {
		json_t *v = shown[i] ? shown[i] : stand_in(names[i], &errors[i]);

		if (v)
			json_array_append_new(all, v);
		if (!shown[i] && errors[i].code == EACCES && !denied) {
			denied = true;
			*e = errors[i];
		}
	}
	if (denied)
		json_decref(all);
	return denied ? NULL : all;
}

static void print_table(const json_t *all)
{
	const json_t *v;
	size_t i;

	printf(ROW, "NAME", "PID", "MEMORY", "LIMIT", "PEAK", "CPU", "RESCUES", "UPTIME", "STATE");
	json_array_foreach (all, i, v)
		if (json_object_get(v, "uptime_ms"))
			print_row(v);
		else
			print_unanswered(v);
}

static int list_virtuals(bool json)
{
	char **names;
	struct err e;
	ssize_t count = state_names(&names, &e);
	json_t *all;

	if (count < 0)
		return cli_fail(&e);
	all = show_all(names, (size_t)count, &e);
	for (ssize_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	if (!all)
		return cli_fail(&e);
	if (json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_table(all);
	}
	json_decref(all);
	return 0;
}

int cmd_list(const struct options_values *own, json_t *document)
{
	return list_virtuals(options_get(own, "json") != NULL);
}
