/* The last call of the child.  It allocates nothing, for it runs on the memory of its parent. */
#include <string.h>

#include "jail/ready.h"

int jail_explain(const struct jail_ready *r, const struct execution *x, struct err *e)
{
	const char *where = r->mode == MODE_OPEN ? "" : " in the jail";

	switch ((enum execution_reason)x->reason) {
	case EXECUTION_NOWHERE:
		return err_set(e, ENOENT, "command not found%s: %s (searched %s)", where, r->words[1],
			r->path ? r->path : "nowhere: PATH is not set");
	case EXECUTION_NO_INTERPRETER:
		return err_set(e, ENOEXEC,
			"execute %s: it is there, but the interpreter of its first line, %s, is not%s", x->file,
			x->interpreter, where);
	case EXECUTION_NO_LOADER:
		return err_set(e, ENOEXEC,
			"execute %s: it is there, but the loader that it was linked for (or a library directory) is "
			"not%s",
			x->file, where);
	case EXECUTION_REFUSED:
		break;
	}
	if (x->error == ENOENT || x->error == ENOTDIR)
		return err_set(e, ENOENT, "command not found%s: %s", where, x->file);
	errno = x->error;
	return err_sys(e, "execute %s%s", x->file, where);
}

int jail_exec(const struct jail_ready *r, struct err *e)
{
	struct execution x = {0};

	if (!r->words[1] || !*r->words[1])
		return err_set(e, ENOENT, "the command is empty");
	execute(r->words, r->env, &x);
	return jail_explain(r, &x, e);
}

int jail_exec_init(const struct jail_ready *r, int init, struct err *e)
{
	static char name[] = "virtualing-init";

	r->words[0] = name;
	execveat(init, "", r->words, r->env, AT_EMPTY_PATH);
	return err_sys(e, "execute init");
}
