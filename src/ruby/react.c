/* Blocks that wait for what happens to a virtual.  Most of it is written in Ruby (prelude.rb), which is evaluated when
 * a script asks for it first; here is what it stands on. */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/hash.h>
#include <mruby/string.h>

#include "base/own.h"
#include "prelude.h"
#include "ruby/ruby.h"

static const char *const of_prelude[] = {"on", "run_with_mem_eventfd", "run_with_mem_eventfd_loop", "memory", "cpu",
	"io", "pids", "stop", "kill", "signal"};
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
	mrb_value block;
	mrb_int count;

	mrb_get_args(mrb, "*&", &arguments, &count, &block);
	load_prelude(mrb);
	return mrb_funcall_with_block(mrb, self, name, count, arguments, block);
}

/* Plain C. The answer; or NULL and, in *text, why not: a Ruby text must be made by who can raise. */
static json_t *ask(struct host *h, mrb_state *mrb, const char *operation, const char *name, const char *key,
	mrb_value value, char *text, size_t size)
{
	json_t *request = json_pack("{s:s, s:s}", "op", operation, "name", name), *answer;
	const char *error;

	if (key)
		json_object_set_new(request, key, value_plain(mrb, value));
	answer = host_ask(h, request);
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

/* Virtual.__ask(operation, name [, key, value]) */
static mrb_value virtual_ask(mrb_state *mrb, mrb_value self)
{
	const char *operation, *name, *key = NULL;
	mrb_value value = mrb_nil_value(), result;
	struct conversion c;
	char text[512];
	mrb_bool failed;

	mrb_get_args(mrb, "zz|zo", &operation, &name, &key, &value);
	c.json = ask(host_of(mrb), mrb, operation, name, key, value, text, sizeof text);
	if (!c.json)
		mrb_raise(mrb, E_RUNTIME_ERROR, text);
	result = mrb_protect_error(mrb, convert, &c, &failed);
	json_decref(c.json);
	if (failed)
		mrb_exc_raise(mrb, result);
	return result;
}

void react_define(mrb_state *mrb, struct RClass *virtual_class)
{
	for (int i = 0; i < OF_PRELUDE; i++)
		mrb_define_method(mrb, virtual_class, of_prelude[i], by_prelude, MRB_ARGS_ANY());
	mrb_define_class_method(mrb, virtual_class, "__ask", virtual_ask, MRB_ARGS_ARG(2, 2));
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
