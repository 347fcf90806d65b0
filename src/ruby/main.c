/* virtualing-ruby FILE [ARGUMENT...]: the script host.
 *
 * Started by the supervisor, which is on the other end of the socket on descriptor 3 and outlives us: a Ruby exception
 * is a longjmp and a script can hang or crash, so Ruby is a process of its own.  We evaluate the file, send each
 * description with the request to start it, and wait for the answers; when the file has nothing more to do we go, and
 * the supervisor runs on alone.  We hold nothing that anybody would have to tidy up.
 *
 * We share the terminal with the supervisor and with the command.  What a Ctrl-C means is decided by the supervisor; we
 * are deaf to it and are killed by its end.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ruby/ruby.h"

enum {
	SOCKET = 3,
	TRACE_MAX = 40 /* lines; an endless recursion has thousands */
};

struct script {
	struct host host;
	char **arguments; /* NULL-terminated */
	int status;	  /* to end with; STATUS_NONE: that of the last virtual */
};

/* ---- the terminal's signals ---- */

static void do_nothing(int signal)
{
}

/* Caught, not ignored: exec resets what is caught, so that the programs that a script starts are as usual. */
static void be_deaf(void)
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTSTP, SIGHUP};

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct sigaction now = {.sa_handler = do_nothing, .sa_flags = SA_RESTART}, before;

		sigaction(signals[i], NULL, &before);
		if (before.sa_handler != SIG_IGN) /* nohup: stays ignored, also for others */
			sigaction(signals[i], &now, NULL);
	}
}

/* ---- what went wrong ---- */

static void say_text(struct script *s, int line, mrb_value text, json_t *trace)
{
	host_say(&s->host, line, "", "", RSTRING_PTR(text), (size_t)RSTRING_LEN(text), trace);
}

static void say_syntax_errors(struct script *s, const struct mrb_parser_state *p)
{
	size_t kept = sizeof p->error_buffer / sizeof *p->error_buffer;
	char text[512];

	for (size_t i = 0; i < p->nerr && i < kept; i++) {
		const struct mrb_parser_message *m = &p->error_buffer[i];
		int length = snprintf(text, sizeof text, "column %d: %s", m->column, m->message);

		if (length >= (int)sizeof text)
			length = sizeof text - 1;
		host_say(&s->host, m->lineno, "", "", text, (size_t)length, NULL);
	}
	if (p->nerr > kept) {
		int length = snprintf(text, sizeof text, "%zu more syntax errors follow", p->nerr - kept);

		host_say(&s->host, 0, "", "", text, (size_t)length, NULL);
	}
}

/* The line in "httpd.rb:7:in name", or 0 when it is of another file. */
static int line_of(const struct script *s, mrb_value place)
{
	size_t length = strlen(s->host.file);

	if (!mrb_string_p(place) || (size_t)RSTRING_LEN(place) <= length + 1 ||
		memcmp(RSTRING_PTR(place), s->host.file, length) != 0 || RSTRING_PTR(place)[length] != ':')
		return 0;
	return atoi(RSTRING_PTR(place) + length + 1); /* texts end in NUL */
}

/* Plain C. lines: an array, perhaps. */
static void say_with_trace(struct script *s, mrb_value text, mrb_value lines)
{
	json_t *trace = json_array();
	mrb_int count = mrb_array_p(lines) ? RARRAY_LEN(lines) : 0;
	int line = 0;

	for (mrb_int i = 0; i < count; i++) {
		mrb_value place = RARRAY_PTR(lines)[i];

		if (!line)
			line = line_of(s, place);
		if (i < TRACE_MAX && mrb_string_p(place))
			json_array_append_new(trace, json_stringn(RSTRING_PTR(place), (size_t)RSTRING_LEN(place)));
	}
	say_text(s, line, text, trace);
	json_decref(trace);
}

struct failure {
	struct script *script;
	mrb_value exception;
};

/* May raise: an exception's own message is Ruby code. */
static mrb_value say_exception(mrb_state *mrb, void *arg)
{
	struct failure *f = arg;
	const char *class = mrb_obj_classname(mrb, f->exception);
	mrb_value message = mrb_obj_as_string(mrb, mrb_funcall(mrb, f->exception, "message", 0));
	mrb_value lines = mrb_funcall(mrb, f->exception, "backtrace", 0);

	say_with_trace(f->script, mrb_format(mrb, "%v (%s)", message, class), lines);
	return mrb_nil_value();
}

