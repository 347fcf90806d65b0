/* What Debian's mruby lacks of Ruby's core: exit, exit!, abort, at_exit, sleep, warn; SystemCallError. */
#include <errno.h>
#include <math.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/error.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ruby/ruby.h"

/* ---- the end ---- */

/* Names without "@" cannot be reached from Ruby. */
static mrb_sym status_name(mrb_state *mrb)
{
	return mrb_intern_lit(mrb, "status");
}

static mrb_sym blocks_name(mrb_state *mrb)
{
	return mrb_intern_lit(mrb, "at_exit blocks");
}

/* Kept apart from the constant, to which a script may give another value. */
static mrb_sym class_name(mrb_state *mrb)
{
	return mrb_intern_lit(mrb, "exit class");
}

static struct RClass *exit_class(mrb_state *mrb)
{
	return mrb_class_ptr(mrb_iv_get(mrb, mrb_obj_value(mrb->kernel_module), class_name(mrb)));
}

/* exit, exit(3), exit(true) */
static int status_argument(mrb_state *mrb)
{
	mrb_value status = mrb_true_value();

	mrb_get_args(mrb, "|o", &status);
	if (mrb_true_p(status))
		return 0;
	if (mrb_false_p(status))
		return 1;
	return (int)(mrb_as_int(mrb, status) & 255);
}

static mrb_noreturn void raise_exit(mrb_state *mrb, int status)
{
	mrb_value e = mrb_exc_new_lit(mrb, exit_class(mrb), "exit");

	mrb_iv_set(mrb, e, status_name(mrb), mrb_fixnum_value(status));
	mrb_exc_raise(mrb, e);
}

static mrb_value kernel_exit(mrb_state *mrb, mrb_value self)
{
	raise_exit(mrb, status_argument(mrb));
}

/* Neither ensure nor at_exit. */
static mrb_value kernel_exit_now(mrb_state *mrb, mrb_value self)
{
	host_finish(host_of(mrb), status_argument(mrb));
}

static void complain(mrb_state *mrb, mrb_int count, const mrb_value *texts)
{
	mrb_funcall_argv(
		mrb, mrb_gv_get(mrb, mrb_intern_lit(mrb, "$stderr")), mrb_intern_lit(mrb, "puts"), count, texts);
}

static mrb_value kernel_abort(mrb_state *mrb, mrb_value self)
{
	mrb_value text = mrb_nil_value();

	mrb_get_args(mrb, "|S!", &text);
	if (!mrb_nil_p(text))
		complain(mrb, 1, &text);
	raise_exit(mrb, 1);
}

static mrb_value kernel_warn(mrb_state *mrb, mrb_value self)
{
	const mrb_value *texts;
	mrb_int count;

	mrb_get_args(mrb, "*", &texts, &count);
	if (count > 0)
		complain(mrb, count, texts);
	return mrb_nil_value();
}

static mrb_value exit_status(mrb_state *mrb, mrb_value self)
{
	mrb_value status = mrb_iv_get(mrb, self, status_name(mrb));

	return mrb_nil_p(status) ? mrb_fixnum_value(0) : status;
}

static mrb_value exit_is_success(mrb_state *mrb, mrb_value self)
{
	return mrb_bool_value(mrb_integer(exit_status(mrb, self)) == 0);
}

bool kernel_is_exit(mrb_state *mrb, mrb_value exception, int *ret_status)
{
	if (!mrb_obj_is_kind_of(mrb, exception, exit_class(mrb)))
		return false;
	*ret_status = (int)mrb_integer(exit_status(mrb, exception));
	return true;
}

static mrb_value blocks(mrb_state *mrb)
{
	return mrb_iv_get(mrb, mrb_obj_value(mrb->kernel_module), blocks_name(mrb));
}

static mrb_value kernel_at_exit(mrb_state *mrb, mrb_value self)
{
	mrb_value block, list = blocks(mrb);

	mrb_get_args(mrb, "&!", &block);
	if (mrb_nil_p(list)) {
		list = mrb_ary_new(mrb);
		mrb_iv_set(mrb, mrb_obj_value(mrb->kernel_module), blocks_name(mrb), list);
	}
	mrb_ary_push(mrb, list, block);
	return block;
}

