#include "run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "jail/ids.h"
#include "run/exec_job.h"
#include "run/say.h"
#include "run/spawn.h"
#include "run/state.h"
#include "spec/spec.h"
#include "sys/proc.h"

enum { OWN_FAILURE = 125, SOON_MS = 500 };

struct entrance { /* what is needed to get in */
	json_t *state;
	struct spec *spec;
	int anchor; /* a pidfd: while this one lives, names and numbers in the state mean this virtual */
	pid_t child;
	struct cage_gate gate;
	struct ids ids;
	struct jail_rlimit limits[RLIM_NLIMITS];
	size_t limit_count;
};

static void entrance_drop(struct entrance *x)
{
	json_decref(x->state);
	spec_drop(&x->spec);
	fd_drop(&x->anchor);
	cage_gate_drop(&x->gate);
	ids_drop(&x->ids);
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* ---- who it is ---- */

static int over(const char *name, struct err *e)
{
	return err_set(e, ESRCH, "%s has ended", name);
}

static bool is_alive(const struct entrance *x, int patience_ms)
{
	struct pollfd p = {.fd = x->anchor, .events = POLLIN};

	return poll(&p, 1, patience_ms) == 0;
}

/* Whether that is why it went wrong.  A pid namespace takes nobody in any more (ENOMEM), and a cage is killed (ECHILD),
 * shortly before its first process has ended. */
static bool is_over(const struct entrance *x, int error)
{
	bool soon = error == ENOMEM || error == ECHILD;

	return error == ENODEV || error == ESRCH || !is_alive(x, soon ? SOON_MS : 0);
}

/* The child, which is also in the namespaces that there are to join: a supervisor may have another virtual of this name
 * by now.  Only what was attached has none. */
static int hold(struct entrance *x, const char *name, struct err *e)
{
	bool attached = x->spec->attach_count > 0;
	const char *who = attached ? "supervisor" : "child", *start = attached ? "supervisor_start" : "child_start";
	pid_t pid = (pid_t)number(x->state, who);

	if (pid <= 0)
		return err_set(
			e, EPROTO, "%s: its state does not say what `exec` needs: is it of another version?", name);
	x->anchor = pidfd_open(pid, 0);
	if (x->anchor < 0 && errno != ESRCH)
		return err_sys(e, "hold process %d of %s", (int)pid, name);
	if (x->anchor < 0 || proc_start_time(pid) != (uint64_t)number(x->state, start))
		return over(name, e);
	return 0;
}

static int read_description(struct entrance *x, const char *name, struct err *e)
{
	struct faults f = FAULTS_NONE;

	x->spec = spec_read(json_object_get(x->state, "description"), name, &f, NULL, NULL);
	if (!x->spec)
		err_set(e, EPROTO, "%s: its description cannot be read (%s): is it of another version?", name,
			f.count ? f.list[0].text : "");
	faults_drop(&f);
	return x->spec ? 0 : -e->code;
}

static int read_ids(struct entrance *x, struct err *e)
{
	const json_t *ids = json_object_get(x->state, "ids"), *groups = json_object_get(ids, "groups");
	const char *name = json_string_value(json_object_get(ids, "name"));
	const char *home = json_string_value(json_object_get(ids, "home"));
	size_t count = json_array_size(groups);

	if (!json_is_boolean(json_object_get(ids, "given")))
		return err_set(e, EPROTO, "its state does not say who it runs as: is it of another version?");
	x->ids = (struct ids){.given = json_is_true(json_object_get(ids, "given")),
		.uid = (uid_t)number(ids, "uid"),
		.gid = (gid_t)number(ids, "gid"),
		.group_count = count,
		.groups = calloc(count + 1, sizeof(gid_t)),
		.name = strdup(name ? name : ""),
		.home = strdup(home ? home : "")};
	if (!x->ids.groups || !x->ids.name || !x->ids.home)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		x->ids.groups[i] = (gid_t)json_integer_value(json_array_get(groups, i));
	return 0;
}

static int open_gate(struct entrance *x, struct err *e)
{
	json_t *row;
	size_t i;
	int r = 0;

	json_array_foreach (json_object_get(x->state, "gate"), i, row) {
		const char *path = json_string_value(json_object_get(row, "path"));

		if (r == 0 && path)
			r = cage_gate_add(&x->gate, path, json_is_true(json_object_get(row, "into")), e);
	}
	if (r == 0 && x->gate.into < 0 && !x->gate.tasks_count)
		return err_set(e, EPROTO, "its state names no group: is it of another version?");
	return r;
}

/* ---- what it has of its supervisor's, and the command is to have, too ---- */

/* A hard limit that is higher than ours we may be unable to have. */
static void read_limits(struct entrance *x, pid_t pid)
{
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		struct rlimit theirs, ours;

		if (prlimit(pid, (enum __rlimit_resource)i, NULL, &theirs) < 0 ||
			getrlimit((enum __rlimit_resource)i, &ours) < 0)
			continue;
		if (theirs.rlim_max > ours.rlim_max && prlimit(0, (enum __rlimit_resource)i, &theirs, NULL) < 0)
			theirs.rlim_max = ours.rlim_max;
		if (theirs.rlim_cur > theirs.rlim_max)
			theirs.rlim_cur = theirs.rlim_max;
		prlimit(0, (enum __rlimit_resource)i, &ours, NULL);
		x->limits[x->limit_count++] =
			(struct jail_rlimit){.resource = i, .soft = theirs.rlim_cur, .hard = theirs.rlim_max};
	}
}

