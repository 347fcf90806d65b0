/* Blocks that wait for what happens to a virtual.  Most of it is written in Ruby (prelude.rb), which is evaluated when
 * a script asks for it first; here is what it stands on. */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <mruby/variable.h>

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "prelude.h"
#include "ruby/ruby.h"

static const char *const of_prelude[] = {"on", "run_with_mem_eventfd", "run_with_mem_eventfd_loop", "memory", "cpu",
	"io", "pids", "stop", "pause", "resume", "kill", "signal"};
enum { OF_PRELUDE = sizeof of_prelude / sizeof *of_prelude };

static void load_prelude(mrb_state *mrb)
{
	mrbc_context *context = mrbc_context_new(mrb);

	mrbc_filename(mrb, context, "virtualing");
	mrb_load_nstring_cxt(mrb, (const char *)prelude, sizeof prelude, context);
	mrbc_context_free(mrb, context);
	if (mrb->exc)
		mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
}

/* Stands in for each method of the prelude, which replaces it; then the call is made again. */
static mrb_value by_prelude(mrb_state *mrb, mrb_value self)
{
	mrb_sym name = mrb->c->ci->mid;
	const mrb_value *arguments;
	mrb_value block, kept;
	mrb_int count;

	mrb_get_args(mrb, "*&", &arguments, &count, &block);
	/* What is evaluated now takes our place on the stack: who is only there would be collected. */
	kept = mrb_ary_new_from_values(mrb, count, arguments);
	mrb_gc_protect(mrb, self);
	mrb_gc_protect(mrb, block);
	load_prelude(mrb);
	return mrb_funcall_with_block(mrb, self, name, RARRAY_LEN(kept), RARRAY_PTR(kept), block);
}

/* Plain C. The answer; or NULL and, in *text, why not: a Ruby text must be made by who can raise. */
static json_t *ask(mrb_state *mrb, const char *operation, const char *name, mrb_value more, char *text, size_t size)
{
	json_t *request = json_pack("{s:s, s:s}", "op", operation, "name", name), *given = value_plain(mrb, more),
	       *answer;
	const char *error;

	json_object_update_missing(request, given);
	json_decref(given);
	answer = host_ask(host_of(mrb), request);
	if (json_is_true(json_object_get(answer, "ok")))
		return answer;
	error = json_string_value(json_object_get(answer, "error"));
	snprintf(text, size, "%s", error ? error : "refused without a reason");
	json_decref(answer);
	return NULL;
}

struct conversion {
	json_t *json;
};

static mrb_value convert(mrb_state *mrb, void *arg)
{
	return value_ruby(mrb, ((struct conversion *)arg)->json);
}

/* Virtual.__ask(operation, name [, hash]) */
static mrb_value virtual_ask(mrb_state *mrb, mrb_value self)
{
	const char *operation, *name;
	mrb_value more = mrb_nil_value(), result;
	struct conversion c;
	char text[512];
	mrb_bool failed;

	mrb_get_args(mrb, "zz|H", &operation, &name, &more);
	c.json = ask(mrb, operation, name, more, text, sizeof text);
	if (!c.json)
		mrb_raise(mrb, E_RUNTIME_ERROR, text);
	result = mrb_protect_error(mrb, convert, &c, &failed);
	json_decref(c.json);
	if (failed)
		mrb_exc_raise(mrb, result);
	return result;
}

/* ---- what Ruby has no function for ---- */

static mrb_value check(mrb_state *mrb, int64_t result, const char *what)
{
	if (result < 0)
		mrb_sys_fail(mrb, what);
	return mrb_int_value(mrb, (mrb_int)result);
}

static mrb_value make_directory(mrb_state *mrb, mrb_value self)
{
	const char *path;

	mrb_get_args(mrb, "z", &path);
	return check(mrb, mkdir(path, 0755), path);
}

static mrb_value remove_directory(mrb_state *mrb, mrb_value self)
{
	const char *path;

	mrb_get_args(mrb, "z", &path);
	return check(mrb, rmdir(path), path);
}

static mrb_value make_eventfd(mrb_state *mrb, mrb_value self)
{
	mrb_int value, flags;

	mrb_get_args(mrb, "ii", &value, &flags);
	return check(mrb, eventfd((unsigned)value, (int)flags | EFD_CLOEXEC), "eventfd");
}

