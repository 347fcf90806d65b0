#include <mruby.h>
#include <mruby/irep.h>
#include <mruby/opcode.h>
#include <mruby/proc.h>
#include <string.h>

#include <mruby/debug.h> /* needs the others before it */

#include "ruby/ruby.h"

enum { JUMPS_MAX = 8 };

/* The line that a frame is at, if it is one of the file's. */
static int frame_line(mrb_state *mrb, const mrb_callinfo *ci, const char *file)
{
	const mrb_irep *irep;
	const char *name;
	uint32_t pc;
	int32_t line;

	if (!ci->proc || MRB_PROC_CFUNC_P(ci->proc) || !ci->pc)
		return 0;
	irep = ci->proc->body.irep;
	if (ci->pc <= irep->iseq)
		return 0;
	pc = (uint32_t)(ci->pc - irep->iseq - 1); /* of the call itself: ci->pc is where it returns to */
	name = mrb_debug_get_filename(mrb, irep, pc);
	if (!name || strcmp(name, file) != 0)
		return 0;
	line = mrb_debug_get_line(mrb, irep, pc);
	return line > 0 ? line : 0;
}

int caller_line(mrb_state *mrb, const char *file)
{
	for (const struct mrb_context *c = mrb->c; c; c = c->prev) /* out of fibers */
		for (const mrb_callinfo *ci = c->ci; ci >= c->cibase; ci--) {
			int line = frame_line(mrb, ci, file);

			if (line)
				return line;
		}
	return 0;
}

/* Where the code goes on without doing anything: over unconditional jumps. NULL: out of bounds. */
static const mrb_code *over_jumps(const mrb_irep *irep, const mrb_code *pc)
{
	const mrb_code *end = irep->iseq + irep->ilen;

	for (int i = 0; i < JUMPS_MAX; i++) {
		if (pc < irep->iseq || pc >= end)
			return NULL;
		if (*pc != OP_JMP)
			return pc;
		if (end - pc < 3)
			return NULL;
		pc += 3 + (int16_t)((pc[1] << 8) | pc[2]); /* relative to the next instruction */
	}
	return NULL;
}

bool caller_is_last(mrb_state *mrb)
{
	const mrb_callinfo *ci = mrb->c->ci;
	const mrb_irep *irep;
	const mrb_code *pc;

	/* Only at the top: in a method, a block or a fiber something may follow further out. */
	if (mrb->c != mrb->root_c || ci != mrb->c->cibase + 1 || kernel_has_at_exit(mrb))
		return false;
	ci--;
	if (!ci->proc || MRB_PROC_CFUNC_P(ci->proc) || !ci->pc)
		return false;
	irep = ci->proc->body.irep;
	if (irep->clen > 0) /* a rescue or ensure somewhere: what follows is not told by the next instruction */
		return false;
	pc = over_jumps(irep, ci->pc);
	return pc && *pc == OP_RETURN;
}
