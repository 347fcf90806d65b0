/* virtualing show */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote.h"

enum { UNIT_BYTES, UNIT_US, UNIT_COUNT };

static const struct usage_row {
	const char *key, *words;
	int unit;
} usage_rows[] = {
	{"memory", "memory", UNIT_BYTES},
	{"memory_peak", "memory, peak", UNIT_BYTES},
	{"memory_anonymous", "memory, anonymous", UNIT_BYTES},
	{"memory_file", "memory, of files", UNIT_BYTES},
	{"memory_shmem", "memory, shared", UNIT_BYTES},
	{"memory_kernel", "memory, the kernel's", UNIT_BYTES},
	{"swap", "swap", UNIT_BYTES},
	{"cpu_us", "CPU time", UNIT_US},
	{"cpu_throttled_us", "CPU time, throttled", UNIT_US},
	{"pids", "processes and threads", UNIT_COUNT},
	{"io_read", "read from disks", UNIT_BYTES},
	{"io_write", "written to disks", UNIT_BYTES},
	{"oom_kills", "killed for memory", UNIT_COUNT},
};

static void print_usage(const json_t *usage)
{
	for (size_t i = 0; i < sizeof usage_rows / sizeof *usage_rows; i++) {
		const struct usage_row *row = &usage_rows[i];
		const json_t *value = json_object_get(usage, row->key);
		uint64_t number = (uint64_t)json_integer_value(value);
		char text[32];

		if (!json_is_integer(value))
			continue;
		if (row->unit == UNIT_BYTES)
			print_size(text, sizeof text, number);
		else if (row->unit == UNIT_US)
			snprintf(text, sizeof text, "%.3f s", (double)number / 1e6);
		else
			snprintf(text, sizeof text, "%" PRIu64, number);
		printf("  %-22s %s\n", row->words, text);
	}
}

static void print_limits(const json_t *limits)
{
	json_t *l;
	size_t i;

	json_array_foreach ((json_t *)limits, i, l) {
		const char *value = json_string_value(json_object_get(l, "value"));

		printf("  %-12s %-28s %s\n", json_string_value(json_object_get(l, "key")), *value ? value : "-",
			json_string_value(json_object_get(l, "file")));
	}
}

static void print_processes(const json_t *pids)
{
	json_t *pid;
	size_t i;

	printf("  ");
	json_array_foreach ((json_t *)pids, i, pid)
		printf("%s%lld", i ? " " : "", (long long)json_integer_value(pid));
	putchar('\n');
}

static void print_counts(const char *name, const json_t *counts)
{
	const char *type, *between = "";
	json_t *count;

	printf("events (virtualing events %s):\n  ", name);
	json_object_foreach ((json_t *)counts, type, count) {
		printf("%s%lld %s", between, (long long)json_integer_value(count), type);
		between = ", ";
	}
	putchar('\n');
}

static void print_command(const json_t *description)
{
	json_t *word;
	size_t i;

	printf(json_object_get(description, "attach") ? "attached:" : "command:");
	json_array_foreach (json_object_get(description, "attach"), i, word)
		printf(" %lld", (long long)json_integer_value(word));
	json_array_foreach (json_object_get(json_object_get(description, "jail"), "cmnd"), i, word)
		printf(" %s", json_string_value(word));
	putchar('\n');
}

static void print_guard(const json_t *guard)
{
	const char *now = json_is_true(json_object_get(guard, "waits"))	  ? "; now it is stopped until there is room"
			  : json_is_true(json_object_get(guard, "holds")) ? "; now it is held"
									  : "";

	const char *promise = json_string_value(json_object_get(guard, "promise"));
	const char *why = json_string_value(json_object_get(guard, "why"));

	if (promise)
		printf("guard: %s: %s%s\n", json_string_value(json_object_get(guard, "mechanism")), promise, now);
	if (why)
		printf("  not better, for %s\n", why);
}

static void print_virtual(const json_t *v)
{
	const json_t *root = json_object_get(json_object_get(json_object_get(v, "description"), "jail"), "root");
	const json_t *vip = json_object_get(json_object_get(json_object_get(v, "description"), "ip"), "vip");

	printf("%s: %s, pid %lld, supervisor %lld, cgroup %s\n", json_string_value(json_object_get(v, "name")),
		json_string_value(json_object_get(v, "state")),
		(long long)json_integer_value(json_object_get(v, "pid")),
		(long long)json_integer_value(json_object_get(v, "supervisor")),
		json_string_value(json_object_get(v, "cgroup")));
	print_command(json_object_get(v, "description"));
	if (json_is_string(root))
		printf("root: %s\n", json_string_value(root));
	if (json_is_string(vip))
		printf("vip: %s on %s\n", json_string_value(vip),
			json_string_value(
				json_object_get(json_object_get(json_object_get(v, "description"), "ip"), "dev")));
	if (json_object_get(v, "guard"))
		print_guard(json_object_get(v, "guard"));
	printf("limits, as the kernel holds them:\n");
	print_limits(json_object_get(v, "limits"));
	printf("usage:\n");
	print_usage(json_object_get(v, "usage"));
	print_counts(json_string_value(json_object_get(v, "name")), json_object_get(v, "counts"));
	printf("processes:\n");
	print_processes(json_object_get(v, "processes"));
}

static int show_virtual(const char *name, bool json)
{
	struct err e;
	json_t *v = remote_show(name, &e);

	if (!v)
		return cli_fail(&e);
	if (json) {
		json_dumpf(v, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_virtual(v);
	}
	json_decref(v);
	return 0;
}

int cmd_show(const struct options_values *own, json_t *document)
{
	return show_virtual(own->args[0], options_get(own, "json") != NULL);
}
