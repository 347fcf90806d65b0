/* What is shown of a virtual: to `show`, and in its report. */
#include <stddef.h>
#include <unistd.h>

#include "run/virtual_private.h"

enum { PIDS_SHOWN = 1024 };

#define FIGURE(name) offsetof(struct cage_usage, name)

static const struct {
	const char *key;
	size_t at;
	bool reported; /* at the end, too */
} figures[] = {
	{"memory", FIGURE(memory_bytes), false},
	{"memory_peak", FIGURE(memory_peak_bytes), true},
	{"memory_limit", FIGURE(memory_limit_bytes), false},
	{"memory_anonymous", FIGURE(parts.anonymous_bytes), false},
	{"memory_file", FIGURE(parts.file_bytes), false},
	{"memory_shmem", FIGURE(parts.shmem_bytes), false},
	{"memory_kernel", FIGURE(parts.kernel_bytes), false},
	{"swap", FIGURE(swap_bytes), false},
	{"cpu_us", FIGURE(cpu_us), true},
	{"cpu_throttled_us", FIGURE(cpu_throttled_us), false},
	{"pids", FIGURE(pids), false},
	{"oom_kills", FIGURE(oom_kills), true},
	{"io_read", FIGURE(io_read_bytes), true},
	{"io_write", FIGURE(io_write_bytes), true},
};

static void add_figures(const struct virtual *v, bool report, json_t *o)
{
	struct cage_usage u;

	cage_usage(v->cage, &u);
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		if (!report || figures[i].reported)
			memory_set_known(
				o, figures[i].key, *(const uint64_t *)(const void *)((const char *)&u + figures[i].at));
}

static void add_limit(void *arg, const char *key, const char *file, const char *value)
{
	json_array_append_new(arg, json_pack("{s:s, s:s, s:s}", "key", key, "file", file, "value", value));
}

static json_t *pids_json(const struct virtual *v)
{
	pid_t pids[PIDS_SHOWN];
	ssize_t n = cage_pids(v->cage, pids, PIDS_SHOWN);
	json_t *list = json_array();

	for (ssize_t i = 0; i < n && i < PIDS_SHOWN; i++)
		json_array_append_new(list, json_integer(pids[i]));
	return list;
}

/* Of one that runs also whether it does not for the moment, and why. */
static const char *state_shown(const struct virtual *v)
{
	const char *of_memory = v->memory && v->state == VIRTUAL_RUNNING ? memory_state(v->memory) : NULL;

	if (virtual_is_paused(v))
		return "paused";
	return of_memory ? of_memory : virtual_state_names[v->state];
}

json_t *virtual_json(const struct virtual *v)
{
	json_t *limits = json_array();
	json_t *o =
		json_pack("{s:s, s:s, s:b, s:i, s:i, s:s, s:o, s:o}", "name", virtual_name(v), "state", state_shown(v),
			"paused", virtual_is_paused(v), "pid", (int)v->child.main_pid, "supervisor", (int)getpid(),
			"cgroup", cage_host_kind(v->owner->host), "limits", limits, "description", spec_json(v->spec));

	json_object_set(o, "counts", v->counts);
	if (v->started)
		json_object_set_new(o, "uptime_ms", json_integer((json_int_t)(loop_now_ms() - v->started_ms)));
	if (v->memory)
		json_object_set_new(o, "guard", memory_json(v->memory));
	if (v->cage) {
		cage_each(v->cage, add_limit, limits);
		json_object_set_new(o, "usage", json_object());
		add_figures(v, false, json_object_get(o, "usage"));
		json_object_set_new(o, "processes", pids_json(v));
	}
	return o;
}

/* ---- the report ---- */

json_t *virtual_limits(const struct spec *s)
{
	json_t *description = spec_json(s), *resource = json_incref(json_object_get(description, "resource"));

	json_decref(description);
	return resource;
}

void virtual_sum_up(struct virtual *v, json_t *end)
{
	bool began = v->started > 0;
	json_t *o = json_pack("{s:s, s:o*, s:o*, s:o*, s:o*, s:O}", "name", virtual_name(v), "started",
		began ? json_integer(v->started) : NULL, "seconds",
		began ? json_real((double)(loop_now_ms() - v->started_ms) / 1e3) : NULL, "limits_at_start",
		json_incref(v->limits_at_start), "limits_at_end", virtual_limits(v->spec), "events", v->counts);

	json_object_update_missing(o, end);
	json_decref(end);
	if (killed_all(v->killed))
		json_object_set_new(o, "killed", killed_json(killed_all(v->killed)));
	if (v->cage)
		add_figures(v, true, o);
	json_decref(v->summary);
	v->summary = o;
}