/* So that the kernel would choose it no later than the others inside. To lower it may be forbidden. */
static void take_oom_score(pid_t pid)
{
	char path[64], text[16];
	AUTO(fd_drop) int from = -1;
	AUTO(fd_drop) int to = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
	from = open(path, O_RDONLY | O_CLOEXEC);
	n = from < 0 ? -1 : read(from, text, sizeof text);
	if (n > 0 && to >= 0 && write(to, text, (size_t)n) < 0)
		return;
}

/* Everything is read and opened while the virtual lives: then it was its own. */
static int open_entrance(struct entrance *x, const char *name, struct err *e)
{
	int r;

	*x = (struct entrance){.anchor = -1, .gate = CAGE_GATE_NONE};
	x->state = state_read(name, e);
	if (!x->state)
		return e->code == ENOENT ? over(name, e) : -e->code; /* it has been there a moment ago */
	r = read_description(x, name, e);
	if (r == 0)
		r = hold(x, name, e);
	if (r == 0)
		r = read_ids(x, e);
	if (r == 0)
		r = open_gate(x, e);
	x->child = (pid_t)number(x->state, "child");
	if (r == 0 && x->child > 0) {
		read_limits(x, x->child);
		take_oom_score(x->child);
	}
	return is_alive(x, 0) ? r : over(name, e);
}

/* ---- starting ---- */

static const char *const no_room = "the limit of processes (pids) of its cage is reached: see `virtualing set`";

static int start(struct entrance *x, const char *name, const struct jail_ready *jail, struct spawn_origin *origin,
	struct spawned *ret, int *ret_status, struct err *e)
{
	struct spawn what = {.jail = jail, .gate = &x->gate, .origin = origin, .apart = true};
	int r = spawn(&what, ret, ret_status, e);

	if (r == 0)
		return 0;
	if (r == -EAGAIN && *ret_status == OWN_FAILURE)
		return err_set(e, EAGAIN, "%s: %s", name, no_room);
	return is_over(x, -r) ? over(name, e) : r;
}

static int explain(struct entrance *x, const char *name, const struct jail_ready *jail, const struct report *failure)
{
	struct err e;
	int status = OWN_FAILURE;

	errno = failure->value;
	if (is_over(x, failure->value))
		over(name, &e);
	else if (failure->value == EAGAIN)
		err_set(&e, EAGAIN, "%s: %s", name, no_room);
	else if (failure->value)
		err_sys(&e, "start the command");
	else
		status = jail_explain(jail, &failure->why, &e) == -ENOENT ? 127 : 126;
	say(NULL, "%s", e.text);
	return status;
}

static int run(struct entrance *x, const char *name, const struct jail_ready *jail)
{
	AUTO(job_drop) struct job job;
	struct spawn_origin origin = {.init = -1, .policy = sched_getscheduler(0)};
	struct report failure;
	struct err e;
	int status = OWN_FAILURE, r = job_open(&job, &origin.mask, &e);

	if (r == 0)
		r = start(x, name, jail, &origin, &job.child, &status, &e);
	fd_drop(&origin.init);
	if (r < 0) {
		say(NULL, "%s", e.text);
		return status;
	}
	cage_gate_drop(&x->gate);
	return job_wait(&job, &status, &failure) ? status : explain(x, name, jail, &failure);
}

int exec_run(const char *name, char *const *argv)
{
	extern char **environ;
	AUTO(entrance_drop) struct entrance x;
	AUTO(jail_ready_drop) struct jail_ready *jail = NULL;
	struct err e;
	int r = open_entrance(&x, name, &e);

	if (r == 0)
		r = jail_prepare_to_join(
			&x.spec->jail, x.anchor, &x.ids, x.limits, x.limit_count, argv, environ, &jail, &e);
	if (r < 0) {
		say(NULL, "%s", e.text);
		return OWN_FAILURE;
	}
	return run(&x, name, jail);
}
