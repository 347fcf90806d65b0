/* The classes Virtual and Virtualing, which are one. */
#include <mruby.h>
#include <mruby/class.h>
#include <mruby/data.h>
#include <mruby/error.h>
#include <mruby/string.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ruby/ruby.h"
#include "run/blocks.h"
#include "sys/proc.h"

struct described {
	struct spec *spec; /* owned; NULL: it was wrong, and its faults have been said */
	int at;		   /* a line within the call that described it */
	int pid;
	bool started;
	json_t *blocks; /* that wait for what happens to it; owned; or NULL */
};

static void free_described(mrb_state *mrb, void *pointer)
{
	struct described *d = pointer;

	if (!d)
		return;
	spec_drop(&d->spec);
	json_decref(d->blocks);
	free(d);
}

static const mrb_data_type type = {"Virtual", free_described};

static struct described *get(mrb_state *mrb, mrb_value self)
{
	struct described *d = mrb_data_get_ptr(mrb, self, &type);

	if (!d)
		mrb_raise(mrb, E_ARGUMENT_ERROR, "a Virtual without a description");
	return d;
}

/* Plain C: owns the document while it is read. */
static void describe(mrb_state *mrb, struct described *d, mrb_value description)
{
	AUTO(faults_drop) struct faults f = FAULTS_NONE;
	struct host *h = host_of(mrb);
	json_t *document = value_document(mrb, description, &f);

	d->at = caller_line(mrb, h->file);
	d->spec = host_describe(h, d->at, document, &f);
	json_decref(document);
}

static mrb_value virtual_initialize(mrb_state *mrb, mrb_value self)
{
	struct described *d;
	mrb_value description;

	mrb_get_args(mrb, "o", &description);
	d = DATA_PTR(self);
	if (d)
		mrb_raise(mrb, E_RUNTIME_ERROR, "a Virtual is described once");
	d = calloc(1, sizeof *d);
	if (d) {
		mrb_data_init(self, d, &type);
		describe(mrb, d, description);
		return self;
	}
	mrb_exc_raise(mrb, mrb_obj_value(mrb->nomem_err));
}

/* 0, or the exit status of the failure. */
static int start(mrb_state *mrb, struct described *d)
{
	int status = d->spec ? host_start(host_of(mrb), d->at, d->spec, d->blocks, &d->pid) : STATUS_FAILED;

	d->started = status == 0;
	return status;
}

/* Takes no arguments; a block would never be called, which nobody should find out by waiting for it. */
static void take_nothing(mrb_state *mrb)
{
	mrb_value block;

	mrb_get_args(mrb, "&", &block);
	if (!mrb_nil_p(block))
		mrb_raise(mrb, E_ARGUMENT_ERROR, "a block is not called here; give it to run_with_mem_eventfd");
}

static mrb_value virtual_run(mrb_state *mrb, mrb_value self)
{
	struct described *d = get(mrb, self);
	int status;

	take_nothing(mrb);
	status = start(mrb, d);
	if (status == 0 && !host_of(mrb)->watching && caller_is_last(mrb))
		host_finish(host_of(mrb), STATUS_NONE); /* the supervisor needs us no longer */
	if (status == 0)
		status = host_wait(host_of(mrb), d->spec->name);
	return mrb_fixnum_value(status);
}

static mrb_value virtual_start(mrb_state *mrb, mrb_value self)
{
	struct described *d = get(mrb, self);

	take_nothing(mrb);
	start(mrb, d);
	return self;
}

static mrb_value virtual_wait(mrb_state *mrb, mrb_value self)
{
	struct described *d = get(mrb, self);
	struct host *h = host_of(mrb);

	take_nothing(mrb);
	if (d->started)
		return mrb_fixnum_value(host_wait(h, d->spec->name));
	if (h->wrong || !d->spec)
		return mrb_fixnum_value(STATUS_FAILED);
	mrb_raisef(mrb, E_RUNTIME_ERROR, "%s is not running: nothing to wait for", d->spec->name);
}