bool kernel_has_at_exit(mrb_state *mrb)
{
	mrb_value list = blocks(mrb);

	return mrb_array_p(list) && RARRAY_LEN(list) > 0;
}

mrb_value kernel_next_at_exit(mrb_state *mrb)
{
	return kernel_has_at_exit(mrb) ? mrb_ary_pop(mrb, blocks(mrb)) : mrb_nil_value();
}

/* ---- time ---- */

/* As exactly as the clock can; while blocks may be called, to the millisecond. */
static void sleep_for(struct host *h, double seconds)
{
	struct timespec left = {.tv_sec = (time_t)seconds};

	if (h->watching && getpid() == h->pid) {
		host_sleep(h, seconds);
		return;
	}
	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* sleep(1.5); without a number for ever. Returns the seconds slept, rounded. */
static mrb_value kernel_sleep(mrb_state *mrb, mrb_value self)
{
	mrb_float seconds = 1e9;
	struct timespec before, after;

	mrb_get_args(mrb, "|f", &seconds);
	if (!(seconds >= 0))
		mrb_raise(mrb, E_ARGUMENT_ERROR, "time interval must not be negative");
	clock_gettime(CLOCK_MONOTONIC, &before);
	sleep_for(host_of(mrb), seconds < 1e9 ? seconds : 1e9);
	clock_gettime(CLOCK_MONOTONIC, &after);
	return mrb_fixnum_value(
		lround((double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9));
}

/* ---- refusals of the kernel ---- */

/* mruby calls this by name when a system call has failed and the class is there; without it, the exception would say
 * only which call it was. */
static mrb_value system_call_fail(mrb_state *mrb, mrb_value self)
{
	mrb_int code;
	mrb_value call = mrb_nil_value(), e;
	const char *words;

	mrb_get_args(mrb, "i|S", &code, &call);
	words = strerrordesc_np((int)code);
	e = mrb_exc_new_str(mrb, mrb_class_ptr(self),
		mrb_format(mrb, mrb_nil_p(call) ? "%s" : "%s - %v", words ? words : "unknown error", call));
	mrb_iv_set(mrb, e, mrb_intern_lit(mrb, "errno"), mrb_fixnum_value(code));
	mrb_exc_raise(mrb, e);
}

static mrb_value system_call_errno(mrb_state *mrb, mrb_value self)
{
	return mrb_iv_get(mrb, self, mrb_intern_lit(mrb, "errno"));
}

static const struct {
	const char *name;
	mrb_func_t function;
	mrb_aspec args;
} functions[] = {
	{"exit", kernel_exit, MRB_ARGS_OPT(1)},
	{"exit!", kernel_exit_now, MRB_ARGS_OPT(1)},
	{"abort", kernel_abort, MRB_ARGS_OPT(1)},
	{"at_exit", kernel_at_exit, MRB_ARGS_BLOCK()},
	{"warn", kernel_warn, MRB_ARGS_ANY()},
	{"sleep", kernel_sleep, MRB_ARGS_OPT(1)},
};

void kernel_define(mrb_state *mrb)
{
	struct RClass *c = mrb_define_class(mrb, "SystemExit", mrb->eException_class);
	struct RClass *call = mrb_define_class(mrb, "SystemCallError", mrb->eStandardError_class);

	mrb_iv_set(mrb, mrb_obj_value(mrb->kernel_module), class_name(mrb), mrb_obj_value(c));
	mrb_define_method(mrb, c, "status", exit_status, MRB_ARGS_NONE());
	mrb_define_method(mrb, c, "success?", exit_is_success, MRB_ARGS_NONE());
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		mrb_define_method(mrb, mrb->kernel_module, functions[i].name, functions[i].function, functions[i].args);
	mrb_define_class_method(mrb, call, "_sys_fail", system_call_fail, MRB_ARGS_ARG(1, 1));
	mrb_define_method(mrb, call, "errno", system_call_errno, MRB_ARGS_NONE());
}
