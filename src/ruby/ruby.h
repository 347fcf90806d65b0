/* What the parts of the script host that speak with mruby share.  mruby.h is included here and nowhere below.
 *
 * A raise is a longjmp and skips AUTO: a function that can raise owns nothing.  It copies its arguments out, calls
 * plain C (host.h), and raises on its last line.
 */
#pragma once

#include <jansson.h>
#include <mruby.h>
#include <stdbool.h>

#include "base/faults.h"
#include "ruby/host.h"

/* The host that a state belongs to. */
static inline struct host *host_of(mrb_state *mrb)
{
	return mrb->ud;
}

/* ---- value.c ---- */

/* A Ruby value as JSON: hashes with names (symbols or text) as keys, lists, text, whole numbers, true and false; a
 * symbol becomes text, and so does a number with a fraction ("1.5"); a key whose value is nil is left out. What cannot
 * be taken over is left out, too, and added to f.
 * Never raises and calls no Ruby code. New reference; NULL when it is no hash at all, which has been added to f, too.
 */
json_t *value_document(mrb_state *mrb, mrb_value description, struct faults *f);

/* One value in the same way, hash or not; NULL when it is nil or cannot be taken over. New reference. */
json_t *value_plain(mrb_state *mrb, mrb_value value);

/* JSON as Ruby: hashes with text as keys. May raise (memory). */
mrb_value value_ruby(mrb_state *mrb, const json_t *value);

/* ---- caller.c ---- */

/* The line of the script that is being executed, for a method in C; 0: not known. */
int caller_line(mrb_state *mrb, const char *file);

/* Whether nothing of the script follows after the method in C that is being executed: then nobody needs its value, and
 * the script host may go. False whenever that is not certain. */
bool caller_is_last(mrb_state *mrb);

/* ---- virtual.c, kernel.c, process.c, env.c: each defines its classes and methods ---- */

void virtual_define(mrb_state *mrb);
void kernel_define(mrb_state *mrb);
void process_define(mrb_state *mrb);
void env_define(mrb_state *mrb);

/* ---- react.c: blocks ---- */

void react_define(mrb_state *mrb, struct RClass *virtual_class);
void react_run_block(struct host *h, const json_t *message); /* of struct host */

/* What went wrong in a block, or in the script (main.c). */
void script_say_exception(mrb_state *mrb, mrb_value exception);

/* Whether an exception is SystemExit, and then its status. Does not raise. */
bool kernel_is_exit(mrb_state *mrb, mrb_value exception, int *ret_status);

/* Takes the last block that at_exit was given; nil: none is left. */
mrb_value kernel_next_at_exit(mrb_state *mrb);
bool kernel_has_at_exit(mrb_state *mrb);