static mrb_value read_eventfd(mrb_state *mrb, mrb_value self)
{
	eventfd_t value = 0;
	mrb_int fd;

	mrb_get_args(mrb, "i", &fd);
	return check(mrb, eventfd_read((int)fd, &value) < 0 ? -1 : (int64_t)value, "read an eventfd");
}

static mrb_value write_eventfd(mrb_state *mrb, mrb_value self)
{
	mrb_int fd, value;

	mrb_get_args(mrb, "ii", &fd, &value);
	return check(mrb, eventfd_write((int)fd, (eventfd_t)value), "write an eventfd");
}

/* Not the one on which we speak with the supervisor. */
static mrb_value close_descriptor(mrb_state *mrb, mrb_value self)
{
	mrb_int fd;

	mrb_get_args(mrb, "i", &fd);
	errno = EBADF;
	return check(mrb, fd == host_of(mrb)->wire.fd ? -1 : close((int)fd), "close");
}

/* ---- constants of the prelude ---- */

static const char *const constants[] = {"Cgroup", "Eventfd", "MEMORY", "CPU", "CPUSET", "BLKIO", "Event"};
enum { CONSTANTS = sizeof constants / sizeof *constants };

static bool is_prelude_loaded(mrb_state *mrb)
{
	return mrb_const_defined(mrb, mrb_obj_value(mrb->object_class), mrb_intern_lit(mrb, "Cgroup"));
}

/* Asked for a constant that is not there: one of ours makes the prelude come. */
static mrb_value missing_constant(mrb_state *mrb, mrb_value self)
{
	mrb_sym name;

	mrb_get_args(mrb, "n", &name);
	for (int i = 0; i < CONSTANTS; i++)
		if (mrb_intern_cstr(mrb, constants[i]) == name && !is_prelude_loaded(mrb)) {
			load_prelude(mrb);
			return mrb_const_get(mrb, self, name);
		}
	mrb_name_error(mrb, name, "uninitialized constant %n", name);
}

static const struct {
	const char *name;
	mrb_func_t function;
	mrb_aspec args;
} helpers[] = {
	{"__ask", virtual_ask, MRB_ARGS_ARG(2, 1)},
	{"__mkdir", make_directory, MRB_ARGS_REQ(1)},
	{"__rmdir", remove_directory, MRB_ARGS_REQ(1)},
	{"__eventfd", make_eventfd, MRB_ARGS_REQ(2)},
	{"__eventfd_read", read_eventfd, MRB_ARGS_REQ(1)},
	{"__eventfd_write", write_eventfd, MRB_ARGS_REQ(2)},
	{"__close", close_descriptor, MRB_ARGS_REQ(1)},
};

void react_define(mrb_state *mrb, struct RClass *virtual_class)
{
	for (int i = 0; i < OF_PRELUDE; i++)
		mrb_define_method(mrb, virtual_class, of_prelude[i], by_prelude, MRB_ARGS_ANY());
	for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++)
		mrb_define_class_method(mrb, virtual_class, helpers[i].name, helpers[i].function, helpers[i].args);
	mrb_define_class_method(mrb, mrb->object_class, "const_missing", missing_constant, MRB_ARGS_REQ(1));
}

/* ---- an event ---- */

static mrb_value call_block(mrb_state *mrb, void *message)
{
	const json_t *m = message;
	mrb_value arguments[] = {mrb_fixnum_value((mrb_int)json_integer_value(json_object_get(m, "block"))),
		value_ruby(mrb, json_object_get(m, "event"))};

	return mrb_funcall_argv(
		mrb, mrb_obj_value(mrb_class_get(mrb, "Virtual")), mrb_intern_lit(mrb, "__event"), 2, arguments);
}

void react_run_block(struct host *h, const json_t *message)
{
	mrb_state *mrb = h->ruby;
	int arena = mrb_gc_arena_save(mrb), status;
	mrb_bool failed;
	mrb_value result = mrb_protect_error(mrb, call_block, (void *)message, &failed);

	if (failed && kernel_is_exit(mrb, result, &status))
		host_finish(h, status);
	if (failed)
		script_say_exception(mrb, result);
	mrb_gc_arena_restore(mrb, arena);
}
