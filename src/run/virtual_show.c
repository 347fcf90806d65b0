/* What is shown of a virtual: to `show`, and in its report. */
#include <unistd.h>

#include "run/virtual_private.h"

enum { PIDS_SHOWN = 1024 };

static void set_known(json_t *o, const char *key, uint64_t value)
{
	if (value != UINT64_MAX)
		json_object_set_new(o, key, json_integer((json_int_t)value));
}

static void add_limit(void *arg, const char *key, const char *file, const char *value)
{
	json_array_append_new(arg, json_pack("{s:s, s:s, s:s}", "key", key, "file", file, "value", value));
}

static json_t *usage_json(const struct virtual *v)
{
	json_t *o = json_object();
	struct cage_usage u;

	cage_usage(v->cage, &u);
	set_known(o, "memory", u.memory_bytes);
	set_known(o, "memory_peak", u.memory_peak_bytes);
	set_known(o, "memory_limit", u.memory_limit_bytes);
	set_known(o, "swap", u.swap_bytes);
	set_known(o, "cpu_us", u.cpu_us);
	set_known(o, "cpu_throttled_us", u.cpu_throttled_us);
	set_known(o, "pids", u.pids);
	set_known(o, "oom_kills", u.oom_kills);
	set_known(o, "io_read", u.io_read_bytes);
	set_known(o, "io_write", u.io_write_bytes);
	return o;
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

json_t *virtual_json(const struct virtual *v)
{
	json_t *limits = json_array();
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:s, s:o, s:o}", "name", virtual_name(v), "state",
		virtual_state_names[v->state], "pid", (int)v->child.main_pid, "supervisor", (int)getpid(), "cgroup",
		cage_host_kind(v->owner->host), "limits", limits, "description", spec_json(v->spec));

	if (v->started)
		json_object_set_new(o, "uptime_ms", json_integer((json_int_t)(loop_now_ms() - v->started_ms)));
	if (v->memory)
		json_object_set_new(o, "guard", memory_json(v->memory));
	if (v->cage) {
		cage_each(v->cage, add_limit, limits);
		json_object_set_new(o, "usage", usage_json(v));
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
	struct cage_usage u;
	json_t *o = json_pack("{s:s, s:o, s:f, s:o*, s:o*, s:O}", "name", virtual_name(v), "started",
		json_integer(v->started), "seconds", (double)(loop_now_ms() - v->started_ms) / 1e3, "limits_at_start",
		json_incref(v->limits_at_start), "limits_at_end", virtual_limits(v->spec), "events", v->counts);

	json_object_update_missing(o, end);
	cage_usage(v->cage, &u);
	set_known(o, "cpu_us", u.cpu_us);
	set_known(o, "memory_peak", u.memory_peak_bytes);
	set_known(o, "io_read", u.io_read_bytes);
	set_known(o, "io_write", u.io_write_bytes);
	set_known(o, "oom_kills", u.oom_kills);
	json_decref(v->summary);
	v->summary = o;
}