/* Whatever ended a piece of the script: the exit that it asked for, or a fault. */
static void ended_by(mrb_state *mrb, struct script *s, mrb_value exception)
{
	struct failure f = {s, exception};
	mrb_bool failed;
	static const char text[] = "an exception whose message cannot be shown";

	if (kernel_is_exit(mrb, exception, &s->status))
		return;
	s->status = STATUS_FAILED;
	mrb_protect_error(mrb, say_exception, &f, &failed);
	if (failed)
		host_say(&s->host, 0, "", "", text, sizeof text - 1, NULL);
}

void script_say_exception(mrb_state *mrb, mrb_value exception)
{
	struct script *s = (struct script *)host_of(mrb); /* its first member */
	bool wrong = s->host.wrong;
	int status = s->status;

	ended_by(mrb, s, exception);
	s->status = status; /* the script goes on, and nothing is wrong with the file */
	s->host.wrong = wrong;
}

/* ---- evaluation ---- */

static void define(mrb_state *mrb, struct script *s)
{
	mrb_value arguments = mrb_ary_new(mrb), name = mrb_str_new_cstr(mrb, s->host.file);

	virtual_define(mrb);
	kernel_define(mrb);
	process_define(mrb);
	env_define(mrb);
	for (char **a = s->arguments; *a; a++)
		mrb_ary_push(mrb, arguments, mrb_str_new_cstr(mrb, *a));
	mrb_define_global_const(mrb, "ARGV", arguments);
	mrb_gv_set(mrb, mrb_intern_lit(mrb, "$0"), name);
	mrb_gv_set(mrb, mrb_intern_lit(mrb, "$PROGRAM_NAME"), name);
}

static mrb_value evaluate(mrb_state *mrb, void *arg)
{
	struct script *s = arg;
	mrbc_context *context;
	struct mrb_parser_state *p;

	define(mrb, s);
	context = mrbc_context_new(mrb);
	context->capture_errors = TRUE;
	mrbc_filename(mrb, context, s->host.file);
	p = mrb_parse_nstring(mrb, s->host.source.text, s->host.source.length, context);
	if (p && p->nerr > 0) {
		say_syntax_errors(s, p);
		return mrb_nil_value(); /* the parser is freed with the process */
	}
	mrb_load_exec(mrb, p, context);
	if (mrb->exc)
		mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
	return mrb_nil_value();
}

static mrb_value call_block(mrb_state *mrb, void *block)
{
	return mrb_yield_argv(mrb, *(mrb_value *)block, 0, NULL);
}

static void run_at_exit(mrb_state *mrb, struct script *s)
{
	mrb_value block, result;
	mrb_bool failed;

	while (!mrb_nil_p(block = kernel_next_at_exit(mrb))) {
		int arena = mrb_gc_arena_save(mrb);

		mrb_gc_protect(mrb, block);
		result = mrb_protect_error(mrb, call_block, &block, &failed);
		if (failed)
			ended_by(mrb, s, result);
		mrb_gc_arena_restore(mrb, arena);
	}
}

static _Noreturn void lack_memory(struct script *s)
{
	static const char text[] = "not enough memory for the Ruby interpreter";

	host_say(&s->host, 0, "", "", text, sizeof text - 1, NULL);
	host_finish(&s->host, STATUS_FAILED);
}

static _Noreturn void run_script(struct script *s, mrb_state *mrb)
{
	mrb_value result;
	mrb_bool failed;

	mrb->ud = &s->host;
	s->host.ruby = mrb;
	s->host.run_block = react_run_block;
	result = mrb_protect_error(mrb, evaluate, s, &failed);
	if (failed)
		ended_by(mrb, s, result);
	if (s->host.watching && !s->host.wrong)
		host_wait(&s->host, NULL);
	run_at_exit(mrb, s);
	host_finish(&s->host, s->status);
}

int main(int argc, char **argv)
{
	mrb_state *mrb;
	struct script s = {.status = STATUS_NONE};
	struct source_caller caller = source_caller_now();
	struct err e;

	if (argc < 2 || host_init(&s.host, SOCKET, argv[1], &e) < 0) {
		fprintf(stderr, "virtualing-ruby: %s\n",
			argc < 2 ? "is started by virtualing: virtualing FILE.rb" : e.text);
		return STATUS_FAILED;
	}
	be_deaf();
	s.arguments = argv + 2;
	if (source_read(s.host.file, &caller, &s.host.source, &e) < 0) {
		host_say(&s.host, 0, "", "", e.text, strlen(e.text), NULL);
		host_finish(&s.host, STATUS_FAILED);
	}
	mrb = mrb_open();
	if (mrb)
		run_script(&s, mrb);
	lack_memory(&s);
}
