/* Other programs: system, Process, Process::Status. Backquotes and IO.popen are mruby's.
 *
 * Programs started here run outside of every cage and jail, as the script does.  They get neither our socket (it is
 * closed on exec) nor our deafness to the terminal's signals (main.c catches those instead of ignoring them, and exec
 * resets what is caught).
 */
#include <errno.h>
#include <mruby.h>
#include <mruby/class.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ruby/ruby.h"

enum { NOT_FOUND = 127 };

/* ---- Process::Status, what $? holds ---- */

static int status_of(mrb_state *mrb, mrb_value self)
{
	return (int)mrb_integer(mrb_iv_get(mrb, self, mrb_intern_lit(mrb, "@status")));
}

static mrb_value status_initialize(mrb_state *mrb, mrb_value self)
{
	mrb_int pid, status;

	mrb_get_args(mrb, "ii", &pid, &status);
	mrb_iv_set(mrb, self, mrb_intern_lit(mrb, "@pid"), mrb_fixnum_value(pid));
	mrb_iv_set(mrb, self, mrb_intern_lit(mrb, "@status"), mrb_fixnum_value(status));
	return self;
}

static mrb_value status_pid(mrb_state *mrb, mrb_value self)
{
	return mrb_iv_get(mrb, self, mrb_intern_lit(mrb, "@pid"));
}

static mrb_value status_to_i(mrb_state *mrb, mrb_value self)
{
	return mrb_fixnum_value(status_of(mrb, self));
}

static mrb_value status_exitstatus(mrb_state *mrb, mrb_value self)
{
	int status = status_of(mrb, self);

	return WIFEXITED(status) ? mrb_fixnum_value(WEXITSTATUS(status)) : mrb_nil_value();
}

static mrb_value status_termsig(mrb_state *mrb, mrb_value self)
{
	int status = status_of(mrb, self);

	return WIFSIGNALED(status) ? mrb_fixnum_value(WTERMSIG(status)) : mrb_nil_value();
}

static mrb_value status_is_success(mrb_state *mrb, mrb_value self)
{
	int status = status_of(mrb, self);

	return WIFEXITED(status) ? mrb_bool_value(WEXITSTATUS(status) == 0) : mrb_nil_value();
}

/* $? == 0 */
static mrb_value status_equal(mrb_state *mrb, mrb_value self)
{
	mrb_value other = mrb_get_arg1(mrb);

	if (mrb_obj_is_kind_of(mrb, other, mrb_obj_class(mrb, self)))
		return mrb_bool_value(status_of(mrb, other) == status_of(mrb, self));
	return mrb_bool_value(mrb_integer_p(other) && mrb_integer(other) == status_of(mrb, self));
}

static mrb_value status_to_s(mrb_state *mrb, mrb_value self)
{
	int status = status_of(mrb, self);
	bool killed = WIFSIGNALED(status);

	return mrb_format(mrb, "pid %v %s %d", status_pid(mrb, self), killed ? "signal" : "exit",
		killed ? WTERMSIG(status) : WEXITSTATUS(status));
}

static const struct {
	const char *name;
	mrb_func_t function;
	mrb_aspec args;
} status_methods[] = {
	{"initialize", status_initialize, MRB_ARGS_REQ(2)},
	{"pid", status_pid, MRB_ARGS_NONE()},
	{"to_i", status_to_i, MRB_ARGS_NONE()},
	{"exitstatus", status_exitstatus, MRB_ARGS_NONE()},
	{"termsig", status_termsig, MRB_ARGS_NONE()},
	{"success?", status_is_success, MRB_ARGS_NONE()},
	{"==", status_equal, MRB_ARGS_REQ(1)},
	{"to_s", status_to_s, MRB_ARGS_NONE()},
	{"inspect", status_to_s, MRB_ARGS_NONE()},
};

static void remember_status(mrb_state *mrb, pid_t pid, int status)
{
	struct RClass *c = mrb_class_get_under(mrb, mrb_module_get(mrb, "Process"), "Status");
	mrb_value arguments[] = {mrb_fixnum_value(pid), mrb_fixnum_value(status)};

	mrb_gv_set(mrb, mrb_intern_lit(mrb, "$?"), mrb_obj_new(mrb, c, 2, arguments));
}

/* ---- system ---- */

/* Starts the program and waits for it. Its status as of waitpid; *ret_pid is 0 when it could not be started. */
static int run_program(char *const *argv, pid_t *ret_pid)
{
	int status;

	if (posix_spawnp(ret_pid, argv[0], NULL, NULL, argv, environ) != 0) {
		*ret_pid = 0;
		return NOT_FOUND << 8;
	}
	while (waitpid(*ret_pid, &status, 0) < 0)
		if (errno != EINTR)
			return NOT_FOUND << 8;
	return status;
}

/* A list of C strings that lives as long as its arguments; the memory is the interpreter's, as this can raise. */
static char **program_arguments(mrb_state *mrb, mrb_int count, const mrb_value *values)
{
	static const char shell[] = "/bin/sh", option[] = "-c";
	mrb_value memory = mrb_str_new(mrb, NULL, (mrb_int)sizeof(char *) * (count + 3));
	char **argv = (char **)(void *)RSTRING_PTR(memory);
	mrb_int used = 0;

	if (count == 1) {
		argv[used++] = (char *)shell;
		argv[used++] = (char *)option;
	}
	for (mrb_int i = 0; i < count; i++) {
		mrb_value text = values[i];

		argv[used++] = (char *)mrb_string_cstr(mrb, text);
	}
	argv[used] = NULL;
	return argv;
}

/* system("a line for the shell"), system("program", "argument"...): true when it ended with 0, false when not, nil
 * when there is no such program. */
static mrb_value kernel_system(mrb_state *mrb, mrb_value self)
{
	const mrb_value *values;
	mrb_int count;
	pid_t pid;
	int status;

	mrb_get_args(mrb, "*!", &values, &count);
	if (count == 0)
		mrb_raise(mrb, E_ARGUMENT_ERROR, "wrong number of arguments (given 0, expected 1+)");
	status = run_program(program_arguments(mrb, count, values), &pid);
	remember_status(mrb, pid, status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		return mrb_nil_value();
	return mrb_bool_value(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- Process ---- */

static mrb_value process_pid(mrb_state *mrb, mrb_value self)
{
	return mrb_fixnum_value(getpid());
}

static mrb_value process_ppid(mrb_state *mrb, mrb_value self)
{
	return mrb_fixnum_value(getppid());
}

void process_define(mrb_state *mrb)
{
	struct RClass *process = mrb_define_module(mrb, "Process");
	struct RClass *status = mrb_define_class_under(mrb, process, "Status", mrb->object_class);

	mrb_define_module_function(mrb, process, "pid", process_pid, MRB_ARGS_NONE());
	mrb_define_module_function(mrb, process, "ppid", process_ppid, MRB_ARGS_NONE());
	for (size_t i = 0; i < sizeof status_methods / sizeof *status_methods; i++)
		mrb_define_method(
			mrb, status, status_methods[i].name, status_methods[i].function, status_methods[i].args);
	mrb_define_method(mrb, mrb->kernel_module, "system", kernel_system, MRB_ARGS_ANY());
}