static mrb_value virtual_wait_for_all(mrb_state *mrb, mrb_value self)
{
	struct host *h = host_of(mrb);

	take_nothing(mrb);
	if (h->wrong)
		return mrb_fixnum_value(STATUS_FAILED);
	if (!h->watching && caller_is_last(mrb))
		host_finish(h, STATUS_NONE); /* the supervisor waits for all in any case */
	if (h->started == 0)
		return mrb_fixnum_value(h->status == STATUS_NONE ? 0 : h->status);
	return mrb_fixnum_value(host_wait(h, NULL));
}

static mrb_value virtual_name(mrb_state *mrb, mrb_value self)
{
	const struct described *d = get(mrb, self);

	return d->spec ? mrb_str_new_cstr(mrb, d->spec->name) : mrb_nil_value();
}

static mrb_value virtual_pid(mrb_state *mrb, mrb_value self)
{
	const struct described *d = get(mrb, self);

	return d->started && d->pid ? mrb_fixnum_value(d->pid) : mrb_nil_value();
}

/* What is expected, as JSON; where it cannot be that, as Ruby shows it: then it is wrong, and told so. May raise. */
static json_t *expected(mrb_state *mrb, mrb_value value)
{
	json_t *plain = value_plain(mrb, value);

	if (plain || mrb_nil_p(value))
		return plain;
	value = mrb_inspect(mrb, value);
	return json_stringn(RSTRING_PTR(value), (size_t)RSTRING_LEN(value));
}

/* Plain C. Here the line is known, and all that is wrong with a file shall be said before anything of it runs. */
static void add_block(mrb_state *mrb, struct described *d, json_t *block)
{
	struct host *h = host_of(mrb);
	struct err e;

	if (!d->blocks) {
		d->blocks = json_array();
		proc_stay_in_memory(); /* a program may be held until a block has run */
	}
	json_array_append_new(d->blocks, block);
	if (blocks_check_last(d->blocks, !d->spec || limits_bound_memory(&d->spec->limits), &e) < 0)
		host_say(h, caller_line(mrb, h->file), "", "", e.text, strlen(e.text), NULL);
}

/* __expect(id, type, value, once): the block of this id waits. */
static mrb_value virtual_expect(mrb_state *mrb, mrb_value self)
{
	struct described *d = get(mrb, self);
	mrb_value kind, value;
	mrb_bool once;
	json_t *name, *wanted;
	mrb_int id;

	mrb_get_args(mrb, "ioob", &id, &kind, &value, &once);
	if (d->started)
		mrb_raise(mrb, E_RUNTIME_ERROR, "it runs already: blocks are given before that");
	kind = mrb_obj_as_string(mrb, kind);
	wanted = expected(mrb, value);
	name = json_stringn(RSTRING_PTR(kind), (size_t)RSTRING_LEN(kind));
	add_block(mrb, d,
		json_pack("{s:i, s:o, s:b, s:o*}", "id", (int)id, "type", name ? name : json_string("?"), "once", once,
			"value", wanted));
	return self;
}

static const struct {
	const char *name;
	mrb_func_t function;
	mrb_aspec args;
} methods[] = {
	{"initialize", virtual_initialize, MRB_ARGS_REQ(1)},
	{"run", virtual_run, MRB_ARGS_NONE()},
	{"start", virtual_start, MRB_ARGS_NONE()},
	{"wait", virtual_wait, MRB_ARGS_NONE()},
	{"name", virtual_name, MRB_ARGS_NONE()},
	{"pid", virtual_pid, MRB_ARGS_NONE()},
	{"__expect", virtual_expect, MRB_ARGS_REQ(4)},
};

void virtual_define(mrb_state *mrb)
{
	struct RClass *c = mrb_define_class(mrb, "Virtual", mrb->object_class);

	MRB_SET_INSTANCE_TT(c, MRB_TT_DATA);
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		mrb_define_method(mrb, c, methods[i].name, methods[i].function, methods[i].args);
	mrb_define_class_method(mrb, c, "wait", virtual_wait_for_all, MRB_ARGS_NONE());
	react_define(mrb, c);
	mrb_define_global_const(mrb, "Virtualing", mrb_obj_value(c));
}
