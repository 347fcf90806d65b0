#include "run/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/own.h"
#include "cage/cage.h"
#include "run/say.h"
#include "run/script.h"
#include "run/virtual.h"
#include "sys/wire.h"

enum { EXIT_OWN_FAILURE = 125, SEND_TIMEOUT_MS = 5000 };

struct check {
	struct wire wire;
	struct cage_host *host;
	bool json;
	json_t *virtuals, *faults, *warnings;
	json_t *running; /* names of those that would have been started, and whose end nothing has waited for */
	bool finished;
	int status;
};

static void keep_note(void *arg, const char *text)
{
	struct check *c = arg;

	json_array_append_new(c->warnings, json_string(text));
	if (!c->json)
		say(NULL, "%s", text);
}

/* In a real run the first may have ended by itself, or not: a file that goes by that works some times. */
static json_t *start(struct check *c, const struct spec *spec)
{
	struct err e;

	if (json_object_get(c->running, spec->name)) {
		err_set(&e, EBUSY,
			"a virtual called %s has been started before, and nothing has waited for its end: wait for it, "
			"or choose another name",
			spec->name);
		return json_pack("{s:b, s:s, s:i}", "ok", 0, "error", e.text, "status", EXIT_OWN_FAILURE);
	}
	json_object_set_new(c->running, spec->name, json_true());
	return json_pack("{s:b, s:s, s:i}", "ok", 1, "name", spec->name, "pid", 0);
}

/* What a supervisor would answer to a start that goes well, or to one that is refused. When something is wrong already
 * the script host only has descriptions looked at, and waits for nobody. */
static json_t *examine(struct check *c, const json_t *request, bool starts)
{
	struct faults faults = FAULTS_NONE;
	AUTO(spec_drop)
	struct spec *spec = spec_read(json_object_get(request, "spec"),
		json_string_value(json_object_get(request, "default_name")), &faults, keep_note, c);
	json_t *reply;

	if (spec)
		virtual_check(c->host, spec, &faults, keep_note, c, NULL);
	if (faults.count) {
		reply = json_pack("{s:b, s:s, s:i, s:o}", "ok", 0, "error", "the description is wrong", "status",
			EXIT_OWN_FAILURE, "faults", script_faults_json(&faults));
	} else {
		reply = starts ? start(c, spec) : json_pack("{s:b}", "ok", 1);
		json_array_append_new(c->virtuals, spec_json(spec));
	}
	faults_drop(&faults);
	return reply;
}

/* Of one, or of all. */
static json_t *end(struct check *c, const char *name)
{
	if (name)
		json_object_del(c->running, name);
	else
		json_object_clear(c->running);
	return json_pack("{s:b, s:i}", "ok", 1, "status", 0);
}

static json_t *reply_to(struct check *c, const json_t *request)
{
	const char *op = json_string_value(json_object_get(request, "op"));

	if (op && (strcmp(op, "start") == 0 || strcmp(op, "check") == 0))
		return examine(c, request, strcmp(op, "start") == 0);
	if (op && (strcmp(op, "wait") == 0 || strcmp(op, "stop") == 0))
		return end(c, json_string_value(json_object_get(request, "name")));
	if (op && strcmp(op, "faults") == 0) {
		json_array_extend(c->faults, json_object_get(request, "list"));
		return NULL;
	}
	if (op && strcmp(op, "finish") == 0) {
		c->finished = true;
		c->status = (int)json_integer_value(json_object_get(request, "status"));
		return NULL;
	}
	return json_pack("{s:b, s:s}", "ok", 0, "error", "not while checking");
}

static int serve(struct check *c, struct err *e)
{
	while (!c->finished) {
		json_t *request, *reply;
		int r = wire_receive(&c->wire, -1, &request, e);

		if (r < 0)
			return err_while(e, "the script host ended in the middle of the file");
		reply = reply_to(c, request);
		if (reply && json_object_get(request, "id"))
			json_object_set(reply, "id", json_object_get(request, "id"));
		json_decref(request);
		if (reply)
			r = wire_send(&c->wire, reply, SEND_TIMEOUT_MS, e);
		json_decref(reply);
		if (r < 0)
			return r;
	}
	return 0;
}

static int evaluate(struct check *c, char **argv, struct err *e)
{
	struct spawned script;
	struct spawn_origin origin = {.nofile.rlim_cur = 0};
	int socket, r = cage_host_open("/proc/self/mountinfo", &c->host, e);

	sigprocmask(SIG_BLOCK, NULL, &origin.mask);
	if (r == 0)
		r = script_start(argv, &origin, &script, &socket, e);
	if (r < 0)
		return r;
	wire_init(&c->wire, socket);
	r = serve(c, e);
	wire_drop(&c->wire);
	waitid(P_PIDFD, (id_t)script.pidfd, &(siginfo_t){0}, WEXITED);
	fd_drop(&script.pidfd);
	fd_drop(&script.report);
	return r;
}

static void print(const struct check *c, const char *file)
{
	if (c->json) {
		json_t *all = json_pack("{s:b, s:O, s:O, s:O}", "ok", json_array_size(c->faults) == 0, "virtuals",
			c->virtuals, "faults", c->faults, "warnings", c->warnings);

		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
		return;
	}
	print_script_faults(c->faults);
	if (json_array_size(c->faults) == 0)
		printf("%s: %zu virtual%s, nothing wrong\n", file, json_array_size(c->virtuals),
			json_array_size(c->virtuals) == 1 ? "" : "s");
}

int check_run(char **argv, bool json)
{
	struct check c = {.wire.fd = -1,
		.json = json,
		.virtuals = json_array(),
		.faults = json_array(),
		.warnings = json_array(),
		.running = json_object()};
	struct err e;
	int r = evaluate(&c, argv, &e);
	int status = r < 0 || json_array_size(c.faults) ? EXIT_OWN_FAILURE : 0;

	if (r < 0)
		say(NULL, "%s", e.text);
	else
		print(&c, argv[0]);
	json_decref(c.virtuals);
	json_decref(c.faults);
	json_decref(c.warnings);
	json_decref(c.running);
	cage_host_drop(&c.host);
	return status;
}
